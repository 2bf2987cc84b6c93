// Package postgrestest runs a PostgreSQL server for tests: of its own, in a directory of
// its own, on a unix socket, as a user who is not root.
//
//	server := postgrestest.Start(t)
//	s, err := postgres.Open(ctx, server.Schema(t), logger)
//	server.Kill(t)    // as a power cut of the server's process
//	server.Restart(t)
package postgrestest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	patience = time.Minute
	role     = "watchdog"
	password = "s3cret/:@%" // what has to be escaped
)

// Server is one.
type Server struct {
	dir, bin string
	as       *syscall.Credential // nil: we are nobody special ourselves
	cmd      *exec.Cmd
	ended    chan error // of cmd, once
	log      *bytes.Buffer
	schemas  int
}

// Start makes a server, which ends with the test. fsync is off unless options, as for
// postgres -c, say otherwise: machines do not lose power in tests.
func Start(t testing.TB, options ...string) *Server {
	t.Helper()
	s := &Server{bin: find(t), as: unprivileged(t)}
	// Not t.TempDir: its parent is closed to other users, and its path long for a socket.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	s.dir = dir
	t.Cleanup(func() {
		s.end(syscall.SIGQUIT)
		_ = os.RemoveAll(dir) // what is left is the system's to clean
	})
	if s.as != nil {
		if err := os.Chown(dir, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "pw"), []byte(password+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	initdb := exec.CommandContext(ctx, filepath.Join(s.bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", role, "-A", "scram-sha-256",
		"--pwfile", filepath.Join(dir, "pw"), "-E", "UTF8", "--locale", "C", "--no-sync")
	s.become(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v: %s", err, out)
	}
	conf := "listen_addresses = ''\nunix_socket_directories = '" + dir + "'\nmax_connections = 50\nshared_buffers = 16MB\n"
	if !strings.Contains(strings.Join(options, " "), "fsync") {
		conf += "fsync = off\n"
	}
	conf += strings.Join(options, "\n") + "\n"
	f, err := os.OpenFile(filepath.Join(dir, "data", "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(conf)
		_ = f.Close() // an error of writing was told by WriteString
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Restart(t)
	return s
}

// find gives the directory of the programs: Debian has them off the PATH.
func find(t testing.TB) string {
	t.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb"); len(found) > 0 {
		return filepath.Dir(found[len(found)-1])
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path)
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no PostgreSQL server")
	}
	t.Skip("there is no PostgreSQL server; apt-get install postgresql")
	return ""
}

// unprivileged is who runs the server, which refuses root.
func unprivileged(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("nobody can run PostgreSQL: it refuses root")
	return nil
}

func (s *Server) become(cmd *exec.Cmd) {
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGKILL}
}

// Restart starts the server, and waits until it answers.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.log = &bytes.Buffer{}
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"))
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.become(s.cmd)
	s.cmd.SysProcAttr.Pdeathsig = 0 // of the thread that starts it, which may end before
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.ended = make(chan error, 1)
	go func(cmd *exec.Cmd, ended chan<- error) { ended <- cmd.Wait() }(s.cmd, s.ended) // ends with the server
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for end := time.After(patience); ; {
		c, err := pgx.Connect(context.Background(), s.Address())
		if err == nil {
			_ = c.Close(context.Background()) // it was only to know
			return
		}
		select {
		case <-look.C:
		case err := <-s.ended:
			s.ended <- err
			t.Fatalf("postgres ended: %v: %s", err, s.log)
		case <-end:
			t.Fatalf("postgres does not answer: %v", err)
		}
	}
}

// Stop ends the server as an operator would in a hurry: connections are cut, nothing is lost.
func (s *Server) Stop() { s.end(syscall.SIGINT) }

// Kill ends the server without giving it time for anything: it recovers at the next start.
func (s *Server) Kill() { s.end(syscall.SIGQUIT) }

func (s *Server) end(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(sig) // an error is that it has ended
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
	s.cmd = nil
}

// Password is that of the role in addresses.
func (s *Server) Password() string { return password }

// Address is where its database is, and the password.
func (s *Server) Address() string { return s.address("") }

func (s *Server) address(schema string) string {
	a := fmt.Sprintf("postgres://%s:s3cret%%2F%%3A%%40%%25@/postgres?host=%s", role, s.dir)
	if schema != "" {
		a += "&search_path=" + schema
	}
	return a
}

// Schema makes an empty schema, and gives its address.
func (s *Server) Schema(t testing.TB) string {
	t.Helper()
	s.schemas++
	name := fmt.Sprint("plant", s.schemas)
	s.Exec(t, "CREATE SCHEMA "+name)
	return s.address(name)
}

// Exec carries out a statement.
func (s *Server) Exec(t testing.TB, statement string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), s.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.Background())
	if _, err := c.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}
