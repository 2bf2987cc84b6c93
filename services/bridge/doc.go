// Package bridge is the bundled task service Bridge: it carries a context's bus to NATS,
// and what other hosts say there to the bus.
//
//	<TaskService id="ts_bridge" topic="process" instance="Bridge" serviceType="Process">
//	  <Task>
//	    <message>
//	      <header><action>start</action><service_name>bridge</service_name></header>
//	      <content><configuration>
//	        <device_action>bridge</device_action>
//	        <nats><url>tls://nats.example.net:4222</url><creds_file>/etc/zms/bridge.creds</creds_file></nats>
//	        <topics>control choria.lifecycle.event. weather</topics>
//	        <commands>false</commands>
//	        <remote><topics>control</topics></remote>
//	      </configuration></content>
//	    </message>
//	    <state type="on_start">…</state>
//	  </Task>
//	</TaskService>
//
//	 our bus ──► outward ─┬─ control, life cycle ─► spool (bridge.db) ─► senders ─► JetStream
//	                      └─ other topics ────────────────────────────────────────► NATS
//	 our bus ◄── inward ◄─┬─ streams, from where we were ◄───────────────────────── JetStream
//	  remote.…            └─ other topics ◄──────────────────────────────────────── NATS
//	 our bus ◄── orders ◄──── requests zmicroservices.<host>.<context>.command.<topic>
//	 provider ◄─ answers ◄─── requests ….ask.state, ….ask.top, zmicroservices.discover
//
// Package subject names the subjects, package link connects.
//
// # What it promises
//
// Events, that is the topic control and life cycle events, reach JetStream at least once,
// and those of one task service in their order, whether a link breaks, a server is
// restarted or the bridge is killed. An event is in the spool's file before it is sent,
// and leaves it when a stream has acknowledged it; an event is sent when that of its lane
// before it is there. Each has an id (Nats-Msg-Id: the run of the bridge and a number)
// that is the same at each attempt, by which JetStream drops a second one within its
// window for duplicates, and other bridges for thirty days. Zms-Time is when it was told.
// Where control and life cycle events have streams of their own, the order is that within
// each: they are read side by side.
//
// The spool is bounded, by rows and by bytes; what is too much are the oldest events, which
// are counted and said, in the log, on control and in the answer to discover. What was on
// the bus while no bridge ran was heard by nobody: the provider's journal has it.
//
// Other topics are sent at once or not at all, as a bus does.
//
// # What it never does
//
// It does not send back what came from NATS: what it repeats lies below a prefix that is
// never mirrored, and of the commands it puts on the bus it knows the echo. It takes
// nothing from its own host. It repeats nothing of others as context, process, state or
// control: a host does not obey another's bus. A command is a request to one context, taken
// only where <commands> says so, and then the provider judges it as any message; who may
// send one is for NATS's permissions to say.
//
// # Reading streams
//
// How far a stream was read is in bridge.db, not in a durable consumer: after a restart
// one of those sends what was not acknowledged behind what is new. An event that is on our
// bus is noted in the file; a bridge that is killed between the two repeats it there.
//
// # Why not …
//
// Why not many events of a service under way at once: when a stream's leader changes, the
// first may be lost and the second stored. One lane brings one event a round trip; thirty-two
// lanes at once keep a link busy.
//
// Why not NATS's own client buffer: it is lost with the process, has no ids, and drops the
// newest.
//
// Why not keep commands: an order to start from last night is not to be carried out in the
// morning.
//
// Why not in the provider: a bridge waits for a network that comes and goes, with a spool
// that may fill a disk. As a task service it is limited, restarted and left out like any.
package bridge
