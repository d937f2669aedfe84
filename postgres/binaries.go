package postgres

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// binaries is a directory with the programs of one PostgreSQL.
type binaries struct {
	dir     string
	major   int
	version string // such as 15.18
}

func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }
func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }

// search is for binaries that can run the cluster in dataDir.
type search struct {
	dir     string // PG_BIN; "" means everywhere
	major   int    // of the existing cluster; 0 takes the newest
	dataDir string
	usual   []string // patterns of the usual places; nil means those of this kind of system
}

// usualPlaces are where distributions and Homebrew put server programs that are
// not in PATH.
func usualPlaces() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/usr/libexec/postgresql*",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
	}
}

// find returns the binaries of the cluster's version or, without a cluster, the
// newest.
func (s search) find(ctx context.Context) (binaries, error) {
	var found []binaries
	if s.dir != "" {
		b, err := inspect(ctx, s.dir)
		if err != nil {
			return b, &Error{Kind: ErrMissing, Cause: err, Text: fmt.Sprintf(
				"PG_BIN %s does not hold the programs of a PostgreSQL server (%s): set PG_BIN to the directory of postgres and initdb", s.dir, reason(err))}
		}
		found = append(found, b)
	} else {
		for _, dir := range s.places() {
			if b, err := inspect(ctx, dir); err == nil {
				found = append(found, b)
			}
		}
	}
	return s.choose(found)
}

func (s search) choose(found []binaries) (binaries, error) {
	slices.SortStableFunc(found, func(a, b binaries) int { return cmp.Compare(b.major, a.major) })
	if len(found) == 0 || found[0].major < oldest && s.major == 0 {
		return binaries{}, s.missing(found)
	}
	if s.major == 0 {
		return found[0], nil
	}
	i := slices.IndexFunc(found, func(b binaries) bool { return b.major == s.major })
	if i < 0 {
		return binaries{}, &Error{Kind: ErrVersion, Text: fmt.Sprintf(
			"DATA_DIR %s holds a cluster of PostgreSQL %d, but the binaries are of version %s: %s, or choose another DATA_DIR",
			s.dataDir, s.major, versions(found), s.remedy())}
	}
	return found[i], nil
}

func (s search) missing(found []binaries) error {
	problem := "no PostgreSQL server was found"
	if len(found) > 0 {
		problem = fmt.Sprintf("PostgreSQL %d or newer is needed, but only version %s was found", oldest, versions(found))
	}
	return &Error{Kind: ErrMissing, Text: problem + ": " + s.remedy()}
}

// remedy is what brings the missing binaries to this kind of machine.
func (s search) remedy() string {
	const bin = ", or set PG_BIN to the directory of its programs"
	if _, err := os.Stat("/etc/debian_version"); err == nil {
		return "install it with: sudo apt-get install " + debianPackage(s.major) + bin
	}
	if runtime.GOOS == "darwin" {
		return fmt.Sprintf("install it with: brew install postgresql@%d", max(s.major, 17)) + bin
	}
	if s.major == 0 {
		return "install the PostgreSQL server package of your system" + bin
	}
	return fmt.Sprintf("install the package of the PostgreSQL %d server", s.major) + bin
}

// places lists the directories that may hold binaries, PATH first.
func (s search) places() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	patterns := s.usual
	if patterns == nil {
		patterns = usualPlaces()
	}
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err == nil {
			dirs = append(dirs, matches...)
		}
	}
	return dirs
}

// postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1), or 18beta1.
var versionLine = regexp.MustCompile(`^postgres \(.*?\) ((\d+)[^ \n]*)`)

func inspect(ctx context.Context, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if info, err := os.Stat(b.initdb()); err != nil {
		return b, fmt.Errorf("initdb: %w", err)
	} else if info.IsDir() {
		return b, fmt.Errorf("initdb: %w", fs.ErrInvalid)
	}
	out, err := exec.CommandContext(ctx, b.postgres(), "-V").Output()
	if err != nil {
		return b, fmt.Errorf("postgres -V: %w", err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return b, fmt.Errorf("postgres -V answered %q", oneLine(string(out)))
	}
	b.version = string(match[1])
	b.major, err = strconv.Atoi(string(match[2]))
	return b, err
}

func versions(found []binaries) string {
	var list []string
	for _, b := range found {
		list = append(list, b.version)
	}
	return strings.Join(slices.Compact(list), ", ")
}
