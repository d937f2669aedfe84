package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestSecurityPage follows docs/security.md: the files that it names are there,
// and so are the variables.
func TestSecurityPage(t *testing.T) {
	t.Parallel()
	const root = "../.."
	page, err := os.ReadFile(filepath.Join(root, "docs/security.md"))
	must(t, err)
	parser, err := kong.New(new(cli))
	must(t, err)
	variables := map[string]bool{"DATA_DIR": true}
	for _, command := range parser.Model.Leaves(true) {
		for _, group := range command.AllFlags(true) {
			for _, flag := range group {
				for _, name := range flag.Envs {
					variables[name] = true
				}
			}
		}
	}
	named := 0
	for _, quoted := range regexp.MustCompile("`[^`\n]+`").FindAllString(string(page), -1) {
		switch name := strings.Trim(quoted, "`"); {
		case regexp.MustCompile(`^[a-z]+/[\w./-]+\.\w+$`).MatchString(name):
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Error(err)
			}
			named++
		case regexp.MustCompile(`^[A-Z]+(_[A-Z]+)+$`).MatchString(name):
			if !variables[name] {
				t.Errorf("%s is no variable", name)
			}
			named++
		}
	}
	if named < 30 {
		t.Errorf("the page names only %d files and variables", named)
	}
}
