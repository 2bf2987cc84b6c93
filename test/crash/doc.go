// Package crash kills the provider, again and again, under services that print,
// fork and exit all the time, and counts what must not be lost: exit codes, lines
// of output, and that there is one process for one task service.
//
// A service is this test binary: it numbers its lines, and its last line says
// with which code it will exit. So the log file alone tells what the journal has
// to know.
//
// The keeper is killed too, keeper and provider are upgraded under the same load, and a
// provider that was built for it (internal/crashpoint) dies at named points of its work.
//
//	go test ./test/crash                # ten kills
//	go test -tags soak ./test/crash     # a hundred
package crash
