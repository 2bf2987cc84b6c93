package postgres

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/postgres/postgrestest"
	"zmicroservices/services/watchdog/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, address string, log *slog.Logger) watchdog.Store {
	t.Helper()
	s, err := Open(t.Context(), address, log)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// All of them share a server: to make one is most of the time.
func TestWithAServer(t *testing.T) {
	server := postgrestest.Start(t)
	t.Run("it is a store", func(t *testing.T) {
		storetest.Conform(t, func(t *testing.T) func() watchdog.Store {
			address := server.Schema(t)
			return func() watchdog.Store { return open(t, address, slog.New(slog.DiscardHandler)) }
		})
	})
	t.Run("views tell the story", func(t *testing.T) { views(t, server) })
	t.Run("what it will not have stands alone", func(t *testing.T) { refusals(t, server) })
	t.Run("a newer schema is refused", func(t *testing.T) { newer(t, server) })
	t.Run("two may begin at once", func(t *testing.T) { together(t, server) })
	t.Run("passwords are not told", func(t *testing.T) { secrets(t, server) })
	t.Run("a server that restarts loses and doubles nothing", func(t *testing.T) { restarts(t, server) })
	t.Run("a server that stays away", func(t *testing.T) { away(t, server) })
}

func query(t *testing.T, s watchdog.Store, text string) (lines []string) {
	t.Helper()
	rows, err := s.(*Store).pool.Query(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Trim(fmt.Sprint(values), "[]"))
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return lines
}

func views(t *testing.T, server *postgrestest.Server) {
	address := server.Schema(t)
	s, _ := storetest.Running(t, func() watchdog.Store { return open(t, address, slog.New(slog.DiscardHandler)) })
	pump := storetest.Pump(1)
	s.Append(watchdog.Entry{
		Message: &watchdog.Message{At: storetest.At(1), Topic: "hippodamia.contact", GID: pump.GID, UUID: "u1", Payload: []byte(`{"a":1}`)},
		Change:  &watchdog.Change{At: storetest.At(1), GID: pump.GID, UUID: "u1", From: "initialize", To: "onboarding", Input: watchdog.Stored},
		After:   &pump,
	})
	s.Append(watchdog.Entry{Message: &watchdog.Message{At: storetest.At(2), Topic: "hippodamia.state.ping", GID: pump.GID, Rejected: "no", Payload: []byte{0}}})
	s.Append(watchdog.Entry{Message: &watchdog.Message{At: storetest.At(2), Topic: "x", Payload: []byte("a\x00b")}})
	storetest.Settle(t, s)
	got := query(t, s, `SELECT to_char(at, 'HH24:MI:SS.MS'), name, what, text FROM story`)
	want := []string{
		`10:00:01.123 pump ü hippodamia.contact {"a":1}`, `10:00:01.123 pump ü change initialize -> onboarding, stored`,
		`10:00:02.123 pump ü rejected no: hippodamia.state.ping`, `10:00:02.123 <nil> x a\000b`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", got)
	}
	if got := query(t, s, `SELECT name, state FROM services`); len(got) != 1 || got[0] != "pump ü onboarding" {
		t.Errorf("%q", got)
	}
}

func refusals(t *testing.T, server *postgrestest.Server) {
	address := server.Schema(t)
	s, _ := storetest.Running(t, func() watchdog.Store { return open(t, address, slog.New(slog.DiscardHandler)) })
	const all = 100
	for n := range all {
		m := watchdog.Message{At: storetest.At(n), Topic: fmt.Sprint(n)}
		c := watchdog.Change{At: storetest.At(n), Reason: fmt.Sprint(n)}
		one := storetest.Pump(n)
		if n == 42 {
			m.Topic, c.Reason, one.Name = "a\x00b", "\xff", "\x00"
		}
		s.Append(watchdog.Entry{Message: &m, Change: &c, After: &one})
	}
	storetest.Settle(t, s)
	for table, want := range map[string]string{"messages": "99", "changes": "99", "microservices": "99"} {
		if got := query(t, s, "SELECT count(*) FROM "+table); got[0] != want {
			t.Errorf("%s: %s", table, got)
		}
	}
	if st := s.Stats(); st.Refused != 3 || st.Written != 3*99 || st.Lost != 0 || st.Failing != "" {
		t.Errorf("%+v", st)
	}
}

