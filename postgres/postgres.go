// Package postgres brings the database that the program needs: a private
// PostgreSQL cluster under DATA_DIR, made, started, watched and stopped by this
// process from the PostgreSQL binaries of the machine, and connections to any
// cluster, private or not.
//
// The private cluster listens on a unix socket only, in a directory that no
// other user can enter. It never outlives the program by more than its own
// shutdown, and the program never deletes or upgrades it.
package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	// Database is the database that the first start makes in a private cluster.
	Database = "missioncontrol"

	// Application is the role of a private cluster that the program works as;
	// superuser owns the tables.
	Application = "missioncontrol_app"

	superuser  = "missioncontrol"
	oldest     = 14 // first major version that has what the log needs
	socketName = "/.s.PGSQL.5432"
	// The address of a unix socket holds little more than 100 bytes, fewer on
	// some systems.
	longestSocket = 100
)

// Config says where a private cluster lives and how it is run.
type Config struct {
	DataDir  string            // the cluster lives in DataDir/postgres
	BinDir   string            // PG_BIN; "" searches the usual places
	Log      *slog.Logger      // nil discards
	Progress io.Writer         // lines for people, such as an installation; nil discards
	Install  bool              // as root, install the distribution's package when there are no binaries
	Unsafe   bool              // tests only: a crash of the machine, or of postgres, may lose commits
	Settings map[string]string // more server settings, passed on the command line
}

// Server is a running private cluster.
type Server struct {
	cluster cluster
	log     *slog.Logger
	lock    *os.File

	mu    sync.Mutex
	child *process
}

// cluster is what is known of a private cluster before it runs.
type cluster struct {
	dataDir  string // without symbolic links
	dir      string // dataDir/postgres
	socket   string // directory of the unix socket
	binaries binaries
	account  account
	settings []string // arguments
	unsafe   bool
}

// Start makes the cluster if there is none, starts it and returns when it
// answers. ctx bounds the start only. Whoever starts a Server must Run it: Run
// is also what stops it.
//
// An error that the operator can put right is an *Error.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Progress == nil {
		cfg.Progress = io.Discard
	}
	dataDir, err := makeDataDir(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	lock, err := lockDataDir(dataDir)
	if err != nil {
		return nil, err
	}
	s := &Server{log: cfg.Log, lock: lock}
	if s.cluster, err = prepare(ctx, dataDir, cfg); err == nil {
		err = s.launch(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return s, nil
}

// prepare finds binaries, user and socket directory, and makes the cluster if
// this is the first start.
func prepare(ctx context.Context, dataDir string, cfg Config) (cluster, error) {
	c := cluster{dataDir: dataDir, dir: filepath.Join(dataDir, "postgres"), unsafe: cfg.Unsafe}
	version, err := c.version()
	if err != nil {
		return c, err
	}
	search := search{dir: cfg.BinDir, major: version, dataDir: dataDir}
	c.binaries, err = search.find(ctx)
	if errors.Is(err, ErrMissing) && cfg.Install && cfg.BinDir == "" && os.Geteuid() == 0 {
		present := func() bool {
			_, err := search.find(ctx)
			return err == nil
		}
		if err := debian.install(ctx, cfg.Progress, version, present); err != nil {
			return c, err
		}
		c.binaries, err = search.find(ctx)
	}
	if err != nil {
		return c, err
	}
	// Only now: the installation of the package makes the user postgres.
	if c.account, err = accountFor(c.dir, version != 0); err != nil {
		return c, err
	}
	if err := c.account.reaches(ctx, c.binaries, dataDir); err != nil {
		return c, err
	}
	if c.socket, err = makeSocketDir(dataDir, c.account); err != nil {
		return c, err
	}
	c.settings = c.arguments(cfg.Settings)
	if version != 0 {
		return c, nil
	}
	cfg.Log.Info("making a PostgreSQL cluster", "dir", c.dir, "version", c.binaries.version)
	return c, c.make(ctx)
}

// URL returns the connection string of a database of this cluster, for the
// owner of its tables.
func (s *Server) URL(database string) string { return s.urlOf(superuser, database) }

// ApplicationURL returns that for the role Application.
func (s *Server) ApplicationURL(database string) string { return s.urlOf(Application, database) }

func (s *Server) urlOf(role, database string) string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.User(role),
		Path:   "/" + database,
		RawQuery: url.Values{
			"host": {s.cluster.socket}, "port": {"5432"}, "sslmode": {"disable"},
		}.Encode(),
	}
	return u.String()
}

// Pid returns the process id of the postgres that was started last.
func (s *Server) Pid() int {
	return s.running().pid()
}

func (s *Server) running() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.child
}

// makeDataDir makes the directory where it is missing, so that another user can
// pass through it, and returns its path without symbolic links.
func makeDataDir(dir string) (string, error) {
	if dir == "" {
		return "", &Error{Kind: ErrDataDir, Text: "DATA_DIR is empty: set it to the directory that keeps the data"}
	}
	path, err := filepath.Abs(dir)
	if err == nil {
		err = makeDirs(path)
	}
	if err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return "", &Error{
			Kind: ErrDataDir, Cause: err,
			Text: fmt.Sprintf("DATA_DIR %s cannot be used (%v): set DATA_DIR to a directory that this user can write", dir, reason(err)),
		}
	}
	return path, nil
}

// makeDirs is os.MkdirAll with a mode that does not depend on the umask: the
// database user must be able to pass through what root makes here.
func makeDirs(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && !info.IsDir() {
		return errors.New("it is not a directory")
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chmod(dir, 0o711)
}

// makeSocketDir returns a directory that only the database user can enter:
// beside the cluster, or under the directory for temporary files when the path
// would not fit into the address of a socket, or holds characters that mean
// something else in a setting or a connection string.
func makeSocketDir(dataDir string, owner account) (string, error) {
	dir := filepath.Join(dataDir, "socket")
	if len(dir+socketName) >= longestSocket || strings.ContainsAny(dir, `,"'\`) {
		sum := sha256.Sum256([]byte(dataDir))
		name := "missioncontrol-" + hex.EncodeToString(sum[:6])
		dir = filepath.Join(os.TempDir(), name)
		if owner.drop || len(dir+socketName) >= longestSocket {
			dir = filepath.Join("/tmp", name) // the TMPDIR of root may be closed to the database user
		}
	}
	if err := owner.makePrivate(dir); err != nil {
		return "", fmt.Errorf("make the directory of the database's socket for DATA_DIR %s: %w", dataDir, err)
	}
	return dir, nil
}
