package agent

import (
	"encoding/json"
	"time"

	"zmicroservices/taskservice/hippodamia"
)

// WillTopic is where a program tells the forwarder what to publish in its name should
// its connection break. The next will of the same topic and gid replaces the one before.
const WillTopic = "zms.will"

// Will is what is said on WillTopic.
type Will struct {
	Topic   string          `json:"topic"`         // where it is to be published
	GID     string          `json:"gid,omitempty"` // whose will is withdrawn; empty: all of the topic
	Payload *hippodamia.End `json:"payload"`       // what is to be published; null withdraws
}

// act does what the table says, as effects.
func (a *Agent) act(now time.Time, act Act, out []Effect) []Effect {
	t := a.o.Topics
	switch act {
	case Renew:
		a.renew()
		a.begin = now
	case RenewLater:
		a.renew()
		a.begin = now.Add(a.splay())
	case Listen:
		for _, topic := range a.Listens() {
			out = append(out, Effect{Do: Subscribe, Topic: topic})
		}
	case Unlisten:
		return append(out, Effect{Do: Unsubscribe, Topic: t.Individual(a.uuid)})
	case UnlistenToAll:
		return append(out, Effect{Do: Unsubscribe, Topic: t.Command()})
	case Request:
		return a.request(now, out)
	case RequestLater:
		a.retry = now.Add(a.splay())
	case SayPing:
		a.ping = now.Add(a.jitter(a.o.Ping))
		if a.quiet() {
			return out
		}
		return publish(out, t.Ping(), a.head(now))
	case SayRuntime:
		a.runtime = now.Add(a.jitter(a.o.Runtime))
		if a.quiet() {
			return out
		}
		return publish(out, t.Runtime(), hippodamia.Runtime{Ping: a.head(now), Runtime: a.info(now)})
	case SayConfig:
		return publish(out, t.Config(), hippodamia.Config{Ping: a.head(now), Config: a.config()})
	case SayEnd:
		out = publish(out, t.End(), hippodamia.End{Ping: a.head(now), Reason: a.reason})
		out[len(out)-1].Last = true
	case RegisterWill:
		if a.o.Will {
			// Not said by the agent, so it has none of its numbers.
			head := hippodamia.Ping{GID: a.gid, UUID: a.uuid, Timestamp: now.UTC()}
			out = publish(out, WillTopic, Will{Topic: t.End(), Payload: &hippodamia.End{Ping: head, Reason: hippodamia.ReasonLastWill}})
		}
	case WithdrawWill:
		if a.o.Will {
			out = publish(out, WillTopic, Will{Topic: t.End(), GID: a.gid})
			out[len(out)-1].Last = true
		}
	}
	return out
}

// publish adds a message. None of ours can fail to be JSON: what Config holds has come
// from JSON, and what has not is left out by Mask.
func publish(out []Effect, topic string, message any) []Effect {
	payload, err := json.Marshal(message)
	if err != nil {
		return out
	}
	return append(out, Effect{Do: Publish, Topic: topic, Payload: payload})
}

func (a *Agent) quiet() bool { return a.o.Quiet != nil && a.o.Quiet() }

func (a *Agent) renew() { a.uuid, a.seq, a.pause = a.o.NewUUID(), 0, 0 }

// request asks to be onboarded, unless it was asked just now: then a little later.
func (a *Agent) request(now time.Time, out []Effect) []Effect {
	if since := now.Sub(a.requested); !a.requested.IsZero() && since >= 0 && since < soonest {
		a.retry = a.requested.Add(soonest)
		return out
	}
	a.requested = now
	a.pause = min(max(firstRetry, 2*a.pause), lastRetry)
	a.retry = now.Add(a.jitter(a.pause))
	return publish(out, a.o.Topics.Contact(), hippodamia.OnboardingRequest{
		UUID: a.uuid, Topic: a.o.Topics.Individual(a.uuid), GID: a.gid,
		Type: a.o.Type, Name: a.o.Name, Host: a.o.Host, ConfigID: a.o.ConfigID,
		Version: a.o.Version, PID: a.o.PID, Timestamp: now.UTC(),
	})
}

func (a *Agent) head(now time.Time) hippodamia.Ping {
	a.seq++
	return hippodamia.Ping{GID: a.gid, UUID: a.uuid, Seq: a.seq, Timestamp: now.UTC()}
}

func (a *Agent) info(now time.Time) hippodamia.RuntimeInfo {
	if a.o.Info == nil {
		return hippodamia.RuntimeInfo{PID: a.o.PID}
	}
	return a.o.Info(now)
}

func (a *Agent) config() map[string]any {
	if a.o.Config == nil {
		return map[string]any{}
	}
	return Mask(a.o.Config())
}

// jitter is d, give or take a tenth: agents that begin together drift apart.
func (a *Agent) jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*a.o.Random()))
}

func (a *Agent) splay() time.Duration { return time.Duration(float64(a.o.Splay) * a.o.Random()) }
