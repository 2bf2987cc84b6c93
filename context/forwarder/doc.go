// Package forwarder is the forwarder device of a context, made for this purpose:
// what publishers send to its front goes to those at its back who subscribed to
// it. To a ZeroMQ socket of any language it is zmq_proxy(XSUB, XPUB), or the
// FORWARDER device of libzmq; its own process also sees who sent what (taps,
// Admit) and publishes without a socket.
//
// It reads no JSON, knows no service, starts nothing and keeps no message that
// somebody still has to ask for. What a topic means is its caller's business: it
// is told which topics are guarded, tapped or of the control plane.
//
//	f, err := forwarder.New(forwarder.Options{
//		FrontBind:   []string{"tcp://*:5556"}, // loopback, unless BindAll
//		BackendBind: []string{"tcp://*:5555", "ipc:///run/zms/back.sock"},
//		Guarded:     []string{"context"},
//		Admit: func(p forwarder.Peer, topic string, frame []byte) error {
//			if p.UID != os.Getuid() {
//				return fmt.Errorf("uid %d may not send on %s", p.UID, topic)
//			}
//			return nil
//		},
//		Taps:   []forwarder.Tap{{Topics: []string{"context"}, Deliver: handle}},
//		Logger: slog.Default(),
//	})
//	if err != nil {
//		return err // bind tcp://127.0.0.1:5556: address already in use
//	}
//	go f.Run(ctx)
//	err = f.Publish([]byte(`control @@@ {}`))
//
// # How a message travels
//
// A publisher's goroutine reads up to 64 KiB at once into a chunk and finds the
// frames in it; bytes are never decoded, copied or encoded again. Each message is
// matched once, by a walk down a radix tree of all subscriptions, which costs the
// same with one subscriber and with 1,000 that don't match. Neighbours that go
// the same way become one range. The goroutine takes its place in the queues of all
// subscribers, and then makes one vectored write for each that was empty, without
// blocking. What the kernel does not take
// is queued, and written by a goroutine that lives until the queue is empty.
// Queued ranges share the chunk they were read into, where a queue wants at least
// half of it; else they share a copy in 4 KiB chunks, so that a few small messages
// never pin 64 KiB. In steady state nothing is allocated.
//
// # Sealed connections
//
// With Options.Security of CURVE, what goes over tcp is sealed frame by frame, for
// each connection by another key. Two small things stand between the sockets and
// all of the above, and nothing else knows of it: the opener turns what was read
// into the plain frames that a NULL peer would have sent, and the sealer turns
// ranges that are due into sealed frames just before they are written. So queues
// share plain bytes, and limits and figures mean the same for all. A frame can be
// believed when its end was seen: one longer than a chunk is collected, as it
// comes, in memory that counts as that of messages underway.
//
// # Promises
//
//   - Messages of one publisher arrive in its order, whole and unchanged, commands
//     between their frames taken out. Those of Publish too, among themselves.
//   - All subscribers get what they get in one order: nobody sees an answer before
//     its question.
//   - A subscriber that does not read delays nobody. Its queue has Limits, beyond
//     which the newest messages are dropped, whole, and counted.
//   - The control plane (Options.Priority) and our own messages have a reserve in
//     every queue that nobody else's flood can fill. They keep their place in the
//     order: a service's last words come before what we say about its death.
//   - Whatever a peer sends costs bounded memory: the buffers of an idle connection
//     are 0 bytes, those of a message that is underway as many as have arrived.
//   - Subscriptions are a set per peer, as in libzmq 4.3, not counted.
//
// # What is counted
//
// Messages and bytes of every publisher, by topic: totals, the rate of the last
// second, the time of the last message (Stats, and Heard for those in Metered). A
// publisher has at most 64 topics with a name, all of them 16,384; the rest is one sum.
// A run of messages of one topic costs a comparison each, some 10 ns, and each read a
// lock that only a reader of the figures ever wants.
//
// # Recordings
//
// Record gives this process all messages with some prefixes as they are, in the one
// order, by the way that subscribers get theirs: a pair of sockets and a queue, with
// 256 MiB instead of 32. Who records and does not read loses messages, which are
// counted, and slows nobody down.
//
// # Who runs
//
//	goroutine         started by   ends when                            owns
//	Run               caller       ctx ends and all others have         -
//	accept            Run          its listener is closed               one listener, a spare descriptor
//	pulse             Run          ctx ends                             the coarse clock
//	turnstile         Run          Close closes it                      an eventfd
//	connection        accept       its connection is closed             its intake, its place in the tree
//	drain             an outbox    its queue is empty or closed         the outbox's write side meanwhile
//
// Admit, Deliver, OnSubscribe and OnClose run on the goroutine of the connection
// that they are about, or of who called PublishAs. Locks are leaves: none is held
// while one of those is called.
//
// # Why a turnstile
//
// Go's scheduler looks at the network only when a processor has nothing else to
// run, or every 10 ms (runtime, findRunnable and sysmon). With one publisher that
// always has more, the messages of all others waited for that: a median of 370 to
// 700 µs beside it on two cores, where libzmq's device needed 80 to 170. Now who
// has read and forwarded 512 KiB in a row passes a turnstile that the network poller opens, and the
// median is 45 to 75 µs. runtime.Gosched does not do it, since it gives way to goroutines that
// are runnable, not to sockets that are readable; more processors than cores
// (GOMAXPROCS) helped half the way, and the machine's scheduler decided.
//
// # Why not drop the oldest
//
// libzmq drops the newest at its high-water mark, and a subscriber of state wants
// what led to what it sees. Dropping the oldest would also have to leave alone
// what is being written, and would send a slow reader through all gaps there are.
// Commands and states are not lost by either, thanks to the reserve.
//
// Measured (bench/bus, BenchmarkOverload: 200 B messages as fast as they come, one
// reader that keeps up, one that reads 10,000 a second, eight that do not read),
// with a prototype that dropped the oldest: who keeps up got 0.52 to 0.67 million
// messages a second instead of 0.83 to 0.88, since what is thrown away later has to
// be kept first, once for everybody who does not read; and what the slow one read
// was 2.2 to 2.3 s old instead of 2.7 s, since most of it waits in the kernel's
// buffers, out of which nobody drops.
//
// # Why not let a full queue slow its publishers
//
// That is what a pipeline wants, not a bus: one debugger at a breakpoint would
// stop everybody. libzmq has XPUB_NODROP for it, off by default; with it, in the
// same measurement, nobody got anything any more.
//
// # Why not a lane of their own for urgent messages
//
// The order between topics is observable: a service that publishes a result and
// then says that it has stopped would be seen to stop first. A reserve gives
// urgent messages their place, and who wants them fast subscribes to them only.
//
// # Why not seal once for all subscribers
//
// A group key would make one sealing of a message enough, but then every
// subscriber could speak as the forwarder to every other, and a key that is
// withdrawn would have to be changed everywhere. libzmq's peers could not read it.
//
// # Why not zmq4's sockets, or zmq4's Proxy
//
// Measured, they forward a tenth to a third of what libzmq does, and one stranger
// with a frame length of 2^62 or half a greeting ends them.
//
// # What an XPUB could do and this does not
//
// Messages that an XSUB sends upstream are not forwarded to publishers, which see
// one subscription, to everything; and subscriptions are not handed on to an
// application. Neither did the forwarder device.
package forwarder
