package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"zmicroservices/conf"
	"zmicroservices/context/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ref = event.Ref{Transaction: "T", Task: "ts001", Incarnation: 1}

// stand is a Prober in a bubble, whose exec probes do as the test says.
type stand struct {
	t     *testing.T
	p     *Prober
	began time.Time
	mu    sync.Mutex // guards all below
	said  []string   // verdicts, with their time
	calls []time.Duration
	// answered is what the checks came to.
	answered []Answer
	// answer is what a check says: nil, an error, or errHang.
	answer error
}

var errHang = errors.New("errHang")

func (s *stand) check(ctx context.Context) error {
	s.mu.Lock()
	s.calls = append(s.calls, time.Since(s.began))
	answer := s.answer
	s.mu.Unlock()
	if answer == errHang {
		<-ctx.Done()
		return ctx.Err()
	}
	return answer
}

func (s *stand) answers(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = err
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(s *stand)) {
	synctest.Test(t, func(t *testing.T) {
		s := &stand{t: t, began: time.Now()}
		var err error
		s.p, err = New(Options{
			Report: func(e event.Probed) {
				verdict := fmt.Sprintf("%v %d ok", time.Since(s.began), e.Probe)
				if !e.OK {
					verdict = fmt.Sprintf("%v %d %s", time.Since(s.began), e.Probe, e.Reason)
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				s.said = append(s.said, verdict)
			},
			Answered: func(a Answer) {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.answered = append(s.answered, a)
			},
			Command: func(event.Ref, conf.Probe) Check { return s.check },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1) // sent by Run's goroutine, once
		go func() { done <- s.p.Run(ctx) }()
		test(s)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// watch asks for the verdicts of all probes.
func (s *stand) watch(probes ...conf.Probe) {
	w := Watch{Ref: ref, Probes: probes}
	for i, p := range probes {
		w.Verdicts = append(w.Verdicts, Verdict{i, p.Kind == "liveness"})
	}
	s.p.Watch(w)
}

func (s *stand) pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func (s *stand) want(verdicts ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.said, verdicts) {
		s.t.Errorf("said %q, want %q", s.said, verdicts)
	}
	s.said = nil
}

func exec(kind string) conf.Probe {
	return conf.Probe{Kind: kind, Exec: []string{"x"}, Every: time.Second, Timeout: 500 * time.Millisecond, Failures: 3}
}

func told(kind string) conf.Probe {
	return conf.Probe{Kind: kind, Log: "x", Every: time.Second, Timeout: time.Second, Failures: 3}
}

func TestStartupSucceedsSoonAfterTheService(t *testing.T) {
	bubble(t, func(s *stand) {
		s.answers(errors.New("refused"))
		s.watch(exec("startup"))
		s.pass(160 * time.Millisecond)
		s.answers(nil)
		s.pass(time.Minute)
		s.want("175ms 0 ok")
		if len(s.calls) != 4 {
			t.Errorf("asked at %v", s.calls)
		}
	})
}

func TestStartupHasItsTime(t *testing.T) {
	bubble(t, func(s *stand) {
		s.answers(errors.New("refused"))
		s.watch(exec("startup"))
		s.pass(time.Minute)
		s.want("3.575s 0 did not succeed within 3s: refused")
		s.answers(nil)
		s.pass(time.Minute)
		s.want()
	})
}

func TestMoreTimeIsGranted(t *testing.T) {
	bubble(t, func(s *stand) {
		s.watch(told("startup"))
		s.p.Extend(ref, 10*time.Second)
		s.p.Extend(ref, time.Second) // less than it has
		s.pass(9 * time.Second)
		s.want()
		s.pass(time.Minute)
		s.want("10s 0 did not succeed within 3s")
	})
}

func TestReadinessComesAndGoes(t *testing.T) {
	bubble(t, func(s *stand) {
		s.watch(exec("readiness"))
		s.want("0s 0 ok")
		s.pass(100 * time.Millisecond)
		s.answers(errHang)
		s.pass(3100 * time.Millisecond)
		s.answers(nil)
		s.pass(1100 * time.Millisecond)
		s.want() // fewer than three
		s.answers(errors.New("full"))
		s.pass(3 * time.Second)
		s.want("7s 0 failed 3 times: full")
		s.answers(nil)
		s.pass(10 * time.Second)
		s.want("8s 0 ok")
	})
}

func TestLivenessIsJudgedByFailuresInARow(t *testing.T) {
	bubble(t, func(s *stand) {
		s.watch(exec("liveness"))
		s.pass(2500 * time.Millisecond)
		if len(s.calls) != 2 || s.calls[0] != time.Second {
			t.Errorf("asked at %v", s.calls)
		}
		s.answers(errHang)
		s.pass(time.Minute)
		s.want("6.5s 0 timed out 3 times")
		if n := len(s.calls); n != 5 {
			t.Errorf("asked %d times: its last word was said", n)
		}
	})
}

func TestWhatIsTold(t *testing.T) {
	bubble(t, func(s *stand) {
		probes := []conf.Probe{told("startup"), told("readiness"), told("liveness")}
		s.p.Watch(Watch{Ref: ref, Probes: probes, Verdicts: []Verdict{{0, false}}})
		s.p.Match(ref, 1) // before it is wanted
		s.p.Match(ref, 0)
		s.want("0s 0 ok")
		s.p.Watch(Watch{Ref: ref, Probes: probes, Verdicts: []Verdict{{1, false}, {2, true}}})
		s.want("0s 1 ok")
		for range 5 {
			s.pass(900 * time.Millisecond)
			s.p.Match(ref, 2)
		}
		s.want()
		s.pass(time.Minute)
		s.want("8s 2 timed out 3 times")
		s.p.Match(event.Ref{Task: "other"}, 0)
		s.want()
	})
}

func TestStartupThatIsToldHasItsTime(t *testing.T) {
	bubble(t, func(s *stand) {
		s.watch(told("startup"), conf.Probe{Kind: "readiness", Notify: true})
		s.pass(time.Minute)
		s.want("3s 0 did not succeed within 3s")
	})
}

func TestHowLongACheckTookIsTold(t *testing.T) {
	bubble(t, func(s *stand) {
		p := conf.Probe{Kind: "liveness", Exec: []string{"x"}, Every: time.Second, Timeout: 300 * time.Millisecond, Failures: 5}
		s.p.Watch(Watch{Ref: ref, Probes: []conf.Probe{p}, Verdicts: []Verdict{{Probe: 0, OK: true}}})
		time.Sleep(1500 * time.Millisecond)
		s.answers(errHang)
		time.Sleep(1600 * time.Millisecond) // the second has timed out after 2.3 s, the third began at 3.3 s
		synctest.Wait()
		time.Sleep(300 * time.Millisecond)
		s.p.Unwatch(ref) // which cuts it off
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		want := []Answer{{Ref: ref, OK: true}, {Ref: ref, Took: 300 * time.Millisecond}}
		if len(s.calls) != 3 || !slices.Equal(s.answered, want) {
			t.Errorf("checks at %v came to %+v", s.calls, s.answered)
		}
	})
}

func TestNoWordAfterUnwatch(t *testing.T) {
	bubble(t, func(s *stand) {
		s.answers(errHang)
		s.watch(exec("readiness"), exec("liveness"))
		s.pass(1100 * time.Millisecond)
		s.p.Unwatch(ref)
		s.p.Unwatch(ref)
		n := len(s.calls)
		s.pass(time.Minute)
		s.want()
		if len(s.calls) != n {
			t.Errorf("asked at %v", s.calls)
		}
	})
}

func TestAVerdictThatStandsIsNoNews(t *testing.T) {
	bubble(t, func(s *stand) {
		s.p.Watch(Watch{Ref: ref, Probes: []conf.Probe{exec("readiness")}, Verdicts: []Verdict{{0, true}}})
		s.pass(4500 * time.Millisecond)
		s.want()
		s.answers(errors.New("gone"))
		s.pass(5 * time.Second)
		s.want("7s 0 failed 3 times: gone")
	})
}

func TestManyThatRestCostNoGoroutines(t *testing.T) {
	bubble(t, func(s *stand) {
		before := runtime.NumGoroutine()
		for i := range 2000 {
			r := ref
			r.Incarnation = event.Incarnation(i)
			s.p.Watch(Watch{Ref: r, Probes: []conf.Probe{exec("liveness")}, Verdicts: []Verdict{{0, true}}})
		}
		s.pass(3500 * time.Millisecond)
		// One each would be 2,000; those that have ended may not be gone yet.
		if n := runtime.NumGoroutine(); n > before+500 {
			t.Errorf("%d goroutines, before it were %d", n, before)
		}
		if len(s.calls) != 6000 {
			t.Errorf("asked %d times", len(s.calls))
		}
	})
}

func TestHTTPAndTCP(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var status atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status.Load() == 302 {
			http.Redirect(w, r, "/nowhere", http.StatusFound)
			return
		}
		w.WriteHeader(int(status.Load()))
	}))
	address := server.Listener.Addr().String()
	for code, ok := range map[int64]bool{200: true, 204: true, 302: true, 404: false, 503: false} {
		status.Store(code)
		if err := get(t.Context(), server.URL); (err == nil) != ok {
			t.Errorf("%d: %v", code, err)
		} else if !ok && !strings.Contains(err.Error(), fmt.Sprint(code)) {
			t.Errorf("%d is not in %v", code, err)
		}
	}
	if err := dial(t.Context(), address); err != nil {
		t.Error(err)
	}
	server.Close()
	if get(t.Context(), server.URL) == nil || dial(t.Context(), address) == nil {
		t.Error("nobody is there, and it is well")
	}
	// One that accepts and never answers.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := get(ctx, "http://"+l.Addr().String()); err == nil {
		t.Error("no answer is an answer")
	}
}
