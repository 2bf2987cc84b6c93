package keeper

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
)

// estateFormat is the version of estate. A program refuses one that is newer than its
// own; older ones it reads. It grows with every field that may not be passed over.
const estateFormat = 1

// estate is all that a keeper knows, as it hands it to the program that it executes in
// its own place (see handover.go). Descriptors are numbers that stay what they are.
// Times are told as what is left of them: the clock of a Go program begins with it.
type estate struct {
	Format int `json:"format"`

	Epoch   uint64      `json:"epoch"`
	Acked   uint64      `json:"acked"`
	Events  []Event     `json:"events,omitempty"`
	Bequest uint64      `json:"bequest,omitempty"`
	Slots   []slotState `json:"slots,omitempty"`

	Orphans  []orphanState  `json:"orphans,omitempty"`
	Adopted  int            `json:"adopted,omitempty"` // of orphans, how many ever
	Store    map[string]int `json:"store,omitempty"`
	Listener int            `json:"listener"`
	Conn     *connState     `json:"conn,omitempty"`
	Ward     *wardState     `json:"ward,omitempty"`
	Guard    *guardState    `json:"guard,omitempty"`
	Kin      int            `json:"kin,omitempty"`

	Cgroup string   `json:"cgroup,omitempty"` // our own before we stepped aside
	Notes  []string `json:"notes,omitempty"`
	Lost   uint64   `json:"lost,omitempty"`
	Losses []Loss   `json:"losses,omitempty"`
	Req    uint64   `json:"req"` // of the request that is answered by the new program
}

type slotState struct {
	Spec      json.RawMessage `json:"spec"` // as a spawn message: its strings are bytes
	State     State           `json:"state"`
	PID       int             `json:"pid,omitempty"`
	FD        int             `json:"fd"` // pidfd
	Start     Identity        `json:"start,omitzero"`
	Since     time.Time       `json:"since,omitzero"`
	Reaped    bool            `json:"reaped,omitempty"`
	Exited    bool            `json:"exited,omitempty"`
	Code      int             `json:"code,omitempty"`
	Signal    int             `json:"signal,omitempty"`
	Core      bool            `json:"core,omitempty"`
	Foreign   bool            `json:"foreign,omitempty"`
	Led       bool            `json:"led,omitempty"`
	Known     map[int]uint64  `json:"known,omitempty"`
	Streams   []streamState   `json:"streams,omitempty"`
	Log       bool            `json:"log,omitempty"`
	Tail      []byte          `json:"tail,omitempty"`
	Cgroup    string          `json:"cgroup,omitempty"`
	Ear       *earState       `json:"ear,omitempty"`
	Asked     bool            `json:"asked,omitempty"`
	Recipe    Recipe          `json:"recipe,omitzero"`
	Graced    bool            `json:"graced,omitempty"` // its grace runs
	Grace     time.Duration   `json:"grace,omitempty"`  // what is left of it
	Killing   bool            `json:"killing,omitempty"`
	KillLeft  time.Duration   `json:"kill_left,omitempty"`
	Turned    []string        `json:"turned,omitempty"`
	Leaving   bool            `json:"leaving,omitempty"`
	Last      uint64          `json:"last,omitempty"`
	Err       string          `json:"err,omitempty"`
	Survivors []int           `json:"survivors,omitempty"`
	Lost      []string        `json:"lost,omitempty"`
}

type streamState struct {
	Name    string `json:"name"`
	FD      int    `json:"fd"`
	Partial []byte `json:"partial,omitempty"`
}

type earState struct {
	FD    int           `json:"fd"`
	Said  Notice        `json:"said"`
	Told  Notice        `json:"told"`
	Held  bool          `json:"held,omitempty"`
	Every time.Duration `json:"every,omitempty"`
	Last  time.Duration `json:"last,omitempty"` // ago
}

type orphanState struct {
	PID     int  `json:"pid"`
	Group   int  `json:"group"`
	Owner   *ID  `json:"owner,omitempty"`
	Decided bool `json:"decided"`
}

type connState struct {
	FD    int        `json:"fd"`
	PID   int        `json:"pid"`
	Epoch uint64     `json:"epoch"`
	In    []byte     `json:"in,omitempty"`
	Out   []byte     `json:"out,omitempty"`
	Next  uint64     `json:"next"`
	Taps  []tapState `json:"taps,omitempty"`
}

type tapState struct {
	ID      ID     `json:"id"`
	Seq     uint64 `json:"seq"`
	Lines   []byte `json:"lines,omitempty"`
	Dropped uint64 `json:"dropped,omitempty"`
}

