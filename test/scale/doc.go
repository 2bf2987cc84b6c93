// Package scale runs contexts of hundreds and thousands of task services against
// the built product:
//
//	go test ./test/scale            # bounded sizes with -short
//
// Every test follows the bus with a subscriber of its own and judges the life of
// each service by what it saw there; what the provider and its keeper cost is
// logged (go test -v).
package scale
