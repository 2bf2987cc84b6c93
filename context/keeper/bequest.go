package keeper

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"

	"zmicroservices/context/keeper/kernel"
)

// bequestName is the file in the runtime directory by which a keeper that ends
// alone leaves the events that nobody acknowledged to the next one: a line of JSON
// each. It is no journal: it is written once, at the end.
const bequestName = "keeper.exits"

// bequeath writes the file. While a provider listens it has heard everything, and
// without a linger time nobody is meant to come back.
func (s *server) bequeath() {
	if s.conn != nil || len(s.events.list) == 0 || s.opts.linger <= 0 {
		return
	}
	path := filepath.Join(s.opts.runtimeDir, bequestName)
	var text []byte
	for _, ev := range s.events.list {
		line, _ := json.Marshal(ev)
		text = append(append(text, line...), '\n')
	}
	if err := os.WriteFile(path+".new", text, 0o600); err == nil {
		_ = os.Rename(path+".new", path)
	}
}

// inherit takes up what the keeper before left: its events come first, and its
// slots are over.
func (s *server) inherit() {
	s.sweepNotices()
	if s.opts.linger <= 0 {
		return
	}
	text, _ := os.ReadFile(filepath.Join(s.opts.runtimeDir, bequestName))
	for line := range bytes.Lines(text) {
		var ev Event
		if json.Unmarshal(line, &ev) != nil {
			continue // torn: it is the last
		}
		s.events.add(ev)
		if ev.Kind != Gone && ev.Kind != SpawnFailed {
			continue
		}
		s.slots[ev.ID] = &slot{
			id: ev.ID, spec: Spec{ID: ev.ID}, state: Over, pid: ev.PID, pidfd: -1, start: ev.Start, reaped: true,
			exited: ev.Kind == Gone, exit: kernel.Exit{Code: ev.Code, Signal: ev.Signal, Core: ev.Core}, asked: ev.Asked,
			last: s.events.last(), err: ev.Err, survivors: ev.Survivors,
		}
	}
	s.bequest = s.events.last()
}