type wardState struct {
	Path    string        `json:"path"`
	Argv    []string      `json:"argv"`
	Env     []string      `json:"env,omitempty"`
	PID     int           `json:"pid"`
	FD      int           `json:"fd"`
	Age     time.Duration `json:"age"`
	Greeted bool          `json:"greeted"`
	Told    bool          `json:"told"`
	Code    int           `json:"code"`
	Delay   time.Duration `json:"delay"`
}

// readEstate understands what a program before this one has left, or says why not.
func readEstate(text []byte) (*estate, error) {
	var e estate
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("read what the keeper hands over: %w", err)
	}
	if e.Format < 1 || e.Format > estateFormat {
		return nil, fmt.Errorf("what the keeper hands over is of format %d, and this program reads up to %d", e.Format, estateFormat)
	}
	for i := range e.Slots {
		if _, err := decode(e.Slots[i].Spec); err != nil {
			return nil, fmt.Errorf("read a slot that the keeper hands over: %w", err)
		}
	}
	return &e, nil
}

// estate is what the server has in a quiet moment.
func (s *server) estate(req uint64) *estate {
	e := &estate{
		Format: estateFormat, Epoch: s.epoch, Acked: s.events.acked, Events: s.events.list, Bequest: s.bequest,
		Adopted: s.adopted, Store: s.store, Listener: s.listener, Guard: s.guard.state(), Kin: s.kin,
		Notes: s.notes, Lost: s.lost, Req: req,
	}
	for _, slot := range s.slots {
		e.Slots = append(e.Slots, slot.estate())
	}
	for _, o := range s.orphans {
		os := orphanState{PID: o.pid, Group: o.group, Decided: o.decided}
		if o.owner != nil {
			os.Owner = &o.owner.id
		}
		e.Orphans = append(e.Orphans, os)
	}
	if c := s.conn; c != nil {
		e.Conn = &connState{FD: c.fd, PID: c.pid, Epoch: c.epoch, In: c.in.buf, Out: c.out, Next: c.next}
		for _, t := range c.taps {
			e.Conn.Taps = append(e.Conn.Taps, tapState{ID: t.id, Seq: t.seq, Lines: t.lines, Dropped: t.dropped})
		}
	}
	if w := s.ward; w != nil {
		e.Ward = &wardState{
			Path: w.path, Argv: w.argv, Env: w.env, PID: w.pid, FD: w.pidfd, Age: time.Since(w.born),
			Greeted: w.greeted, Told: w.told, Code: w.code, Delay: w.delay,
		}
	}
	e.Cgroup = s.spawner.cgroups.Place()
	e.Losses = lossesOf(s.logs.Losses())
	return e
}

func (slot *slot) estate() slotState {
	spec, _ := (&message{Kind: kindSpawn, Spec: &slot.spec}).encode(nil)
	st := slotState{
		Spec: spec, State: slot.state, PID: slot.pid, FD: slot.pidfd, Start: slot.start, Since: slot.since,
		Reaped: slot.reaped, Exited: slot.exited, Code: slot.exit.Code, Signal: int(slot.exit.Signal), Core: slot.exit.Core,
		Log: slot.log != nil, Tail: slot.tail, Asked: slot.asked, Recipe: slot.recipe, Killing: slot.killing,
		Turned: slot.turned, Leaving: slot.leaving, Last: slot.last, Err: slot.err, Survivors: slot.survivors, Lost: slot.lost,
	}
	st.Cgroup = slot.cgroup
	if e := slot.ear; e != nil && e.fd >= 0 {
		st.Ear = &earState{FD: e.fd, Said: e.said, Told: e.told, Held: e.held, Every: e.every, Last: time.Since(e.last)}
	}
	if slot.killing {
		st.KillLeft = time.Until(slot.killEnd)
	} else if !slot.due.IsZero() {
		st.Graced, st.Grace = true, time.Until(slot.due)
	}
	if f := slot.foreign; f != nil {
		st.Foreign, st.Led, st.Known = true, f.led, maps.Clone(f.known)
	}
	for _, s := range slot.streams {
		if s.fd >= 0 {
			st.Streams = append(st.Streams, streamState{s.name, s.fd, s.partial})
		}
	}
	return st
}

// descriptors are all that the next program goes on with.
func (e *estate) descriptors() []int {
	fds := []int{e.Listener}
	for _, fd := range e.Store {
		fds = append(fds, fd)
	}
	for _, slot := range e.Slots {
		fds = append(fds, slot.FD)
		if slot.Ear != nil {
			fds = append(fds, slot.Ear.FD)
		}
		for _, st := range slot.Streams {
			fds = append(fds, st.FD)
		}
	}
	if e.Conn != nil {
		fds = append(fds, e.Conn.FD)
	}
	if e.Ward != nil {
		fds = append(fds, e.Ward.FD)
	}
	if e.Guard != nil {
		fds = append(fds, e.Guard.FD)
	}
	return slices.DeleteFunc(fds, func(fd int) bool { return fd < 0 })
}
