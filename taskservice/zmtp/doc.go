// Package zmtp is ZMTP 3.0 and 3.1, the wire protocol of ZeroMQ (RFC 23 and 37
// of rfc.zeromq.org): greeting, handshake, frames, commands and their limits.
//
// All of it but [Handshake] and [Connect] is pure: bytes in, values or an error
// out, nothing read and nothing kept. The parsers allocate only what they
// return, never by a length that a peer announced, and refuse what the RFCs
// forbid instead of guessing. The two functions that talk are the two sides of
// a handshake: they run over any io.ReadWriter, read not one byte beyond the
// peer's READY, and leave deadlines to their caller.
//
// The package holds no sockets, no goroutines, no queues and knows no topics.
// The forwarder uses it, and so does a task service that binds a PUB of its own:
//
//	conn.SetDeadline(time.Now().Add(10 * time.Second))
//	session, err := zmtp.Handshake(conn, zmtp.Server{
//		Socket: zmtp.PUB,
//		Peers:  []zmtp.SocketType{zmtp.SUB, zmtp.XSUB},
//	})
//	if err != nil {
//		conn.Close() // err says what the peer did; it was told where ZMTP allows
//		return err
//	}
//	conn.SetDeadline(time.Time{})
//	frame := zmtp.AppendFrame(nil, 0, []byte(`control @@@ {}`))
//	_, err = conn.Write(frame)
//
// # Mechanisms
//
// A security mechanism is a [Mechanism]: a state machine from the peer's
// handshake commands to replies. [Null] is here; CURVE and PLAIN, packages of
// their own below this one, are further values of the same interface.
//
// # Why not ZMTP 1.0 and 2.0
//
// They were last spoken by libzmq 2 and 3 (2013), have no mechanism to hang
// security on and need a second framing in every reader. A peer that speaks
// them is recognised by its first bytes, at most eleven, and refused with
// [ErrVersion], instead of leaving it and us waiting for a greeting of 64 bytes
// that it will never send.
package zmtp
