// Package tally counts, for Prometheus, who says life cycle events: how many run which
// version of a component. It is the tally of Choria, with the names that its dashboards
// know, on a page of its own:
//
//	t, err := tally.NewTally(tally.Options{Component: "server"})
//	…
//	page, err := tally.Listen("127.0.0.1", 8080)
//	…
//	err = t.Serve(ctx, bus, page) // until ctx ends; bus is subscribed to Topics(false)
//
// lifecycle tally does that for any bus; New is the factory of the bundled task service
// Tally, which counts on the bus of its context:
//
//	<TaskService id="ts090" topic="process" instance="Tally" serviceType="Process">
//	  … <service_name>tally</service_name> …
//	    <configuration><component>server</component><port>8080</port></configuration>
//
// # What is counted
//
// With the prefix that is the default, and the labels in braces:
//
//	lifecycle_tally_good_events{component}          events that were processed
//	lifecycle_tally_process_errors{component}       messages that were to be events and could not be
//	lifecycle_tally_event_types{component,type}     events by type
//	lifecycle_tally_versions{component,version}     nodes that run a version: a gauge
//	lifecycle_tally_nodes_expired{component}        nodes that fell silent without a goodbye
//	lifecycle_tally_processing_time{component}      seconds an event took: a summary
//	lifecycle_tally_maintenance_time{component}     seconds a look for silent nodes took: a summary
//	lifecycle_tally_alive_missed_total{component}   of those nodes, how many the task service told the bus of
//	lifecycle_tally_overflow_total{kind}            what was beyond a bound, see below
//
// A node is a component and an identity. Startup and alive say its version, upgraded says
// the one that comes; another version than before moves the node, the same does nothing,
// so that a second startup does not count twice. Shutdown takes the node away; that of an
// unknown one is a good event that changes nothing. A node that was not heard of for 80
// minutes (gap.Horizon) is taken away and counted as expired; that its alive was missed
// is said on the bus by whoever notices first, as package gap describes.
//
// # What strangers cannot do
//
// Whoever may publish can invent components and versions, and each would be a series for
// ever. There are at most 1,000 components, 10,000 versions and 1,000,000 nodes; what is
// beyond is counted as component or version "other", or not as a node, and in overflow.
// Versions that nobody runs any more make room. Words of a component or version are at
// most 128 bytes of printable text, an identity 256; else the event is an error.
//
// # Why not the type counter
//
// The names are Choria's, and those of its counters have no _total at the end. The
// format of Prometheus wants it there: promtool calls the lack of it a mistake, and
// OpenMetrics appends one, so that a query of Choria's dashboards would find nothing.
// These four are written without a type instead; rate and increase do not ask for one.
//
// # Why not by the timestamps of events
//
// They are of other hosts' clocks. What counts is when an event was heard here.
package tally
