package message

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Pair is a key with its value.
type Pair struct {
	Key   string
	Value any
}

// Ordered is an object whose keys have an order. EncodeLine keeps it; Encode,
// which sorts every object, does not.
type Ordered []Pair

// Encode writes v as the original wrote its messages, that is as Python's
// json.dumps(v, sort_keys=True, indent=4, separators=(',', ': ')).
//
// A json.Number is kept as written, a float64 looks like Python's repr ("1.0",
// "1e-05"). Structs, json.RawMessage and everything with a method of its own
// for it go through encoding/json first. NaN, infinities, cycles and anything
// nested deeper than MaxDepth are an *Error.
func Encode(v any) ([]byte, error) {
	return encode(v, pretty)
}

// EncodeLine writes v as Python's plain json.dumps(v): one line, ", " and ": "
// between, Ordered objects in their own order and maps by key (a Go map has no
// other order to offer). The monitor topic is written so.
func EncodeLine(v any) ([]byte, error) {
	return encode(v, style{comma: ", "})
}

type style struct {
	indent int    // spaces a level; 0: all in one line
	comma  string // between two values
	sorted bool   // Ordered objects too
}

// pretty is the style of all messages but monitor's.
var pretty = style{indent: 4, comma: ",", sorted: true}

type encoder struct {
	style
	buf   []byte
	depth int
}

func encode(v any, s style) ([]byte, error) { return appendValue(make([]byte, 0, 512), v, s) }

// appendValue appends v to dst.
func appendValue(dst []byte, v any, s style) ([]byte, error) {
	e := encoder{style: s, buf: dst}
	if err := e.value(v); err != nil {
		return nil, err
	}
	return e.buf, nil
}

func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.buf = append(e.buf, "null"...)
	case bool:
		e.buf = strconv.AppendBool(e.buf, v)
	case string:
		e.buf = appendString(e.buf, v)
	case json.Number:
		return e.number(v)
	case float64:
		return e.float(v, 64)
	case int:
		e.buf = strconv.AppendInt(e.buf, int64(v), 10)
	case map[string]any:
		return e.object(pairs(v))
	case Ordered:
		return e.ordered(v)
	case Verbatim:
		return e.verbatim(v)
	case []any:
		return e.list(len(v), func(i int) any { return v[i] })
	default:
		return e.other(v)
	}
	return nil
}

// other is for values that are not what Decode makes.
func (e *encoder) other(v any) error {
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler, []byte:
		return e.throughJSON(v)
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Bool:
		e.buf = strconv.AppendBool(e.buf, rv.Bool())
	case reflect.String:
		e.buf = appendString(e.buf, rv.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		e.buf = strconv.AppendInt(e.buf, rv.Int(), 10)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		e.buf = strconv.AppendUint(e.buf, rv.Uint(), 10)
	case reflect.Float32, reflect.Float64:
		return e.float(rv.Float(), rv.Type().Bits())
	case reflect.Pointer:
		if rv.IsNil() {
			e.buf = append(e.buf, "null"...)
			return nil
		}
		if rv.Elem().Kind() == reflect.Struct {
			return e.throughJSON(v)
		}
		return e.nested(func() error { return e.value(rv.Elem().Interface()) })
	case reflect.Map:
		if rv.Type().Key().Kind() != reflect.String {
			return e.throughJSON(v)
		}
		ps := make(Ordered, 0, rv.Len())
		for k, val := range rv.Seq2() {
			ps = append(ps, Pair{k.String(), val.Interface()})
		}
		sortPairs(ps)
		return e.object(ps)
	case reflect.Slice, reflect.Array:
		return e.list(rv.Len(), func(i int) any { return rv.Index(i).Interface() })
	default:
		return e.throughJSON(v)
	}
	return nil
}

// throughJSON lets encoding/json apply the tags and methods of a type, and
// writes what came out in our style.
func (e *encoder) throughJSON(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return &Error{Reason: "cannot be written as JSON", Err: err}
	}
	plain, err := decodeAny(b)
	if err != nil {
		return err
	}
	return e.value(plain)
}

func (e *encoder) object(ps Ordered) error {
	if len(ps) == 0 {
		e.buf = append(e.buf, "{}"...)
		return nil
	}
	e.buf = append(e.buf, '{')
	err := e.nested(func() error {
		for i, p := range ps {
			e.next(i)
			e.buf = appendString(e.buf, p.Key)
			e.buf = append(e.buf, ": "...)
			if err := e.value(p.Value); err != nil {
				return under(p.Key, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.newline()
	e.buf = append(e.buf, '}')
	return nil
}

func (e *encoder) ordered(ps Ordered) error {
	if e.sorted && !slices.IsSortedFunc(ps, byKey) {
		ps = slices.Clone(ps)
		sortPairs(ps)
	}
	return e.object(ps)
}

func (e *encoder) list(n int, at func(int) any) error {
	if n == 0 {
		e.buf = append(e.buf, "[]"...)
		return nil
	}
	e.buf = append(e.buf, '[')
	err := e.nested(func() error {
		for i := range n {
			e.next(i)
			if err := e.value(at(i)); err != nil {
				return under(strconv.Itoa(i), err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	e.newline()
	e.buf = append(e.buf, ']')
	return nil
}

// nested guards against values that contain themselves.
func (e *encoder) nested(f func() error) error {
	if e.depth == MaxDepth {
		return &Error{Reason: fmt.Sprintf("is nested deeper than %d levels", MaxDepth)}
	}
	e.depth++
	err := f()
	e.depth--
	return err
}

func (e *encoder) next(i int) {
	if i > 0 {
		e.buf = append(e.buf, e.comma...)
	}
	e.newline()
}

func (e *encoder) newline() {
	if e.indent == 0 {
		return
	}
	e.buf = append(e.buf, '\n')
	for n := e.indent * e.depth; n > 0; n -= len(blanks) {
		e.buf = append(e.buf, blanks[:min(n, len(blanks))]...)
	}
}

// blanks is as much of an indentation as most lines have.
const blanks = "                                                "

func pairs(m map[string]any) Ordered {
	ps := make(Ordered, 0, len(m))
	for k, v := range m {
		ps = append(ps, Pair{k, v})
	}
	sortPairs(ps)
	return ps
}

func byKey(a, b Pair) int { return strings.Compare(a.Key, b.Key) }

// sortPairs sorts by bytes, which for UTF-8 is by code point, as Python sorts.
func sortPairs(ps Ordered) {
	slices.SortFunc(ps, byKey)
}
