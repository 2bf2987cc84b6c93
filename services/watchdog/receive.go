package watchdog

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zmicroservices/taskservice/hippodamia"
)

// longest is how many bytes a text of a message may have that goes into a row or a topic.
const longest = 256

// receive decides what follows from a message to the watchdog. All that comes is stored;
// what cannot be used is rejected, and changes nothing. size is that of the payload
// before it was cut.
func (r *roster) receive(now time.Time, topic string, payload []byte, size int) outcome {
	o := outcome{entry: Entry{Message: &Message{At: now, Topic: printable(topic), Payload: payload, Size: size}}}
	if size > MaxPayload {
		return o.reject("it has %d bytes, more than %d", size, MaxPayload)
	}
	switch topic {
	case r.topics.Contact():
		return r.contact(now, payload, o)
	case r.topics.Ping():
		m, err := hippodamia.Parse[hippodamia.Ping](payload)
		return r.heard(now, topic, m, err, o)
	case r.topics.Runtime():
		m, err := hippodamia.Parse[hippodamia.Runtime](payload)
		return r.heard(now, topic, m.Ping, err, o)
	case r.topics.Config():
		m, err := hippodamia.Parse[hippodamia.Config](payload)
		return r.heard(now, topic, m.Ping, err, o)
	case r.topics.End():
		m, err := hippodamia.Parse[hippodamia.End](payload)
		return r.goodbye(now, m, err, o)
	}
	return o.reject("nothing is awaited on this topic")
}

// reject says why a message is of no use.
func (o outcome) reject(format string, a ...any) outcome {
	o.entry.Message.Rejected = printable(fmt.Sprintf(format, a...))
	o.shorten()
	return o
}

// shorten keeps but the beginning of a message, in memory of its own.
func (o outcome) shorten() {
	if m := o.entry.Message; len(m.Payload) > ShortPayload {
		m.Payload = bytes.Clone(m.Payload[:ShortPayload])
	}
}

// contact is a request to be onboarded.
func (r *roster) contact(now time.Time, payload []byte, o outcome) outcome {
	q, err := hippodamia.Parse[hippodamia.OnboardingRequest](payload)
	if err != nil {
		return o.reject("%v", err)
	}
	if !word(q.UUID) {
		return o.reject("uuid: %.80q is no UUID", q.UUID)
	}
	o.entry.Message.UUID = q.UUID
	if q.Topic != r.topics.Individual(q.UUID) {
		// Else a request could make us write anywhere on the bus.
		return o.reject("topic: %.80q is not %s", q.Topic, r.topics.Individual(q.UUID))
	}
	for _, text := range []struct{ field, value string }{
		{"type", q.Type}, {"name", q.Name}, {"host", q.Host}, {"config_id", q.ConfigID}, {"version", q.Version},
	} {
		if text.value != printable(text.value) {
			return o.reject("%s: has more than %d bytes, or control characters", text.field, longest)
		}
	}
	gid := hippodamia.GID(q)
	o.entry.Message.GID = gid
	if other := r.starts[q.UUID]; other != nil && other.GID != gid {
		return o.reject("uuid: is that of the microservice %s", other.GID)
	}
	m := r.all[gid]
	born := m == nil
	if born {
		if len(r.all) >= r.most {
			return o.reject("as many microservices are observed as may be: %d", r.most)
		}
		m = &member{Microservice: Microservice{
			Service: hippodamia.Service{
				GID: gid, Type: q.Type, Name: q.Name, Host: q.Host, ConfigID: q.ConfigID, State: hippodamia.Ended, FirstSeen: now,
			},
			Since: now, Interval: r.rules.of(q.Type).Interval,
		}}
		r.all[gid] = m
		r.nodes[m.node()] = m
	}
	in := AskedAgain
	if m.UUID != q.UUID {
		in = Requested
		if r.starts[m.UUID] == m {
			delete(r.starts, m.UUID)
		}
		m.Before, m.UUID, m.Seq, m.pace = m.UUID, q.UUID, 0, pace{}
	}
	r.starts[m.UUID] = m
	m.Version, m.PID, m.LastSeen = q.Version, q.PID, now
	if err := r.step(now, m, in, "", &o); err != nil {
		return o.reject("%v", err)
	}
	if born {
		o.entry.Change.From = "" // for the table it had ended
	}
	return o
}

