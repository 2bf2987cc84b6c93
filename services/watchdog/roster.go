package watchdog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"zmicroservices/services/gap"
	"zmicroservices/taskservice/hippodamia"
)

// roster knows the microservices and decides what follows from a message or a silence.
// It is pure data with one owner: it is told the time, and what is to be done comes back
// as outcomes.
type roster struct {
	topics  hippodamia.Topics
	rules   Rules
	most    int                  // microservices
	all     map[string]*member   // by gid
	starts  map[string]*member   // by the uuid of the present start
	nodes   map[gap.Node]*member // by what it is called in life cycle events
	silence *gap.Detector[string]
}

// member is a microservice with what need not outlive us.
type member struct {
	Microservice
	pace pace
}

// node is what it is called in life cycle events.
func (m *member) node() gap.Node {
	return gap.Node{Component: m.Type, Identity: m.Host + "/" + m.ConfigID}
}

// outcome is what follows from one input.
type outcome struct {
	entry   Entry
	of      *member  // whom the effects are about; nil: nobody
	effects []Effect // of the table
	from    hippodamia.State
	invite  string // a gid that is to onboard anew; "": none
}

func newRoster(t hippodamia.Topics, r Rules, most int, now time.Time) *roster {
	return &roster{
		topics: t, rules: r, most: most, silence: gap.New[string](now),
		all: map[string]*member{}, starts: map[string]*member{}, nodes: map[gap.Node]*member{},
	}
}

// load puts back what a roster before had known. While nobody watched nobody was silent:
// silence counts from now on. Who was not answered is, since its row is on the disk.
func (r *roster) load(now time.Time, known []Microservice) (all []outcome) {
	for _, row := range known {
		m := &member{Microservice: row}
		r.all[m.GID] = m
		r.nodes[m.node()] = m
		if m.State == hippodamia.Ended {
			continue
		}
		r.starts[m.UUID] = m
		state := gap.State{Seen: m.LastSeen}
		switch m.State {
		case hippodamia.Terminated:
			r.silence.Resume(m.GID, now, state, gap.Thresholds{max(0, r.rules.of(m.Type).End-now.Sub(m.Since))})
			continue
		case hippodamia.Inactive:
			state.Passed = 1
		}
		r.silence.Resume(m.GID, now, state, r.thresholds(m))
		if m.State == hippodamia.Initialize {
			all = append(all, r.stored(now, m.GID, m.UUID))
		}
	}
	return all
}

// thresholds of one that is not terminated.
func (r *roster) thresholds(m *member) gap.Thresholds {
	rule := r.rules.of(m.Type)
	interval := max(rule.Interval, m.Interval)
	return gap.Thresholds{rule.Inactive.of(interval), rule.Terminated.of(interval)}
}

// step asks the table, and brings the row and the deadlines of m to what it says.
func (r *roster) step(now time.Time, m *member, in Input, reason string, o *outcome) error {
	next, effects, err := Next(m.State, in)
	if err != nil {
		return err
	}
	o.of, o.effects, o.from = m, effects, m.State
	if next != m.State {
		o.entry.Change = &Change{At: now, GID: m.GID, UUID: m.UUID, From: m.State, To: next, Input: in, Reason: reason}
		m.State, m.Since, m.Reason = next, now, ""
		switch next {
		case hippodamia.Terminated:
			m.Reason = reason
			r.silence.Watch(m.GID, now, gap.Thresholds{r.rules.of(m.Type).End})
		case hippodamia.Ended:
			m.Reason = reason
			r.silence.Forget(m.GID)
			delete(r.starts, m.UUID)
		case hippodamia.Inactive:
			m.Reason = reason // its silence goes on
		default:
			r.silence.Watch(m.GID, now, r.thresholds(m))
		}
	} else if in == Heard || in == AskedAgain || in == Requested {
		r.silence.Seen(m.GID, now)
	}
	switch {
	case slices.Contains(effects, Alarm):
		m.Away = true
	case slices.Contains(effects, Welcome) && !m.Away:
		o.effects = nil // nobody was told that it was away
	case slices.Contains(effects, Welcome):
		m.Away = false
	}
	row := m.Microservice
	o.entry.After = &row
	return nil
}

// stored is told when the disk has the row of a request.
func (r *roster) stored(now time.Time, gid, uuid string) (o outcome) {
	m := r.all[gid]
	if m == nil || m.UUID != uuid {
		return o // a later request of it waits
	}
	first := m.State == hippodamia.Initialize
	if first {
		m.Onboardings++
	}
	_ = r.step(now, m, Stored, "", &o) // refused: it has ended since, and nobody waits
	return o
}

// due gives the next silence that has lasted long enough; false: there is none.
func (r *roster) due(now time.Time) (o outcome, ok bool) {
	for {
		p, ok := r.silence.Due(now)
		if !ok {
			return o, false
		}
		m := r.all[p.Key]
		if m == nil {
			continue
		}
		in, reason := FellSilent, fmt.Sprintf("nothing was heard of it for %v", now.Sub(p.Seen).Round(time.Millisecond))
		switch {
		case m.State == hippodamia.Terminated:
			in = Expired
			reason = m.Reason
		case p.Index > 0:
			in = StaySilent
		}
		if r.step(now, m, in, reason, &o) == nil {
			return o, true
		}
	}
}

// forget drops those whose observation ended before.
func (r *roster) forget(before time.Time) {
	for gid, m := range r.all {
		if m.State == hippodamia.Ended && m.Since.Before(before) {
			delete(r.all, gid)
			if r.nodes[m.node()] == m {
				delete(r.nodes, m.node())
			}
		}
	}
}

// services gives all that are known, by type, name, host and config_id.
func (r *roster) services() []hippodamia.Service {
	all := make([]hippodamia.Service, 0, len(r.all))
	for _, m := range r.all {
		all = append(all, m.Service)
	}
	slices.SortFunc(all, func(a, b hippodamia.Service) int {
		for _, pair := range [][2]string{{a.Type, b.Type}, {a.Name, b.Name}, {a.Host, b.Host}, {a.ConfigID, b.ConfigID}} {
			if c := strings.Compare(pair[0], pair[1]); c != 0 {
				return c
			}
		}
		return 0
	})
	return all
}
