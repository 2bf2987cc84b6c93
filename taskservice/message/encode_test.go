package message_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"zmicroservices/taskservice/message"
)

type tagged struct {
	B string  `json:"b"`
	A int     `json:"a"`
	C *tagged `json:"c,omitempty"`
	d int
}

func TestEncode(t *testing.T) {
	for _, row := range []struct {
		value any
		want  string
	}{
		{nil, "null"},
		{true, "true"},
		{"", `""`},
		{"a/b <c> & 'd'", `"a/b <c> & 'd'"`},
		{"\"\\\b\f\n\r\t\x00\x1f\x7f", `"\"\\\b\f\n\r\t\u0000\u001f\u007f"`},
		{"é€\u2028\uffff", `"\u00e9\u20ac\u2028\uffff"`},
		{"😀\U0010ffff", `"\ud83d\ude00\udbff\udfff"`},
		{"broken \xff", `"broken \ufffd"`},
		{0, "0"},
		{-7, "-7"},
		{int64(math.MinInt64), "-9223372036854775808"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{json.Number("1.10"), "1.10"},
		{json.Number("-0"), "-0"},
		{json.Number("1E400"), "1E400"},
		{json.Number("123456789012345678901234567890"), "123456789012345678901234567890"},
		{1.0, "1.0"},
		{0.1, "0.1"},
		{float32(0.1), "0.1"},
		{math.Copysign(0, -1), "-0.0"},
		{1e-4, "0.0001"},
		{1e-5, "1e-05"},
		{1e15, "1000000000000000.0"},
		{1e16, "1e+16"},
		{1.5e300, "1.5e+300"},
		{1795218235.5029361, "1795218235.5029361"},
		{map[string]any{}, "{}"},
		{map[string]any(nil), "{}"},
		{[]any{}, "[]"},
		{message.Ordered{}, "{}"},
		{[]any{[]any{}, map[string]any{}}, "[\n    [],\n    {}\n]"},
		{map[string]any{"b": []any{1, 2}, "a": map[string]any{"x": nil}}, "{\n    \"a\": {\n        \"x\": null\n    },\n    \"b\": [\n        1,\n        2\n    ]\n}"},
		{map[string]any{"Z": 1, "a": 2, "é": 3, "_": 4}, "{\n    \"Z\": 1,\n    \"_\": 4,\n    \"a\": 2,\n    \"\\u00e9\": 3\n}"},
		{message.Ordered{{"b", 1}, {"a", 2}}, "{\n    \"a\": 2,\n    \"b\": 1\n}"},
		{map[string]string{"b": "x", "a": "y"}, "{\n    \"a\": \"y\",\n    \"b\": \"x\"\n}"},
		{map[string]float64{"a": 2}, "{\n    \"a\": 2.0\n}"},
		{[]string{"x"}, "[\n    \"x\"\n]"},
		{[2]bool{true}, "[\n    true,\n    false\n]"},
		{[]byte("hi"), `"aGk="`},
		{tagged{B: "x", d: 1}, "{\n    \"a\": 0,\n    \"b\": \"x\"\n}"},
		{&tagged{C: &tagged{}}, "{\n    \"a\": 0,\n    \"b\": \"\",\n    \"c\": {\n        \"a\": 0,\n        \"b\": \"\"\n    }\n}"},
		{(*tagged)(nil), "null"},
		{json.RawMessage(`{"b":[1.50],"a":{}}`), "{\n    \"a\": {},\n    \"b\": [\n        1.50\n    ]\n}"},
		{time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), `"2026-01-02T03:04:05.000000006Z"`},
	} {
		got, err := message.Encode(row.value)
		if err != nil || string(got) != row.want {
			t.Errorf("Encode(%#v) = %s, %v; want %s", row.value, got, err, row.want)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	round := map[string]any{}
	round["me"] = round
	for _, row := range []struct {
		value  any
		reason string
	}{
		{math.NaN(), "NaN"},
		{map[string]any{"a": []any{math.Inf(1)}}, "a.0: +Inf"},
		{json.Number("1."), `"1." is not a number`},
		{json.Number("01"), "not a number"},
		{json.Number("+1"), "not a number"},
		{json.Number(""), "not a number"},
		{json.Number("1e"), "not a number"},
		{json.Number("0x1"), "not a number"},
		{json.Number("NaN"), "not a number"},
		{json.Number("1 "), "not a number"},
		{make(chan int), "cannot be written as JSON"},
		{json.RawMessage(`{"a":`), "cannot be written as JSON"},
		{round, "nested deeper than 200 levels"},
	} {
		got, err := message.Encode(row.value)
		if err == nil || !strings.Contains(err.Error(), row.reason) {
			t.Errorf("got %.40s, %v; want an error with %q", got, err, row.reason)
		}
	}
}

func TestEncodeLineKeepsTheOrder(t *testing.T) {
	got, err := message.EncodeLine(message.Ordered{
		{"z", 1.0}, {"a", []any{true, message.Ordered{{"y", "é"}, {"b", nil}}}}, {"m", map[string]any{"q": 1, "p": 2}}, {"e", []any{}},
	})
	if want := `{"z": 1.0, "a": [true, {"y": "\u00e9", "b": null}], "m": {"p": 2, "q": 1}, "e": []}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// TestPythonWritesTheSame holds our two styles against the real json.dumps.
func TestPythonWritesTheSame(t *testing.T) {
	const python = "/usr/bin/python3"
	if _, err := os.Stat(python); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v; apt-get install python3", err)
	}
	every := strings.Builder{}
	for r := rune(0); r < 0x3000; r++ {
		every.WriteRune(r)
	}
	every.WriteString("\ud7ff\ue000\uffff😀\U0010ffff")
	values := map[string]any{
		"text":   every.String(),
		"nested": map[string]any{"": []any{nil, true, false, []any{}, map[string]any{}, "x @@@ y"}, "ä": 1, "z": 2, "Z": 3, "😀": 4, "\uffff": 5},
		"floats": []any{0.0, 1.0, -1.5, 0.1, 1e-4, 9.999e-5, 1e-5, 1e15, 9999999999999998.0, 1e16, 1e17, 1.7976931348623157e308, 5e-324, 21.25390625, 1795218163.76, math.Pi},
		"ints":   []any{0, -1, math.MaxInt64},
	}
	for name, style := range map[string]struct {
		encode func(any) ([]byte, error)
		dumps  string
	}{
		"Encode":     {message.Encode, "sort_keys=True, indent=4, separators=(',', ': ')"},
		"EncodeLine": {message.EncodeLine, "sort_keys=True"}, // a map has no order of its own
	} {
		ours, err := style.encode(values)
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(python, "-c", "import json, sys; sys.stdout.write(json.dumps(json.load(sys.stdin), "+style.dumps+"))")
		cmd.Stdin = bytes.NewReader(ours)
		theirs, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(ours, theirs) {
			i := 0
			for i < min(len(ours), len(theirs)) && ours[i] == theirs[i] {
				i++
			}
			t.Errorf("%s: from byte %d on: ours %.60q, Python's %.60q", name, i, ours[i:], theirs[i:])
		}
	}
}
