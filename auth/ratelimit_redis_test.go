package auth_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"missioncontrol/auth"
)

func TestConnectRedis(t *testing.T) {
	server, _ := newMiniredis(t)
	server.RequireUserAuth("me", "s3cret")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	_ = listener.Close()
	for name, test := range map[string]struct {
		address, want string // in the error; empty: none
	}{
		"there":                         {"redis://me:s3cret@" + server.Addr() + "/0", ""},
		"nobody there":                  {"redis://me:s3cret@" + nobody + "/1", "redis://***@" + nobody + "/1"},
		"nobody there, no credentials":  {"redis://" + nobody, "redis://" + nobody},
		"another password":              {"redis://me:s3cretx@" + server.Addr(), "redis://***@" + server.Addr()},
		"no password":                   {"redis://" + server.Addr(), "redis://" + server.Addr()},
		"another scheme":                {"http://me:s3cret@" + nobody, "must be like redis://"},
		"no address":                    {"", "must be like redis://"},
		"a password with a slash":       {"redis://me:s3cret/x@" + nobody, "***"},
		"a numeric one with a slash":    {"redis://:1234/s3cret@" + nobody, ": ***"},
		"a numeric one with a hash":     {"redis://:1234#s3cret@" + nobody, ": ***"},
		"a numeric one with a question": {"redis://:1234?s3cret@" + nobody, ": ***"},
		"a password in the options":     {"redis://" + nobody + "?password=s3cret", "redis://" + nobody},
		"a database that is none":       {"redis://me:s3cret@" + nobody + "/x", "redis://***@" + nobody},
		"a control character":           {"redis://me:s3cret\x7f@" + nobody, "***"},
	} {
		t.Run(name, func(t *testing.T) {
			limits, err := auth.ConnectRedis(t.Context(), test.address, quiet)
			if limits != nil {
				defer limits.Close() //nolint:errcheck // the test is over
			}
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "1234") {
				t.Errorf("the error shows a password: %v", err)
			}
		})
	}
}

func TestRedisLimiter(t *testing.T) {
	server, at := newMiniredis(t)
	log := &journal{}
	limits, err := auth.ConnectRedis(t.Context(), "redis://"+server.Addr(), log.log())
	if err != nil {
		t.Fatal(err)
	}
	defer limits.Close() //nolint:errcheck // the test is over
	l, err := limits.Limiter(auth.Policy{Name: "agent_auth", Limit: 2, Window: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a key/is a sorted set that outlives its window by a second", func(t *testing.T) {
		l.Allow(t.Context(), "203.0.113.9")
		const key = "ratelimit:agent_auth:203.0.113.9"
		members, err := server.ZMembers(key)
		if err != nil || len(members) != 1 || server.TTL(key) != 61*time.Second {
			t.Fatalf("%v, %v, TTL %s", members, err, server.TTL(key))
		}
		if score, _ := server.ZScore(key, members[0]); int64(score) != at.Now().UnixMicro() {
			t.Errorf("score %f", score)
		}
		l.Check(t.Context(), "203.0.113.8")
		if server.Exists("ratelimit:agent_auth:203.0.113.8") {
			t.Error("a look leaves something behind")
		}
	})
	t.Run("a client that leaves/is counted", func(t *testing.T) {
		gone, leave := context.WithCancel(t.Context())
		leave()
		for range 2 {
			l.Allow(gone, "gone")
		}
		if l.Check(gone, "gone").Allowed {
			t.Error("it passes")
		}
	})
	t.Run("scripts that Redis forgot/are sent again", func(t *testing.T) {
		server.FlushAll()
		if d := l.Allow(t.Context(), "again"); !d.Allowed || d.Remaining != 1 {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("a failing Redis/lets everything pass with one warning", func(t *testing.T) {
		server.SetError("LOADING Redis is loading the dataset in memory")
		for range 20 {
			if !l.Allow(t.Context(), "a").Allowed || !l.Check(t.Context(), "a").Allowed {
				t.Fatal("it is refused")
			}
		}
		server.SetError("")
		if n := strings.Count(log.String(), "rate_limit.redis.unavailable"); n != 1 || !strings.Contains(log.String(), "level=WARN") {
			t.Errorf("%d warnings: %s", n, log)
		}
		l.Allow(t.Context(), "a")
		l.Allow(t.Context(), "a")
		if l.Allow(t.Context(), "a").Allowed {
			t.Error("it does not count again")
		}
	})
}

// TestRedisServer meets the real program.
func TestRedisServer(t *testing.T) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("this test needs redis-server: apt-get install redis-server")
	}
	dir, err := os.MkdirTemp("", "mcredis") // t.TempDir's path may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s")
	address := "unix://:s3cret@" + socket
	server, stop := startRedis(t, binary, dir, socket)

	log := &journal{}
	limits, err := auth.ConnectRedis(t.Context(), address, log.log())
	if err != nil {
		t.Fatal(err)
	}
	defer limits.Close() //nolint:errcheck // the test is over
	policy := auth.Policy{Name: "agent_auth", Limit: 20, Window: 3 * time.Second}
	l, err := limits.Limiter(policy)
	if err != nil {
		t.Fatal(err)
	}
	if n := passing(t.Context(), l, 100); n != 20 {
		t.Fatalf("%d of 100 at once passed a limit of 20: %s", n, log)
	}
	other, err := auth.ConnectRedis(t.Context(), address, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close() //nolint:errcheck // the test is over
	same, err := other.Limiter(policy)
	if err != nil {
		t.Fatal(err)
	}
	if d := same.Check(t.Context(), "a"); d.Allowed || d.RetryAfter <= 0 || d.RetryAfter > policy.Window {
		t.Errorf("another process is told %+v", d)
	}
	eventually(t, func() bool { return l.Check(t.Context(), "a").Allowed })
	if d := l.Allow(t.Context(), "b"); d.Remaining != 19 || d.Reset != policy.Window {
		t.Errorf("got %+v", d)
	}

	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := server.Signal(signal); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if !l.Allow(t.Context(), "hangs").Allowed || time.Since(began) > 3*time.Second {
			t.Errorf("a Redis that hangs keeps requests for %s, or refuses them", time.Since(began))
		}
	}

	stop()
	if !l.Allow(t.Context(), "a").Allowed || !strings.Contains(log.String(), "rate_limit.redis.unavailable") {
		t.Errorf("without Redis it is refused, or nobody is warned: %s", log)
	}
	if strings.Contains(log.String(), "s3cret") {
		t.Errorf("the password is logged: %s", log)
	}
	startRedis(t, binary, dir, socket)
	eventually(t, func() bool { return !l.Allow(t.Context(), "c").Allowed })
}

// startRedis runs a Redis that nobody else can reach until stop is called or
// the test ends.
func startRedis(t *testing.T, binary, dir, socket string) (process *os.Process, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	server := exec.CommandContext(ctx, binary, "--port", "0", "--unixsocket", socket, "--dir", dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--requirepass", "s3cret")
	if err := server.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		_ = server.Wait() // killed
	}
	t.Cleanup(stop)
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, Password: "s3cret"})
	defer client.Close() //nolint:errcheck // a probe
	eventually(t, func() bool {
		err := client.Ping(t.Context()).Err()
		return err == nil || (!errors.Is(err, os.ErrNotExist) && strings.Contains(err.Error(), "WRONGPASS"))
	})
	return server.Process, stop
}
