// Package sample measures what looking at processes costs, ours beside others', all in
// one run and in turns, so that what else the machine does hits all of them:
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 30m ./bench/sample
//
// A process has 4 threads, 10 descriptors and 3 TCP sockets (a listener and both ends
// of a connection). Before every look a share of them is woken and runs for some µs;
// the others sleep. A figure is µs of CPU time a process, the fastest of some turns:
// everything but memory maps.
//
//	ours      context/sample, a tick for all
//	raw       the limit: the same files, kept open and read into a buffer that nobody looks at, and one listing of sockets
//	gopsutil  v3, call by call, as one who reads its README does it
//	psutil    of Debian, in a process of its own, likewise
//
// The last two cost so much for each of 1000 processes that they look at some of them;
// the others are there. Foreign: ours at 100 processes of 1000, and beside 5,000 TCP
// sockets of somebody else.
//
// BenchmarkProvider is the whole: CPU seconds a minute of a provider and its keeper with
// 500 idle services, that reports their cost to a subscriber, and with that turned off.
package sample
