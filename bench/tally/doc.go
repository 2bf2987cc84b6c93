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
// On the machine that these were made on, two processors of 2.5 GHz that others use, too:
//
//	BenchmarkEvent     8.4 µs, 23 allocations
//	BenchmarkFleet     …
//	BenchmarkSilence   …
package tally
