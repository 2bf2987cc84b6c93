package bus

import "log/slog"

// side is what the two sides of a bus, publisher and subscriber, have alike.
type side struct {
	to       endpoint
	security security
	roll     *roll
	log      *slog.Logger // with the endpoint
	report   func(error)  // why a connection could not be had, or was lost
}

// joined is called by a session when its connection is there for all purposes.
func (s side) joined() {
	s.log.Debug("bus connection joined")
	if s.roll.joined() {
		s.log.Info("bus rejoined")
	}
}

// left is called when a joined connection is not there any more.
func (s side) left(lost bool, err error) {
	s.roll.lost()
	if lost {
		s.log.Warn("bus connection lost", "err", err)
	}
}
