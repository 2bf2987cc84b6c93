// Package exit is how our command lines end: an error made by Failed or Nobody
// knows its exit code, and every other one is of usage.
//
//	os.Exit(exit.Code(exit.Nobody("nobody listens on %s", endpoint))) // 3
//
// It never ends anything: that is main's.
package exit
