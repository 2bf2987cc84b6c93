// Package tally measures what counting a large fleet costs: 100,000 nodes of one
// component, in ten versions.
//
//	go test -run '^$' -bench . -benchtime 1x ./bench/tally
//
// BenchmarkEvent is one event, from the frame to the gauge, with the fleet known.
// BenchmarkFleet is the whole: our forwarder, a publisher and a tally on TCP, first a
// startup of every node (events/s, bytes/node of heap that stay), then an alive of every
// one, and then scrapes over HTTP by one client (ms/scrape, bytes/page). BenchmarkSilence
// is a bus that broke: all nodes expire in one look.
//
// On two processors of 2.5 GHz that were busy with other things all the while (which is
// why there is ns-cpu, the time that was really spent):
//
//	BenchmarkEvent     7.6 µs of CPU, 19 allocations: 130,000 events/s of one processor
//	BenchmarkSilence   0.2 s, once, for all 100,000
//	BenchmarkFleet     9,000 to 17,600 events/s over the bus; 25 µs of CPU an event with
//	                   publisher, forwarder and the scrapes that wait for them
//	                   290 B/node of heap; 1.4 ms a scrape (11 on the busiest moment), 10.9 kB
//
// A fleet of 100,000 that says every hour that it is alive makes 28 events/s.
package tally
