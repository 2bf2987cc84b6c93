// Package pub is a PUB socket that a program binds for itself, on package zmtp: for
// figures and pictures that subscribers want from an endpoint of their own, and not from
// the bus.
//
//	s, err := pub.Listen("tcp://127.0.0.1:6558", pub.Options{Logger: log})
//	if err != nil {
//		return err // the endpoint is taken, or beyond loopback
//	}
//	go s.Run(ctx) // ends with ctx, or Close
//	s.Publish([]byte(`monitor @@@ {}`))
//
// As with every PUB a subscriber gets what is published from its subscription on. One that does
// not read loses messages, which are counted, and holds up nobody: Publish never waits.
//
// Binds are tcp and ipc. tcp://*:PORT is loopback; what others can reach is refused
// unless Options.Beyond: the mechanism is NULL, so that everybody may subscribe.
//
// It never reads messages (who publishes to a PUB is hung up on), keeps none for later,
// and starts no goroutine before Run.
//
// Why not package bus: that is a client on zmq4, which binds without limits on peers,
// frames and handshakes. Why not the forwarder: it is the bus's, and forwards; here is one
// publisher, and nothing to be taken from anybody.
package pub
