package keeper

// status is the slot as List shows it.
func (s *server) status(slot *slot) Status {
	st := Status{
		ID: slot.id, State: slot.state, PID: slot.pid, Start: slot.start, Since: slot.since, Exited: slot.exited,
		Code: slot.exit.code, Signal: int(slot.exit.signal), Core: slot.exit.core, Err: slot.err, Survivors: slot.survivors,
		Adopted: slot.foreign != nil, Lost: slot.lost, Stop: slot.spec.Stop, Log: slot.spec.Output.Log, Notify: slot.spec.Notify,
	}
	if !slot.since.IsZero() {
		st.Mono = s.clock.mono(slot.since)
	}
	switch {
	case slot.state == Over:
		st.Last = slot.last
	case slot.state == Stopping && (slot.killing || !slot.due.IsZero()):
		st.Ending = &Ending{Recipe: slot.recipe, Killing: slot.killing, Asked: slot.asked}
		if !slot.due.IsZero() {
			st.Ending.Due = s.clock.mono(slot.due)
		}
	}
	return st
}
