// Package house holds the lines of the house: which package may import which,
// and a few habits that a compiler does not know. It has tests and nothing
// else; nobody imports it.
//
// The lines between packages are one table (rules_test.go), each with the
// reason that a newcomer is owed. The same table makes the depguard section of
// .golangci.yml, for editors:
//
//	go test ./internal/house            # do the lines hold?
//	go test ./internal/house -update    # write .golangci.yml anew
//
// # Why not go list -deps
//
// It sees the files of one set of build tags, and what third parties import as
// well. Here every file is read, also those of make soak, and only what we
// import ourselves counts.
//
// # Why not leave it to golangci-lint
//
// It is a convenience that a machine may lack; make test is what holds.
package house
