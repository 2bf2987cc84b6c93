package keeper

import (
	"time"

	"zmicroservices/context/keeper/logfile"
)

// Loss is how many lines of a task's output were dropped since the keeper began. Why
// is the reason of the last.
type Loss struct {
	ID  ID     `json:"id"` // transaction and task alone
	Out uint64 `json:"out,omitempty"`
	Err uint64 `json:"err,omitempty"`
	Why string `json:"why"`
}

// owner is whose file a slot's output goes to.
func (id ID) owner() logfile.Owner { return logfile.Owner{Transaction: id.Transaction, Task: id.Task} }

// lossesOf are the writer's in the words of the wire.
func lossesOf(list []logfile.Loss) []Loss {
	var all []Loss
	for _, l := range list {
		all = append(all, Loss{ID: ID{Transaction: l.Owner.Transaction, Task: l.Owner.Task}, Out: l.Out, Err: l.Err, Why: l.Why})
	}
	return all
}

// inheritLosses takes over what the program before has told.
func (s *server) inheritLosses(list []Loss) {
	for _, l := range list {
		s.logs.Inherit(logfile.Loss{Owner: l.ID.owner(), Out: l.Out, Err: l.Err, Why: l.Why})
	}
}

// lossPause is the time between two reports of what was dropped: it comes at once,
// and a flood of it does not become one of messages.
const lossPause = time.Second

// tellLosses reports what was dropped, and what else the writers have to say. The
// counts wait for a provider if there is none.
func (s *server) tellLosses(all bool) {
	if s.conn == nil || s.lossTimer != nil && !all || !s.logs.HasNews() && !all {
		return
	}
	list, notes := s.logs.News(all)
	for _, text := range notes {
		s.note(text)
	}
	if len(list) == 0 {
		return
	}
	s.conn.send(&message{Kind: kindLosses, Losses: lossesOf(list)})
	s.timers.cancel(s.lossTimer)
	s.lossTimer = s.timers.after(lossPause, func() { s.lossTimer = nil }) // the round goes on with tellLosses
}
