// Package interop judges the built product by real libzmq peers: pyzmq, as
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
// Without python3-zmq the tests fail in CI and are skipped elsewhere.
package interop
