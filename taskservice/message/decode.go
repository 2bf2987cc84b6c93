package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// What a stranger's message may cost us before it is refused. The bus refuses
// larger frames already; the other two bound what a frame of legal size can
// blow up to, since one "[]," of three bytes takes some fifty once decoded.
const (
	MaxSize   = 64 << 20 // bytes a payload
	MaxDepth  = 200      // levels of objects and lists
	MaxValues = 1 << 20  // values in all; 5,000 task services have some 300,000
)

// Decode reads a payload, which has to be one JSON object and nothing after
// it. Numbers come as json.Number, so that nothing is rounded on its way
// through; of a key given twice the last wins, as in Python.
func Decode(payload []byte) (map[string]any, error) {
	v, err := decodeAny(payload)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, &Error{Reason: "is " + kind(v) + ", not an object"}
	}
	return object, nil
}

func decodeAny(b []byte) (any, error) {
	if err := weigh(b); err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &Error{Reason: "is empty"}
		}
		return nil, &Error{Reason: "is not JSON", Err: err}
	}
	if rest := bytes.TrimSpace(b[d.InputOffset():]); len(rest) > 0 {
		return nil, &Error{Reason: fmt.Sprintf("goes on after its end, at byte %d", len(b)-len(rest))}
	}
	return v, nil
}

// weigh refuses what would cost too much, in one pass and without allocating.
// It trusts nothing to be valid JSON; it has to be right about valid JSON only.
func weigh(b []byte) error {
	if len(b) > MaxSize {
		return &Error{Reason: fmt.Sprintf("has %d bytes, the limit is %d", len(b), MaxSize)}
	}
	if !utf8.Valid(b) {
		return &Error{Reason: "is not UTF-8"}
	}
	depth, values, quoted := 0, 0, false
	for i := 0; i < len(b); i++ {
		c := b[i]
		if quoted {
			switch c {
			case '\\':
				i++ // whatever it escapes, it does not end the string
			case '"':
				quoted = false
			}
			continue
		}
		switch c {
		case '"':
			quoted = true
		case '{', '[':
			depth++
			values++
		case '}', ']':
			depth--
		case ',':
			values++
		}
		if depth > MaxDepth {
			return &Error{Reason: fmt.Sprintf("is nested deeper than %d levels", MaxDepth)}
		}
		if values > MaxValues {
			return &Error{Reason: fmt.Sprintf("holds more than %d values", MaxValues)}
		}
	}
	return nil
}

// kind names a decoded value for an error.
func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number:
		return "a number"
	case []any:
		return "a list"
	default:
		return "an object"
	}
}
