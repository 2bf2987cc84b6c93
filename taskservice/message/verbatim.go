package message

import "bytes"

// Verbatim is a value as Encode has written it before. Encode takes it over as it
// is, save for the indentation of its place. Who says a large value again and
// again, with little changed, keeps the text of its parts.
type Verbatim []byte

// verbatim moves the lines of v to where we are. No line of it begins within a
// string: a line end in a string is written as \n.
func (e *encoder) verbatim(v Verbatim) error {
	if e.indent == 0 { // another style altogether
		plain, err := decodeAny(v)
		if err != nil {
			return err
		}
		return e.value(plain)
	}
	for {
		line, rest, more := bytes.Cut(v, []byte{'\n'})
		e.buf = append(e.buf, line...)
		if !more {
			return nil
		}
		e.newline()
		v = rest
	}
}