// heard is a sign of life.
func (r *roster) heard(now time.Time, topic string, head hippodamia.Ping, err error, o outcome) outcome {
	m, o := r.sender(head, err, o)
	if m == nil {
		return o
	}
	if m.State == hippodamia.Terminated && head.Seq != 0 && head.Seq <= m.Seq {
		return o.reject("seq: %d is of before its goodbye", head.Seq)
	}
	if m.State == hippodamia.Ended {
		o.invite = m.GID
		return o.reject("its observation has ended")
	}
	if m.Seq > 0 && head.Seq > m.Seq+1 {
		m.Missed += min(head.Seq-m.Seq-1, 1<<20)
	}
	m.Seq, m.LastSeen = max(m.Seq, head.Seq), now
	if topic == r.topics.Ping() {
		if interval := m.pace.ping(now, r.rules.of(m.Type).Interval, m.Interval); interval != m.Interval {
			m.Interval = interval
			if m.State != hippodamia.Terminated {
				r.silence.Watch(m.GID, now, r.thresholds(m))
			}
		}
	}
	if err := r.step(now, m, Heard, "", &o); err != nil {
		return o.reject("%v", err)
	}
	return o
}

// goodbye is the end that a microservice says, or its last will.
func (r *roster) goodbye(now time.Time, end hippodamia.End, err error, o outcome) outcome {
	m, o := r.sender(end.Ping, err, o)
	o.invite = "" // it is gone
	if m == nil {
		return o
	}
	m.Seq = max(m.Seq, end.Seq)
	if end.Reason != hippodamia.ReasonLastWill { // which others say
		m.LastSeen = now
	}
	if err := r.step(now, m, Goodbye, printable(end.Reason), &o); err != nil {
		return o.reject("%v", err)
	}
	return o
}

// sender is who says a message; nil: it was rejected.
func (r *roster) sender(head hippodamia.Ping, err error, o outcome) (*member, outcome) {
	switch {
	case err != nil:
		return nil, o.reject("%v", err)
	case !word(head.GID):
		return nil, o.reject("gid: %.80q is none", head.GID)
	case !word(head.UUID):
		return nil, o.reject("uuid: %.80q is no UUID", head.UUID)
	case head.Seq > 1<<53: // more than every reader of JSON can tell apart
		return nil, o.reject("seq: %d is more than %d", head.Seq, uint64(1)<<53)
	}
	o.entry.Message.GID, o.entry.Message.UUID = head.GID, head.UUID
	m := r.all[head.GID]
	switch {
	case m == nil:
		o.invite = head.GID
		return nil, o.reject("gid: no microservice has it")
	case m.UUID != head.UUID && m.Before == head.UUID:
		// Late, or another process with the same identity: to be seen, and no reason to
		// have the two onboard in turns. But if the later one is silent or gone it is this
		// one that lives, and it would go on unheard for ever.
		switch m.State {
		case hippodamia.Inactive, hippodamia.Terminated, hippodamia.Ended:
			o.invite = head.GID
		}
		return nil, o.reject("uuid: is of the start before")
	case m.UUID != head.UUID:
		o.invite = head.GID
		return nil, o.reject("uuid: is not that of its present start")
	}
	return m, o
}

// word says whether a text can be a part of a topic and a key.
func word(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// printable is a text without what would harm a terminal, a row or a log, and no longer
// than may be.
func printable(s string) string {
	s = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return utf8.RuneError
		}
		return c
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	if len(s) <= longest {
		return s
	}
	cut := longest
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}
