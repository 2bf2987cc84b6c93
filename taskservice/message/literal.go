package message

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

func (e *encoder) number(n json.Number) error {
	if !validNumber(string(n)) {
		return &Error{Reason: fmt.Sprintf("%q is not a number", string(n))}
	}
	e.buf = append(e.buf, n...)
	return nil
}

// float follows Python's float.__repr__: the shortest digits that read back as
// the same value, an exponent below 1e-4 and from 1e16 on, never a bare integer.
func (e *encoder) float(f float64, bits int) error {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return &Error{Reason: fmt.Sprintf("%v is not a number that JSON knows", f)}
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		e.buf = strconv.AppendFloat(e.buf, f, 'e', -1, bits)
		return nil
	}
	start := len(e.buf)
	e.buf = strconv.AppendFloat(e.buf, f, 'f', -1, bits)
	if !slices.Contains(e.buf[start:], '.') {
		e.buf = append(e.buf, ".0"...)
	}
	return nil
}

// appendString quotes s as Python does with ensure_ascii: everything outside
// space to tilde is escaped, beyond the BMP as a surrogate pair. Bytes that are
// not UTF-8 become U+FFFD, as everywhere in Go.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	unit := func(r rune) {
		b = append(b, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
	}
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r <= '~':
			b = append(b, byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == '\f':
			b = append(b, `\f`...)
		case r == '\b':
			b = append(b, `\b`...)
		case r < utf8.RuneSelf || r <= 0xffff:
			unit(r)
		default:
			r -= 0x10000
			unit(0xd800 + r>>10)
			unit(0xdc00 + r&0x3ff)
		}
	}
	return append(b, '"')
}

// validNumber checks the grammar of a JSON number (RFC 8259, section 6).
func validNumber(s string) bool {
	digits := func() bool {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		s = s[n:]
		return n > 0
	}
	if s != "" && s[0] == '-' {
		s = s[1:]
	}
	if s != "" && s[0] == '0' {
		s = s[1:]
	} else if !digits() {
		return false
	}
	if s != "" && s[0] == '.' {
		if s = s[1:]; !digits() {
			return false
		}
	}
	if s != "" && (s[0] == 'e' || s[0] == 'E') {
		s = s[1:]
		if s != "" && (s[0] == '+' || s[0] == '-') {
			s = s[1:]
		}
		if !digits() {
			return false
		}
	}
	return s == ""
}
