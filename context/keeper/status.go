package keeper

// status is the slot as List shows it.
func (s *server) status(slot *slot) Status {
	st := Status{
		ID: slot.id, State: slot.state, PID: slot.pid, Start: slot.start, Since: slot.since, Exited: slot.exited,
		Code: slot.exit.Code, Signal: int(slot.exit.Signal), Core: slot.exit.Core, Err: slot.err, Survivors: slot.survivors,
		Adopted: slot.foreign != nil, Lost: slot.lost, Stop: slot.spec.Stop, Log: slot.spec.Output.Log, Notify: slot.spec.Notify,
	}
	if !slot.since.IsZero() {
		st.Mono = s.clock.Mono(slot.since)
	}
	switch {
	case slot.state == Over:
		st.Last = slot.last
	case slot.state == Stopping && (slot.killing || !slot.due.IsZero()):
		st.Ending = &Ending{Recipe: slot.recipe, Killing: slot.killing, Asked: slot.asked}
		if !slot.due.IsZero() {
			st.Ending.Due = s.clock.Mono(slot.due)
		}
	}
	return st
}
