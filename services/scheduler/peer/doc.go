// Package peer is the vocabulary of the scheduler: who a peer is, where it is, and what
// two of them say to each other. All of it is values.
//
//	at, err := peer.ParseAddress("[fd00::7]:8090")
//	p := peer.Peer{UUID: id, IP: at, LastSeen: time.Now()}
//	peer.Newer(p, known) // whether its word on the address counts
//
// An address is what follows http:// in a call: an IP address or a host name, with a
// port unless that is 80. It has one spelling (Address), so that two can be compared.
//
// It opens nothing, calls nobody and reads no clock.
package peer
