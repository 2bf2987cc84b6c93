package mqtt

import "sync/atomic"

// Figures are what a gateway has done since it was made.
type Figures struct {
	Connected   bool   // to the broker, and subscribed there
	Connections uint64 // how often that was so

	ToBus    uint64 // messages that crossed
	ToBroker uint64

	Echoes    uint64 // heard where we had said them
	Repeated  uint64 // the same again, from the same side
	Malformed uint64 // no JSON object, or a request that leads elsewhere
	Oversized uint64 // above Options.MaxPayload
	Retained  uint64 // kept by the broker, of an unknown age
	Stray     uint64 // on a topic that does not cross

	DroppedToBus    uint64 // the bus did not take them in time
	DroppedToBroker uint64 // the broker did not
}

// counters are the parts of Figures that are counted here.
type counters struct {
	connected                               atomic.Bool
	connections                             atomic.Uint64
	toBus, toBroker                         atomic.Uint64
	echoes, repeated                        atomic.Uint64
	malformed, oversized, retained, strayed atomic.Uint64
	lost                                    atomic.Uint64 // refused by the bus
}

// Figures gives them as they are now. It can be called at any time.
func (g *Gateway) Figures() Figures {
	c := &g.count
	return Figures{
		Connected: c.connected.Load(), Connections: c.connections.Load(),
		ToBus: c.toBus.Load(), ToBroker: c.toBroker.Load(),
		Echoes: c.echoes.Load(), Repeated: c.repeated.Load(), Malformed: c.malformed.Load(),
		Oversized: c.oversized.Load(), Retained: c.retained.Load(), Stray: c.strayed.Load(),
		DroppedToBus: g.toBus.drops() + c.lost.Load(), DroppedToBroker: g.toBroker.drops(),
	}
}

// attributes are f for a log.
func (f Figures) attributes() []any {
	return []any{
		"to_bus", f.ToBus, "to_broker", f.ToBroker, "echoes", f.Echoes, "repeated", f.Repeated,
		"malformed", f.Malformed, "oversized", f.Oversized, "retained", f.Retained, "stray", f.Stray,
		"dropped_to_bus", f.DroppedToBus, "dropped_to_broker", f.DroppedToBroker, "connections", f.Connections,
	}
}
