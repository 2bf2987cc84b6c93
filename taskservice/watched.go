package taskservice

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"time"

	"zmicroservices/taskservice/agent"
	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/taskservice/lifecycle"
	"zmicroservices/taskservice/message"
)

// watched is what a task service tells of its life beside its words: through its agent,
// and as life cycle events. Nothing of it waits: what finds no room on the bus is lost,
// and a service neither slows down nor fails for it.
type watched struct {
	log    *slog.Logger // the service's, of which the agent keeps the warnings
	config Config
	host   string
	agent  *agent.Agent // nil: none is wanted
	tail   agent.Tail

	// Set by join.
	line    line
	session *Session
	crew    *agent.Crew

	member *agent.Member // nil before begin; owned by the goroutine of service.run

	mu          sync.Mutex // guards the rest, held while publishing, which orders events
	up          bool       // startup is said
	provisioned bool
	ended       bool
	alive       *time.Timer // says alive; nil before startup
}

func newWatched(c Config, log *slog.Logger) (*watched, error) {
	w := &watched{log: log, config: c}
	if c.Watch.Original {
		return w, nil
	}
	w.host = agent.Host()
	if c.Watch.Ping < 0 {
		return w, nil
	}
	w.log = slog.New(w.tail.Handler(log.Handler()))
	w.agent = agent.New(agent.Options{
		Type: c.component(), Name: c.ServiceName, Host: w.host, ConfigID: c.configID(),
		Version: c.version(), PID: os.Getpid(),
		Topics: c.Watch.Topics, Ping: c.Watch.Ping, Will: true,
		Info:   w.info,
		Config: func() map[string]any { return c.Values },
	})
	return w, nil
}

// listens are the topics that the agent needs, asked for as the bus is joined.
func (w *watched) listens() []string {
	if w.agent == nil {
		return nil
	}
	return w.agent.Listens()
}

// join gives it the bus. What it starts ends with life.
func (w *watched) join(life context.Context, b line, s *Session) {
	w.line, w.session = b, s
	if w.agent == nil {
		return
	}
	w.crew = agent.NewCrew(b, w.config.Watch.Topics, w.log)
	go func() { _ = w.crew.Run(life) }() // ends with life
}

// begin begins the agent's life, after the first word of the service.
func (w *watched) begin() {
	if w.agent != nil && w.member == nil {
		w.member = w.crew.Add(w.agent, func(s agent.State) {
			if s == agent.Active {
				w.onboarded()
			}
		})
	}
}

// started says startup, after the service has said started, and only then has the agent
// speak: no watchdog can know a service before its startup is told.
func (w *watched) started() {
	w.greet()
	w.begin()
}

// greet says startup, and alive from then on.
func (w *watched) greet() {
	if w.config.Watch.Original {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up = true
	w.say(lifecycle.Startup)
	every := w.config.Watch.Alive
	if every < 0 {
		return
	}
	if every == 0 {
		every = defaultAlive
	}
	// The first one comes anywhere in the interval, so that a thousand services that
	// start together do not speak together ever after.
	w.alive = time.AfterFunc(time.Duration(rand.Float64()*float64(every)), func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.ended {
			return
		}
		w.say(lifecycle.Alive)
		w.alive.Reset(every)
	})
}

// onboarded says that a watchdog knows the service, the first time that one does.
func (w *watched) onboarded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.provisioned && !w.ended {
		w.provisioned = true
		w.say(lifecycle.Provisioned)
	}
}

// end says goodbye, before the last word of the service: who has seen that has seen
// this. What was not greeted needs no goodbye.
func (w *watched) end(reason string) {
	w.mu.Lock()
	if w.up && !w.ended {
		w.say(lifecycle.Shutdown)
	}
	w.ended = true
	w.mu.Unlock()
	if w.member != nil {
		w.member.End(reason)
	}
}

// leave ends what would still speak, without a word.
func (w *watched) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	if w.alive != nil {
		w.alive.Stop()
	}
}

func (w *watched) rejoined() {
	if w.crew != nil {
		w.crew.Rejoined()
	}
}

func (w *watched) hear(frame []byte) {
	if w.crew != nil {
		w.crew.Hear(frame)
	}
}

// say publishes a life cycle event.
func (w *watched) say(t lifecycle.Type) {
	e, err := w.config.event(t, w.host)
	if err == nil {
		err = lifecycle.PublishEvent(e, rawLine{w.line})
	}
	if err != nil {
		w.log.Debug("life cycle event was not published", "type", t.String(), "err", err)
	}
}

// rawLine publishes what fits at once.
type rawLine struct{ line line }

func (r rawLine) PublishRaw(topic string, data []byte) error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return r.line.Publish(ctx, message.Join(topic, data))
}

// info is how this process is. A machine without /proc knows little.
func (w *watched) info(now time.Time) hippodamia.RuntimeInfo {
	info := hippodamia.RuntimeInfo{PID: os.Getpid()}
	if p, err := ownProcess(); err == nil {
		if read, err := p.Read(now); err == nil {
			info = read
		}
	}
	info.State = w.session.now()
	info.Versions = map[string]string{"service": w.config.version(), "go": runtime.Version()}
	info.Log = w.tail.Lines()
	return info
}

// ownProcess is looked at once: what it has used is told from one time to the next.
var ownProcess = sync.OnceValues(func() (*agent.Process, error) { return agent.NewProcess(0) })
