// Package watchdog is the bundled task service Watchdog: it onboards microservices,
// watches that they go on talking, and keeps every state and every message of theirs
// in a database. The protocol is that of package hippodamia; whoever speaks it is
// watched: a task service of ours, which does so by itself, or a program elsewhere.
//
//	<TaskService id="ts000" topic="process" instance="Watchdog" serviceType="Process">
//	  <Task>
//	    <message>
//	      <header><action>start</action><service_name>watchdog</service_name></header>
//	      <content><configuration>
//	        <device_action>watchdog</device_action>
//	        <database>watchdog.db</database>
//	      </configuration></content>
//	    </message>
//	    <state type="on_start">…</state>
//	  </Task>
//	</TaskService>
//
// # What it promises
//
// The life of a microservice is one table, which Fprint prints: whatever the table does
// not know is refused, stored as rejected, and harms nothing.
//
// A microservice is told its gid only when the disk has it. What was stored survives
// kill -9; the Watchdog that comes after goes on observing, and declares nobody dead for
// the time that it was away itself.
//
// # How it works
//
// One goroutine owns the roster, which is pure data: it is told what came and what time
// it is, and gives outcomes. Those are carried out: an entry goes to the Store, a frame to
// the bus. Rows that are to be durable before a response are asked about together, one
// question at a time, so that a whole plant that comes up is a few commits.
//
//	receive   hands over what comes      ends with ctx, or with the bus
//	publish   publishes what is queued   ends with ctx
//	store     runs the Store             ends when it is closed
//
// Silence is package gap's: a heap of deadlines, by the monotonic clock. Time in which
// the watchdog was stopped, or the bus away, is taken out of every silence.
//
// Life cycle events are a second sign of life: an alive of a microservice that is inactive
// makes it active. Of every node, watched or not, a missed alive is said once, before the
// tally would.
//
// # Who is who
//
// A microservice is type, name, host and config_id, and its gid is made of these. A gid in
// a request is not believed. Of two processes with one identity the later one is heard;
// messages of the other are stored as rejected, and it is not told to onboard before the
// later one is silent or gone: they would do so in turns.
//
// # What it never does
//
// It starts, stops and restarts nothing. That one went inactive is a notice, `control
// updated` with device_action inactive, and the transitions, limits and probes of the
// Context file decide what follows.
//
// # Why not …
//
// Why not stop receiving while the database does not write: nobody would be watched, and
// the forwarder's queue for us is shorter than the store's ring.
//
// Why not a row in the state end for a goodbye at once: the database would forget it a
// retention later, and whoever asks the day after wants to know.
package watchdog
