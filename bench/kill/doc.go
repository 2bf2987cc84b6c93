// Package kill measures how long after a kill -9 the bus says failed, at a
// subscriber, with the built product:
//
//	go test -run '^$' -bench . -benchtime 1x ./bench/kill
//
// Each row is 200 kills of 200 command services, one after the other: on an idle
// bus, and on one that a publisher of 200 B messages saturates, which another
// subscriber reads. Its tests are what must hold whatever the machine does: the
// word comes at all, and a service's own last words come before it.
package kill
