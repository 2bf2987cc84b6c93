// Package monitor is the bundled task service Monitor: it publishes on the topic monitor,
// at an endpoint of its own, what each task service of its transaction costs.
//
//	<TaskService id="ts000" topic="process" instance="Monitor" serviceType="Process">
//	  <Task>
//	    <message>
//	      <header><action>start</action><service_name>monitor</service_name></header>
//	      <content><configuration>
//	        <device_action>task_monitor</device_action>
//	        <publisher>
//	          <endpoint>tcp://127.0.0.1:6558</endpoint>
//	          <frequency_s>1.0</frequency_s>
//	          <type>pub</type>
//	        </publisher>
//	        <monitor_options><open_connections>true</open_connections></monitor_options>
//	      </configuration></content>
//	    </message>
//	    <state type="on_start">…</state>
//	  </Task>
//	</TaskService>
//
// It measures nothing itself: the provider does, in one pass for all who ask, and makes
// the messages. Monitor is their publisher, a process like all others, that is stopped,
// restarted and watched like them; while its provider is away it says nothing, and goes
// on when there is one again.
//
// It keeps no records: <db_connection> and <store_records> of the original are accepted
// and said to be without effect.
//
// How the messages come is Source, which whoever runs the task hands in:
//
//	taskservice.Main("monitor", monitor.New(source))
package monitor
