// Package bus measures the forwarder against libzmq's own device, zmq_proxy, in
// the same run on the same machine:
//
//	go test -run '^$' -bench . -benchtime 1x ./bench/bus
//
// BenchmarkThroughput and BenchmarkLatency are the comparison, BenchmarkFairness is
// what others notice of a strain on the built product's bus, and BenchmarkOverload
// what happens to more than is read. Each ends with a table in Markdown: the goals, and where one is missed.
//
// Loads are C programs (testdata/peers.c, built by the benchmark): raw ones that
// speak ZMTP by hand with as little work as possible, so that the forwarder is
// what is measured, and libzmq's sockets, as users have them. Figures are medians
// of alternating rounds; absolute ones swing with the machine, ratios hold.
// README.md has what came out. It needs gcc and libzmq3-dev and is skipped where they are missing.
package bus
