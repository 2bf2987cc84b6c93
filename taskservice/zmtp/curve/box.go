package curve

import (
	"crypto/subtle"
	"encoding/binary"

	// Deprecated for new designs; CurveZMQ is fixed on these two. See doc.go.
	"golang.org/x/crypto/poly1305"      //nolint:staticcheck // SA1019
	"golang.org/x/crypto/salsa20/salsa" //nolint:staticcheck // SA1019
)

//lint:file-ignore SA1019 deprecated for new designs, which CurveZMQ is not

// stream seals or opens what goes one way over one connection: XSalsa20 and
// Poly1305 as in NaCl's crypto_secretbox (https://nacl.cr.yp.to/secretbox.html)
// under nonces that are a prefix of 16 bytes and a number of 8. The prefix is
// the same for all messages, and so is the subkey that HSalsa20 makes of it.
type stream struct {
	subkey [32]byte
	// head is keystream: its first 32 bytes authenticate, the rest covers the
	// first 224 bytes of the message. 256 bytes, as salsa computes four blocks
	// at once in the time of one. It is here to be no allocation.
	head    [256]byte
	counter [16]byte
	auth    [32]byte
	tag     [tagSize]byte
}

const (
	tagSize = poly1305.TagSize
	inHead  = 256 - 32 // bytes of a message that head covers
)

func newStream(prefix string, key *shared) *stream {
	s := &stream{}
	salsa.HSalsa20(&s.subkey, (*[16]byte)([]byte(prefix)), (*[32]byte)(key), &salsa.Sigma)
	return s
}

// begin computes head for one message.
func (s *stream) begin(nonce uint64) {
	s.counter = [16]byte{}
	binary.BigEndian.PutUint64(s.counter[:], nonce) // the rest counts blocks
	clear(s.head[:])
	salsa.XORKeyStream(s.head[:], s.head[:], &s.counter, &s.subkey)
	copy(s.auth[:], s.head[:32])
}

// rest applies the keystream beyond head; dst may be src.
func (s *stream) rest(dst, src []byte) {
	if len(src) == 0 {
		return
	}
	s.counter[8] = byte(len(s.head) / 64)
	salsa.XORKeyStream(dst[:len(src)], src, &s.counter, &s.subkey)
}

// seal writes tag, flags and body, the latter two encrypted, to dst, which has
// room for just that and does not overlap body.
func (s *stream) seal(dst []byte, nonce uint64, flags byte, body []byte) {
	s.begin(nonce)
	text := dst[tagSize:]
	text[0] = flags ^ s.head[32]
	n := subtle.XORBytes(text[1:], body, s.head[33:])
	s.rest(text[1+n:], body[n:])
	poly1305.Sum(&s.tag, text, &s.auth)
	copy(dst, s.tag[:])
}

// open checks and decrypts a box in place and returns what follows its tag.
func (s *stream) open(sealed []byte, nonce uint64) (text []byte, ok bool) {
	s.begin(nonce)
	copy(s.tag[:], sealed)
	text = sealed[tagSize:]
	if !poly1305.Verify(&s.tag, text, &s.auth) {
		return nil, false
	}
	n := subtle.XORBytes(text, text, s.head[32:])
	s.rest(text[n:], text[n:])
	return text, true
}
