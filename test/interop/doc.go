// Package interop judges the built product by real peers: pyzmq, as
// Debian packages it, subscribes, publishes, and is a task service. Nothing of
// ours reads or writes the bus on their side.
//
// A test starts service_context on ports of the kernel's choice, lets a peer
// (testdata/peer.py) follow or drive it, and compares what the peer saw with what
// the wire of the original promises:
//
//	p := harness.Start(t, file)
//	bus := observe(t, p, "process", "control")
//	p.Command("start", "--transaction", transaction, file)
//	bus.expect("process start ts001", "control started ts001 success")
//
// TestEveryPeerHearsEveryPeer is the matrix: pyzmq's PUB, XPUB, SUB and XSUB, with
// heartbeats too, czmq's and zmq4's sockets, and ZMTP 3.0 and 3.1 by hand, each of
// them to each.
//
// Without python3-zmq or libczmq-dev its tests fail in CI and are skipped elsewhere.
package interop
