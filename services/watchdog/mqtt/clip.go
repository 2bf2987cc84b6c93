package mqtt

import (
	"bufio"
	"fmt"
	"io"
	"net"
)

// clipped is a connection from which no packet is read that is longer than its limit.
// paho makes room for whatever length a packet claims, up to 256 MiB, before anybody can
// look at it. A PUBLISH that is too long is cut short at its end, where the payload is:
// it stays well-formed and too long, is refused as any, and acknowledged, so that the
// broker does not send it for ever.
//
// MQTT 3.1.1, 2.2: a byte of type and flags, one to four of length, seven bits each.
type clipped struct {
	net.Conn
	in    *bufio.Reader
	limit int

	// Read by one goroutine, which owns them.
	head []byte // a fixed header to be read
	pass int    // then so much of the packet
	skip int    // the rest of it, to be left out
}

// headroom is the most that a PUBLISH has before its payload: a topic with its length,
// and an identifier.
const headroom = 2 + 65535 + 2

const typePublish = 3

// others is the most that any other packet of a broker's has: a SUBACK with an
// identifier and a code for each of our topics. paho would look for a topic to each code
// of a longer one, and panic.
const others = 2 + subscriptions

// clip lets payloads of up to max+1 bytes through whole.
func clip(conn net.Conn, max int) *clipped {
	return &clipped{Conn: conn, in: bufio.NewReader(conn), limit: headroom + max + 1}
}

func (c *clipped) Read(p []byte) (int, error) {
	for len(p) > 0 {
		switch {
		case len(c.head) > 0:
			n := copy(p, c.head)
			c.head = c.head[n:]
			return n, nil
		case c.pass > 0:
			n, err := c.in.Read(p[:min(len(p), c.pass)])
			c.pass -= n
			return n, err
		case c.skip > 0:
			n, err := c.in.Discard(c.skip)
			c.skip -= n
			if err != nil {
				return 0, err
			}
		default:
			if err := c.open(); err != nil {
				return 0, err
			}
		}
	}
	return 0, nil
}

// open reads the fixed header of the next packet.
func (c *clipped) open() error {
	first, err := c.in.ReadByte()
	if err != nil {
		return err
	}
	length, err := readLength(c.in)
	if err != nil {
		return err
	}
	c.pass = length
	switch {
	case first>>4 != typePublish && length > others:
		return fmt.Errorf("packet of type %d with %d bytes, %d are the most", first>>4, length, others)
	case length > c.limit:
		c.pass, c.skip = c.limit, length-c.limit
	}
	c.head = appendLength([]byte{first}, c.pass)
	return nil
}

func readLength(in io.ByteReader) (length int, err error) {
	for shift := 0; shift < 28; shift += 7 {
		b, err := in.ReadByte()
		if err != nil {
			return 0, noEnd(err)
		}
		length |= int(b&0x7f) << shift
		if b < 0x80 {
			return length, nil
		}
	}
	return 0, fmt.Errorf("length of a packet has more than four bytes")
}

func appendLength(b []byte, length int) []byte {
	for length >= 0x80 {
		b = append(b, byte(length)|0x80)
		length >>= 7
	}
	return append(b, byte(length))
}

// noEnd tells an end in the middle from one between packets.
func noEnd(err error) error {
	if err == io.EOF { //nolint:errorlint // as io.Reader has it
		return io.ErrUnexpectedEOF
	}
	return err
}
