package monitor

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/taskservice"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// flaky ends each time after one message.
type flaky struct {
	asked chan Query // sent by Follow, never closed; 0
}

func (f flaky) Follow(ctx context.Context, q Query, each func([]byte)) error {
	select {
	case f.asked <- q:
	case <-ctx.Done():
		return ctx.Err()
	}
	each([]byte("monitor @@@ {}"))
	return errors.New("the provider went away")
}

func TestASourceThatEndsIsAskedAgain(t *testing.T) {
	from := flaky{make(chan Query)}
	endpoint := "ipc://" + filepath.Join(t.TempDir(), "m")
	config := taskservice.Config{Transaction: "T", Values: object{"publisher": object{"endpoint": endpoint}, "db_connection": ""}}
	task, err := New(from)(config)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(from)(config); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("a second one at its endpoint: %v", err)
	}
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1) // the task's end
	go func() { ended <- task.Run(ctx, &taskservice.Session{Log: slog.New(slog.NewTextHandler(&log, nil))}) }()
	for range 3 {
		select {
		case q := <-from.asked:
			if q.Transaction != "T" || q.Every != time.Second {
				t.Errorf("query %+v", q)
			}
		case <-time.After(time.Minute):
			t.Fatal("it was not asked again")
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	for _, want := range []string{"monitor is bound", "element=db_connection", "provider does not tell", "went away"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("want %q in the log:\n%s", want, &log)
		}
	}
}