func newer(t *testing.T, server *postgrestest.Server) {
	address := server.Schema(t)
	s := open(t, address, slog.New(slog.DiscardHandler))
	if _, err := s.(*Store).pool.Exec(t.Context(), `UPDATE version SET schema = 99`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Open(t.Context(), address, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "version 99, of a newer program") {
		t.Error(err)
	}
}

func together(t *testing.T, server *postgrestest.Server) {
	address := server.Schema(t)
	var work sync.WaitGroup
	for range 4 {
		work.Go(func() { // ends when it has a store, or none
			s, err := Open(t.Context(), address, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

func secrets(t *testing.T, server *postgrestest.Server) {
	address := server.Address()
	for _, bad := range []string{
		strings.Replace(address, "s3cret", "wrong-s3cret", 1), // refused by the server
		strings.Replace(address, "host=", "host=/nonexistent", 1),
		"postgres://watchdog:s3cret%zz@localhost/x",
		"postgres://watchdog:s3cret@localhost:port/x",
		"postgres://watchdog:s3cret@localhost/x?sslmode=what",
		"postgres://localhost/x?password=s3cret&connect_timeout=s3cret",
		"s3cret",
	} {
		_, err := Open(t.Context(), bad, slog.New(slog.DiscardHandler))
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// logged is a log that can be read.
type logged struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// restarts appends without a pause while the server is stopped and killed, and again.
func restarts(t *testing.T, server *postgrestest.Server) {
	var said logged
	address := server.Schema(t)
	s, stop := storetest.Running(t, func() watchdog.Store { return open(t, address, slog.New(slog.NewTextHandler(&said, nil))) })
	enough := make(chan struct{})
	var written int
	var work sync.WaitGroup
	work.Go(func() { // ends with enough
		beat := time.NewTicker(time.Millisecond)
		defer beat.Stop()
		for {
			select {
			case <-enough:
				return
			case <-beat.C:
			}
			for range 5 {
				one := storetest.Pump(written % 7)
				one.Seq = uint64(written)
				s.Append(watchdog.Entry{Message: &watchdog.Message{At: storetest.At(written), Topic: fmt.Sprint(written)}, After: &one})
				written++
			}
		}
	})
	for range 2 {
		storetest.Settle(t, s)
		server.Kill()
		server.Restart(t)
		storetest.Settle(t, s)
		server.Stop()
		server.Restart(t)
	}
	close(enough)
	work.Wait()
	storetest.Settle(t, s)
	if got := query(t, s, `SELECT count(*), count(DISTINCT topic) FROM messages`); got[0] != fmt.Sprint(written, " ", written) {
		t.Errorf("%d were written, of which there are %s", written, got)
	}
	if got := query(t, s, `SELECT count(*) FROM (SELECT topic::int - lag(topic::int) OVER (ORDER BY row) AS step FROM messages) steps WHERE step <> 1`); got[0] != "0" {
		t.Errorf("%s are out of order", got[0])
	}
	if got := query(t, s, `SELECT max(seq) FROM microservices`); got[0] != fmt.Sprint(written-1) {
		t.Errorf("the latest row has %s, not %d", got[0], written-1)
	}
	if st := s.Stats(); st.Lost+st.Refused > 0 || st.Waiting > 0 || st.Failing != "" {
		t.Errorf("%+v", st)
	}
	stop()
	log := said.String()
	if !strings.Contains(log, "store cannot write") || !strings.Contains(log, "store writes again") || strings.Contains(log, "s3cret") {
		t.Error(log)
	}
	// One whose store was stopped asks for no commit.
	s, _ = storetest.Running(t, func() watchdog.Store { return open(t, address, slog.New(slog.DiscardHandler)) })
	if got := query(t, s, `SELECT count(*) FROM commits`); got[0] != "0" {
		t.Errorf("%s commits are left", got[0])
	}
}

// away has no server when it closes: what waits is told as lost, and nobody waits for ever.
func away(t *testing.T, server *postgrestest.Server) {
	s := open(t, server.Schema(t), slog.New(slog.DiscardHandler))
	ended := make(chan error, 1) // Run's end
	go func() { ended <- s.Run(context.Background()) }()
	storetest.Settle(t, s)
	server.Kill()
	one := storetest.Pump(1)
	s.Append(watchdog.Entry{Message: &watchdog.Message{At: storetest.At(1)}, After: &one})
	answer := make(chan error, 1) // one answer
	s.Durable(func(err error) { answer <- err })
	for look := time.NewTicker(time.Millisecond); s.Stats().Failing == ""; <-look.C {
		if t.Context().Err() != nil {
			t.Fatal("it does not notice")
		}
	}
	if err := s.Close(t.Context()); err == nil || !strings.Contains(err.Error(), "2 writes lost") || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
	if err := <-answer; err == nil {
		t.Error("what is lost was told as durable")
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if st := s.Stats(); st.Lost != 2 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}
