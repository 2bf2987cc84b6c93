package tally

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newTally(t testing.TB, o Options) *Tally {
	t.Helper()
	tally, err := NewTally(o)
	if err != nil {
		t.Fatal(err)
	}
	return tally
}

// frame is an event of c1 as it comes over the bus: type, component, version and, for
// upgraded, the new one.
func frame(t testing.TB, of lifecycle.Type, component, identity string, versions ...string) []byte {
	t.Helper()
	options := []lifecycle.Option{lifecycle.Component(component), lifecycle.Identity(identity)}
	if len(versions) > 0 {
		options = append(options, lifecycle.Version(versions[0]))
	}
	if len(versions) > 1 {
		options = append(options, lifecycle.NewVersion(versions[1]))
	}
	e, err := lifecycle.New(of, options...)
	if err != nil {
		t.Fatal(err)
	}
	topic, err := e.Target()
	if err != nil {
		t.Fatal(err)
	}
	data, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return message.Join(topic, data)
}

var ofGoOrProcess = regexp.MustCompile(`(?m)^(# (HELP|TYPE) )?(go|process)_.*\n`)

// scrape is the page without what client_golang tells of any process.
func scrape(t testing.TB, of *Tally) string {
	t.Helper()
	w := httptest.NewRecorder()
	of.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	return ofGoOrProcess.ReplaceAllString(w.Body.String(), "")
}

// shows wants lines on the page; one that begins with "!" is not to be there.
func shows(t *testing.T, of *Tally, lines ...string) {
	t.Helper()
	text := scrape(t, of)
	for _, line := range lines {
		line, unwanted := strings.CutPrefix(line, "!")
		if strings.Contains(text, "\n"+line) == unwanted {
			t.Errorf("want %q (unwanted: %t) in\n%s", line, unwanted, text)
		}
	}
}

// wire is a Source that a test feeds.
type wire struct {
	frames chan []byte // sent by tests; closed: the bus is
	away   atomic.Bool
}

func newWire() *wire { return &wire{frames: make(chan []byte, 1000)} }

func (w *wire) Connected() bool { return !w.away.Load() }

var errClosed = errors.New("bus is closed")

func (w *wire) Receive(ctx context.Context) ([]byte, error) {
	select {
	case f, open := <-w.frames:
		if !open {
			return nil, errClosed
		}
		return f, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func name(i int) string { return fmt.Sprintf("c%d.example.net", i) }
