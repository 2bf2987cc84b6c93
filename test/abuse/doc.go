// Package abuse does to the built product what strangers, broken peers and broken
// messages do: whatever it is, nothing falls over, memory is bounded, everyone
// else is served meanwhile, and who can be answered is.
//
//	go test ./test/abuse
//
// Everything happens on loopback, and is bounded in count, bytes and time.
package abuse
