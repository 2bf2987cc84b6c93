// Package watchdog measures the watchdog: how long a message takes until the database
// has it, and what many agents cost.
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 10m ./bench/watchdog
//
// Three processes: the bus, the watchdog with its store, and the agents, which are those
// of taskservice/agent, ten on each pair of connections.
//
//	Latency  200 agents that say 2,000 messages a second: from the time that an agent
//	         has put into a message to the commit that it is in, waited for as the disk is
//	Crowd    10,000 agents over 1,000 pairs of connections: how long until all are
//	         onboarded, the watchdog's CPU and memory with a ping each 20 s of each, and
//	         how long a command.ping to all takes until the last answer is in the database
//
// Each message that was said has to be in the database at the end, or the benchmark
// fails. CPU is that of the watchdog's own process, without the bus and without the
// database's server.
package watchdog
