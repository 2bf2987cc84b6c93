// Package curve is CurveZMQ (RFC 26 of rfc.zeromq.org): a handshake that proves
// to both sides who the other one is, and a seal on every frame after it. It
// talks with libzmq 4 both ways.
//
// All of it is pure: bytes in, bytes or an error out. The handshakes are
// [zmtp.Mechanism]s, which zmtp.Handshake and zmtp.Connect run over a connection:
//
//	server := curve.NewServer(curve.ServerOptions{
//		Pair:      pair, // of keys.Load("server.key_secret")
//		Authorize: func(client curve.Key) error { … },
//		Metadata:  zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte("PUB")}},
//	})
//	_, err := zmtp.Handshake(conn, zmtp.Server{
//		Greeted:    curve.Name,
//		Mechanisms: func(string) zmtp.Mechanism { return server },
//		Peers:      []zmtp.SocketType{zmtp.SUB, zmtp.XSUB},
//	})
//	if err != nil {
//		return err
//	}
//	session := server.Session()
//	_, err = conn.Write(session.Seal(nil, false, false, []byte("control @@@ {}")))
//
// Keys in files, and who may do what with them, are package keys' business.
//
// # What is fresh, and what is checked
//
// Each connection has short-term keys and a cookie key of its own: what was
// recorded on one opens nothing on another, nor later. A handshake is checked
// for everything that RFC 26 names: sizes, version, every box, that the vouch
// names this server and this connection, and that nonces only grow, in the
// handshake and after it. Whoever sends a frame twice ends his connection.
//
// # Where libzmq differs from the RFC
//
// It sends MESSAGE as a message and not as a command frame; so do we, and read
// both. Commands after the handshake (PING, SUBSCRIBE) travel inside of MESSAGE,
// marked by the second bit of its flags. A client that is not let in gets an
// ERROR with ZAP's status "400", by which libzmq knows that it was not let in.
//
// # Why not nacl/secretbox for the traffic
//
// It derives the same subkey for every message again, since 16 of the 24 bytes
// of CurveZMQ's nonces never change, and forbids to open in place. box.go is
// the same construction by the same primitives of golang.org/x/crypto without
// the two, a third faster at 200 bytes; a test holds it to secretbox byte by
// byte. The handshake, where speed matters less, is nacl/box and secretbox.
package curve
