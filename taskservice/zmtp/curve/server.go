package curve

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/nacl/secretbox"

	"zmicroservices/taskservice/zmtp"
)

// ServerOptions are a server's part in a handshake.
type ServerOptions struct {
	// Pair is the server's long-term pair, known to its clients.
	Pair Pair
	// Authorize is asked about a client that has proved that it owns the key; an
	// error refuses it. Nil refuses everybody.
	Authorize func(client Key) error
	// Metadata is what our READY says.
	Metadata zmtp.Metadata
}

// Server is the server's half of the handshake of one connection, a
// zmtp.Mechanism.
type Server struct {
	o       ServerOptions
	state   string
	client  Key // long-term; zero until it is let in
	session *Session

	short     Pair     // ours for this connection
	peerShort Key      // the client's
	inner     *shared  // of the two
	cookieKey [32]byte // of this connection alone
	nonce     uint64   // the client's last
}

// NewServer begins a handshake.
func NewServer(o ServerOptions) *Server { return &Server{o: o, state: helloCommand} }

// Name returns "CURVE".
func (s *Server) Name() string { return Name }

// Open is nothing: the client speaks first.
func (s *Server) Open() []byte { return nil }

// Key is the client's long-term key in Z85; empty until it is let in.
func (s *Server) Key() string {
	if s.client.IsZero() {
		return ""
	}
	return s.client.String()
}

// Client is the client's long-term key; zero until it is let in.
func (s *Server) Client() Key { return s.client }

// Session is what the handshake agreed on; nil until it is done.
func (s *Server) Session() *Session { return s.session }

// Receive takes HELLO, then INITIATE.
func (s *Server) Receive(name, data []byte) (reply []byte, metadata zmtp.Metadata, done bool, err error) {
	switch string(name) {
	case zmtp.ErrorCommand:
		err = refusal(data)
	case helloCommand:
		if err = order(s.state, helloCommand, data, helloSize, true); err == nil {
			reply, err = s.hello(data)
		}
	default:
		if err = order(s.state, string(name), data, minInitiate, false); err == nil {
			reply, metadata, err = s.initiate(data)
		}
		done = err == nil
	}
	if err != nil {
		s.state = over // what comes after an error is one, too
		if errors.Is(err, ErrDenied) {
			reply = zmtp.AppendError(nil, denied)
		}
		return reply, nil, false, err
	}
	return reply, metadata, done, nil
}

// hello proves that the client knows our key, and answers with WELCOME.
func (s *Server) hello(data []byte) ([]byte, error) {
	if data[0] != 1 || data[1] != 0 {
		return nil, fmt.Errorf("HELLO of version %d.%d: %w", data[0], data[1], zmtp.ErrMalformed)
	}
	copy(s.peerShort[:], data[74:])
	s.nonce = binary.BigEndian.Uint64(data[106:])
	outer := share(s.peerShort, s.o.Pair.Secret)
	text, err := outer.open(shortNonce(helloNonce, s.nonce), data[114:])
	if err != nil {
		return nil, fmt.Errorf("HELLO for another server's key than %s: %w", s.o.Pair.Public, err)
	}
	if !bytes.Equal(text, make([]byte, signedLength)) {
		return nil, fmt.Errorf("HELLO with other than zeros in its box: %w", zmtp.ErrMalformed)
	}
	if s.short, err = NewPair(); err != nil {
		return nil, err
	}
	_, _ = rand.Read(s.cookieKey[:]) // never fails, as in randomNonce
	nonce := randomNonce(welcomeNonce)
	welcome := append([]byte(nil), nonce[8:]...)
	welcome = outer.seal(welcome, nonce, append(bytes.Clone(s.short.Public[:]), s.cookie()...))
	s.state = initiateCommand
	return zmtp.AppendCommand(nil, welcomeCommand, welcome), nil
}

// cookie is what the client gives back with its INITIATE. RFC 26 lets a server
// forget the client until then; a TCP server has the connection to remember
// anyway, and keeps the state beside it.
func (s *Server) cookie() []byte {
	nonce := randomNonce(cookieNonce)
	text := append(bytes.Clone(s.peerShort[:]), s.short.Secret[:]...)
	return secretbox.Seal(bytes.Clone(nonce[8:]), text, nonce, &s.cookieKey)
}

// initiate learns who the client is, asks whether it may come in, and answers
// with READY.
func (s *Server) initiate(data []byte) ([]byte, zmtp.Metadata, error) {
	if err := s.checkCookie(data[:cookieSize]); err != nil {
		return nil, nil, err
	}
	data = data[cookieSize:]
	nonce := binary.BigEndian.Uint64(data)
	if nonce <= s.nonce {
		return nil, nil, fmt.Errorf("INITIATE: nonce %d after %d: %w", nonce, s.nonce, ErrNonce)
	}
	s.nonce = nonce
	s.inner = share(s.peerShort, s.short.Secret)
	text, err := s.inner.open(shortNonce(initiateNonce, nonce), data[8:])
	if err != nil {
		return nil, nil, fmt.Errorf("INITIATE: %w", err)
	}
	client := Key(text[:32])
	if err := s.checkVouch(client, text[32:32+vouchSize]); err != nil {
		return nil, nil, err
	}
	metadata, err := zmtp.ParseMetadata(text[32+vouchSize:])
	if err != nil {
		return nil, nil, err
	}
	if err := s.authorize(client); err != nil {
		return nil, nil, err
	}
	s.client = client
	s.state = over
	s.session = &Session{out: newStream(serverNonce, s.inner), sent: 1, in: newStream(clientNonce, s.inner), greeted: nonce}
	ready := binary.BigEndian.AppendUint64(nil, s.session.sent)
	ready = s.inner.seal(ready, shortNonce(readyNonce, s.session.sent), zmtp.AppendMetadata(nil, s.o.Metadata))
	return zmtp.AppendCommand(nil, zmtp.ReadyCommand, ready), metadata, nil
}

// checkCookie: another connection's does not open, and neither does a forged one.
func (s *Server) checkCookie(cookie []byte) error {
	text, ok := secretbox.Open(nil, cookie[16:], longNonce(cookieNonce, cookie), &s.cookieKey)
	if !ok || !bytes.Equal(text[:32], s.peerShort[:]) || !bytes.Equal(text[32:], s.short.Secret[:]) {
		return fmt.Errorf("INITIATE with another connection's cookie: %w", ErrBox)
	}
	return nil
}

// checkVouch: the owner of the long-term key says that the short-term key is
// his, and that he means to talk to us. Without the latter a server could pass
// on what a client said to it, and be taken for the client.
func (s *Server) checkVouch(client Key, vouch []byte) error {
	text, err := share(client, s.short.Secret).open(longNonce(vouchNonce, vouch), vouch[16:])
	if err != nil {
		return fmt.Errorf("vouch of %s: %w", client, err)
	}
	if !bytes.Equal(text[:32], s.peerShort[:]) || !bytes.Equal(text[32:], s.o.Pair.Public[:]) {
		return fmt.Errorf("vouch of %s is for another connection or server: %w", client, ErrBox)
	}
	return nil
}

func (s *Server) authorize(client Key) error {
	if s.o.Authorize == nil {
		return fmt.Errorf("%s: %w", client, ErrDenied)
	}
	if err := s.o.Authorize(client); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", client, err), ErrDenied)
	}
	return nil
}
