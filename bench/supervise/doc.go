// Package supervise measures the product beside other supervisors, all in one run
// and in turns, so that what else the machine does hits all of them:
//
//	go test -run '^$' -bench . -benchtime 1x -timeout 1h ./bench/supervise
//
// A service is a static program that stamps the time of its first instruction. The
// limit is a loop that spawns and waits and does nothing else. Beside it stand
// supervisord, runit and s6 (Debian) and PM2 (npm); who is not installed is left out
// and named. Ours runs as by default: journal and captured output on.
//
//	start   exec of the supervisor to the last service's first instruction
//	kill    SIGKILL of one of 100, which has lived for more than a second, to its replacement's first instruction
//	all     SIGKILL of 200 at once to the last replacement's
//	stop    the request to the end of the last service, and to the end of the supervisor
//	idle    500 services, nothing happens: CPU, proportional memory, threads
//
// Each figure is the median of -runs runs (5); a peer that needs seconds where others
// need milliseconds is asked fewer times within a run, never in fewer runs.
package supervise
