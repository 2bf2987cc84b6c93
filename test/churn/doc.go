// Package churn lives a busy life with a provider and looks at what it costs:
// services that exit, print, fork and are killed, are restarted by policy, by schedule
// and by operators, are probed and scaled; transactions that come and go; subscribers,
// readers of logs and askers of questions that do, too. Nothing of it may add up: memory,
// descriptors, threads, goroutines and the state directory are flat.
//
//	go test ./test/churn                                   # some seconds: does it work, is it tidied up
//	go test -tags soak -timeout 1h ./test/churn            # half an hour: is it flat
//	CHURN=5m go test -tags soak ./test/churn               # or as long as that
//
// Flat: the median of the last third is not above those of the first and the second by
// more than the tolerance of its figure (tolerances, in figures_test.go).
package churn
