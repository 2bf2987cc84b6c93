// Package plain is ZMTP's PLAIN mechanism (RFC 24 of rfc.zeromq.org): a user and
// a password, both in the clear. It says who talks; it hides and protects
// nothing, so that it is for the loopback and for peers that know nothing else.
// Everybody else wants package curve.
//
// Like curve it is pure, and its two halves are zmtp.Mechanisms:
//
//	server := plain.NewServer(plain.ServerOptions{
//		Check:    users.Check, // of keys.OpenUsers
//		Metadata: zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte("PUB")}},
//	})
//	_, err := zmtp.Handshake(conn, zmtp.Server{
//		Greeted:    plain.Name,
//		Mechanisms: func(string) zmtp.Mechanism { return server },
//		Peers:      []zmtp.SocketType{zmtp.SUB, zmtp.XSUB},
//	})
//
// The package keeps no passwords and compares none: Check does.
package plain
