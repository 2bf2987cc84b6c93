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
// # What it never does
//
// It starts, stops and restarts nothing. That one went inactive is a notice, `control
// updated` with device_action inactive, and the transitions, limits and probes of the
// Context file decide what follows.
package watchdog
