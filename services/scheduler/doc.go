// Package scheduler is the bundled task service Scheduler: hosts that know each other,
// see who is available, and follow each other's changes of address. It is also a program
// of its own, tools/scheduler.
//
//	<TaskService id="ts007" topic="process" instance="Scheduler" serviceType="Process">
//	  <Task>
//	    <message>
//	      <header><action>start</action><service_name>scheduler</service_name></header>
//	      <content><configuration>
//	        <device_action>scheduler</device_action>
//	        <interval>30s</interval> <jitter>5s</jitter>
//	        <listen>0.0.0.0:8090</listen>
//	        <peer>10.0.0.1:8090</peer> <peer>10.0.0.2:8090</peer>
//	        <producer>10.0.5.1</producer>
//	        <store>redis://127.0.0.1:6379/0</store>
//	        <secret_file>/etc/zms/secret</secret_file>
//	      </configuration></content>
//	    </message>
//	    <state type="on_start">…</state>
//	  </Task>
//	</TaskService>
//
// It puts four packages together, and decides nothing itself:
//
//	engine    who is known, when they are called, what is made of what they say
//	rest      the calls and the API that answers them
//	registry  what API and scheduler share, in Redis or a file
//	hostaddr  the host's own address, and when it changes
//
// and peer, their vocabulary. It says on the bus what has changed: `control` updated, with
// a device_action of its own: address_changed (ours; old, new), peer_known,
// peer_address_changed (old, new), peer_available, peer_unavailable (reason). Transitions
// may react to each.
//
// What the host runs, for the peers that ask, is told by Source, which whoever runs the
// task hands in:
//
//	taskservice.Main("scheduler", scheduler.New(source, version))
//
// It carries no message of the bus to another host: services/bridge does.
package scheduler
