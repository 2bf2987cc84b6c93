// Package bus is a client of the bus: it publishes at a context's
// BackendEndpoint and listens at its FrontEndEndpoint.
//
//	b, err := bus.Dial(ctx, bus.Options{
//		Frontend: "tcp://127.0.0.1:6556", // subscribe here
//		Backend:  "tcp://127.0.0.1:6557", // publish here
//		Topics:   []string{"process"},
//	})
//	if err != nil {
//		return err
//	}
//	err = b.Publish(ctx, frame)
//	frame, err := b.Receive(ctx)
//	err = b.Close(ctx) // what was published has been read by the forwarder
//
// Dial returns when the first message would be neither missed nor lost, a lost
// connection is dialled again for ever, and Close drains. Between these a
// connection that comes back is announced (Rejoined), because messages in
// flight when it broke are lost: whoever has a state says it again.
//
// The package never looks into a message, never binds, and keeps nothing on
// disk. It is the only importer of zmq4.
//
// # What zmq4 does here, and what it does not
//
// zmq4 speaks ZMTP: greeting, NULL handshake, frames. Between it and the peer
// stands guard, a net.Conn that shakes hands with the real peer first, by NULL,
// CURVE or PLAIN, lets only well-formed traffic through in either direction,
// seals and opens it, answers PING, and knows what zmq4 does not tell: when a
// subscription has arrived, when a PONG came back, how much was written whole.
//
// # Why not zmq4.NewPub and zmq4.NewSub
//
// v0.17.0's sockets queue without a bound and report no write error (PUB),
// lose what is queued at Close, keep one goroutine for ever after it (PUB,
// XPUB), dial a mute peer for ever without looking at a context, reconnect
// inside the failing call with a fixed pause, and never answer PING, so that a
// peer with heartbeats cuts them each second. zmq4.Open gives the protocol
// without the socket around it; the loop around it here is shorter than the
// defences were.
//
// # Why not zmq4's own security
//
// Its Security interface cannot carry CURVE: the header is written with the
// body's length before the body is sealed, one value serves all connections,
// and nobody can be the server. Its PLAIN has a server that takes any password.
//
// # Why a publisher does not filter
//
// A ZeroMQ PUB drops what its peer has not subscribed to. Our peer is a
// forwarder that filters for each of its own subscribers; a second filter here
// could only lose what a subscription still on its way would have caught.
package bus
