// Package abuse does to the built product what strangers, broken peers and broken
// messages do: whatever it is, nothing falls over, memory is bounded, sockets come
// back, everyone else is served meanwhile, and who can be answered is.
//
//	go test ./test/abuse
//
// What is done to the bus is done to one that speaks NULL and to one that speaks
// CURVE, on both ports. Who judges is a bystander: how long its messages take beside
// all that, and when all was quiet; an operator's questions; and the provider's memory.
//
// Everything happens on loopback, and is bounded in count, bytes and time.
package abuse
