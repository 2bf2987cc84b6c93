package taskservice

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// topics are what was said since the last call, with the prefixes shortened.
func (m *memory) topics() string {
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	text := strings.Join(m.heard, " ")
	m.heard = nil
	text = strings.ReplaceAll(text, lifecycle.Prefix, "choria.")
	return strings.ReplaceAll(text, hippodamia.Prefix, "")
}

func (m *memory) tell(t *testing.T, topic string, v any) {
	t.Helper()
	frame, err := message.Frame(topic, v)
	if err != nil {
		t.Fatal(err)
	}
	m.in <- frame
	synctest.Wait()
}

func (m *memory) payload(t *testing.T, topic string, into any) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := json.Unmarshal([]byte(m.last[topic]), into); err != nil {
		t.Fatalf("%s: %q: %v", topic, m.last[topic], err)
	}
}

// answer onboards the service.
func (m *memory) answer(t *testing.T) hippodamia.OnboardingRequest {
	t.Helper()
	var r hippodamia.OnboardingRequest
	m.payload(t, "hippodamia.contact", &r)
	m.tell(t, r.Topic, hippodamia.OnboardingResponse{UUID: r.UUID, GID: hippodamia.GID(r), Timestamp: time.Now()})
	return r
}

func (m *memory) expect(t *testing.T, want string) {
	t.Helper()
	if got := m.topics(); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}

var pump = Config{
	TaskID: "ts001", Transaction: "t", ContextID: "context001", ServiceName: "echo", Instance: "Modbus", StateType: "on_start", Version: "1.2",
	Values: map[string]any{"every": "1s", "password": "x"},
	Watch:  Watch{Ping: 10 * time.Second, Alive: -1}, // alive comes anywhere in its first interval, so only where it is asked for
}

func TestEveryTaskServiceIsWatchedWithoutALineOfItsAuthor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := alive(t, pump, func(c Config) (Task, error) {
			c.Log.Info("what a factory makes logs as its task does")
			return TaskFunc(func(ctx context.Context, s *Session) error {
				if c.Log != s.Log {
					t.Error("a factory has another logger than its task")
				}
				s.Log.Warn("water is low", "level", 3)
				<-ctx.Done()
				return nil
			}), nil
		})
		o.expect(t, "started choria.startup.Modbus contact")
		r := o.answer(t)
		if r.Type != "Modbus" || r.Name != "echo" || r.ConfigID != "context001/ts001" || r.Version != "1.2" || r.PID == 0 || r.Host == "" {
			t.Errorf("request %+v", r)
		}
		o.expect(t, "zms.will state.ping state.runtime state.config choria.provisioned.Modbus")

		var runtime hippodamia.Runtime
		o.payload(t, "hippodamia.state.runtime", &runtime)
		i := runtime.Runtime
		if i.State != "started" || i.RSS == 0 || i.FDs == 0 || i.Threads == 0 || i.Versions["service"] != "1.2" || i.PID != r.PID {
			t.Errorf("runtime %+v", i)
		}
		if len(i.Log) != 1 || i.Log[0].Message != "water is low level=3" || i.Log[0].Level != "WARN" {
			t.Errorf("log %+v", i.Log)
		}
		var config hippodamia.Config
		o.payload(t, "hippodamia.state.config", &config)
		if config.Config["every"] != "1s" || config.Config["password"] != "***" {
			t.Errorf("config %v", config.Config)
		}
		var event map[string]any
		o.payload(t, lifecycle.Prefix+"startup.Modbus", &event)
		if event["identity"] != r.Host+"/context001/ts001" || event["component"] != "Modbus" || event["version"] != "1.2" {
			t.Errorf("event %v", event)
		}

		time.Sleep(11 * time.Second)
		o.expect(t, "state.ping")
		o.tell(t, "hippodamia.command.onboarding", hippodamia.Command{RequestID: "r", Timestamp: time.Now()})
		o.expect(t, "contact")
		if again := o.answer(t); again.UUID == r.UUID || again.GID != hippodamia.GID(r) {
			t.Errorf("onboarded anew as %+v", again)
		}
		o.expect(t, "zms.will state.ping state.runtime state.config")

		o.order(t, "stop", "")
		if err := <-o.end; err != nil {
			t.Error(err)
		}
		o.expect(t, "choria.shutdown.Modbus state.end zms.will stopped")
		var end hippodamia.End
		o.payload(t, "hippodamia.state.end", &end)
		if end.Reason != "stopped" || end.GID != hippodamia.GID(r) {
			t.Errorf("end %+v", end)
		}
		own := regexp.MustCompile(`^-?hippodamia\.uuid\.`)
		for i, p := range o.prefixes {
			o.prefixes[i] = own.ReplaceAllStringFunc(p, func(s string) string { return s + "*" })[:min(len(p), 18)]
		}
		if got := strings.Join(o.prefixes, " "); strings.Count(got, "-hippodamia.uuid.") != 2 {
			t.Errorf("subscriptions %s", got)
		}
	})
}

func TestAliveComesAtIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pump
		c.Watch.Ping, c.Watch.Alive = -1, time.Hour
		o := alive(t, c, runs(untilStopped))
		o.expect(t, "started choria.startup.Modbus")
		time.Sleep(time.Hour)
		o.expect(t, "choria.alive.Modbus")
		time.Sleep(3 * time.Hour)
		o.expect(t, "choria.alive.Modbus choria.alive.Modbus choria.alive.Modbus")
		o.stop()
		<-o.end
		o.expect(t, "choria.shutdown.Modbus stopped")
		time.Sleep(3 * time.Hour)
		o.expect(t, "")
	})
}

func TestNothingOfItIsOnTheWireOfTheOriginal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pump
		c.Watch.Original, c.Watch.Alive = true, time.Hour
		o := alive(t, c, runs(untilStopped))
		o.expect(t, "started")
		o.tell(t, "hippodamia.command.ping", hippodamia.Command{RequestID: "r", Timestamp: time.Now()})
		o.again <- struct{}{}
		time.Sleep(3 * time.Hour)
		o.expect(t, "started")
		o.stop()
		<-o.end
		o.expect(t, "stopped")
		if len(o.prefixes) > 0 {
			t.Errorf("subscribed to %s", o.prefixes)
		}
	})
}

func TestGoodbyesSayWhy(t *testing.T) {
	for want, f := range map[string]Factory{
		"stopped":              runs(func(context.Context, *Session) error { time.Sleep(time.Second); return nil }),
		"failed: out of paper": runs(func(context.Context, *Session) error { time.Sleep(time.Second); return errors.New("out of paper") }),
		"failed: out of ink": runs(func(_ context.Context, s *Session) error {
			time.Sleep(time.Second)
			return errors.Join(s.Failed("ink"), errors.New("out of ink"))
		}),
	} {
		synctest.Test(t, func(t *testing.T) {
			o := alive(t, pump, f)
			synctest.Wait()
			o.answer(t)
			<-o.end
			var end hippodamia.End
			o.payload(t, "hippodamia.state.end", &end)
			if end.Reason != want {
				t.Errorf("reason %q, want %q", end.Reason, want)
			}
		})
	}
}

// Whoever never started has nothing to say goodbye to.
func TestAFailedStartIsNoLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := alive(t, pump, func(Config) (Task, error) { return nil, errors.New("no such instrument") })
		<-o.end
		o.expect(t, "started")
	})
}

func TestACreatedServiceIsWatchedAndHasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := pump
		c.StateType = "on_update"
		o := alive(t, c, runs(untilStopped))
		o.expect(t, "created contact")
		o.answer(t)
		o.topics()
		o.stop()
		<-o.end
		o.expect(t, "state.end zms.will stopped")
	})
}

func TestABusWithoutRoomDelaysNoGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := alive(t, pump, runs(untilStopped))
		synctest.Wait()
		close(o.full)
		begun := time.Now()
		o.stop()
		<-o.end
		if took := time.Since(begun); took > sayTime {
			t.Errorf("took %s, more than the last word waits for room", took)
		}
	})
}

func TestTheEnvironmentSaysWhatTheWatchIs(t *testing.T) {
	env := []string{
		"ZMS_SERVICE_ID=ts001", "ZMS_TRANSACTION=t", "ZMS_FRONTEND=f", "ZMS_BACKEND=b", "ZMS_CONTEXT_ID=c",
		`ZMS_CONFIG={"instance":"Modbus","Task":{"message":{"content":{"configuration":{"version":"3"}}}}}`,
	}
	c, err := FromEnv(env)
	if err != nil || c.configID() != "c/ts001" || c.version() != "3" || c.component() != "Modbus" || c.Watch != (Watch{}) {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = FromEnv(slices.Concat(env, []string{"ZMS_CONFIG_ID=c/ts001#2", "ZMS_PING_INTERVAL=1.5s", "ZMS_ALIVE_INTERVAL=0s", "ZMS_WATCH_PREFIX=plant7", "ZMS_WIRE=original"}))
	w := c.Watch
	if err != nil || c.configID() != "c/ts001#2" || w.Ping != 1500*time.Millisecond || w.Alive >= 0 || w.Topics.Contact() != "plant7.contact" || !w.Original {
		t.Errorf("%+v, %v", w, err)
	}
	for _, wrong := range []string{"ZMS_PING_INTERVAL=x", "ZMS_WATCH_PREFIX=a b"} {
		if _, err := FromEnv(append(env, wrong)); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}
