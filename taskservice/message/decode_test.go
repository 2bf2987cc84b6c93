package message_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice/message"
)

func TestDecode(t *testing.T) {
	got, err := message.Decode([]byte(` {"n": 1.10, "big": 123456789012345678901234567890, "s": "x\ud83d\ude00", "twice": 1, "twice": {"a": 2}, "l": [null, true]} ` + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"n": json.Number("1.10"), "big": json.Number("123456789012345678901234567890"), "s": "x😀",
		"twice": map[string]any{"a": json.Number("2")}, "l": []any{nil, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, row := range []struct{ name, payload, reason string }{
		{"nothing", "", "is empty"},
		{"blanks", " \n", "is empty"},
		{"null", "null", "is null, not an object"},
		{"a list", "[]", "is a list, not an object"},
		{"a string", `"x"`, "is a string, not an object"},
		{"a number", "1", "is a number, not an object"},
		{"a boolean", "true", "is a boolean, not an object"},
		{"half an object", `{"a": `, "is not JSON"},
		{"a Python object", `{'a': 1}`, "is not JSON"},
		{"NaN", `{"a": NaN}`, "is not JSON"},
		{"a raw newline in a string", "{\"a\": \"x\ny\"}", "is not JSON"},
		{"Latin-1", "{\"a\": \"\xe9\"}", "is not UTF-8"},
		{"two objects", `{} {}`, "goes on after its end, at byte 3"},
		{"a word behind", `{}x`, "goes on after its end, at byte 2"},
		{"a bracket too many", `{}}`, "goes on after its end"},
		{"deep lists", `{"a":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + "}", "nested deeper than 200 levels"},
		{"deep and torn", strings.Repeat(`{"a":`, 1_000_000), "nested deeper than 200 levels"},
		{"many values", `{"a":[` + strings.Repeat("[],", 1<<20) + "0]}", "more than 1048576 values"},
		{"much", `{"a":"` + strings.Repeat("x", message.MaxSize) + `"}`, "the limit is 67108864"},
	} {
		_, err := message.Decode([]byte(row.payload))
		var e *message.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), row.reason) {
			t.Errorf("%s: %v, want an *Error with %q", row.name, err, row.reason)
		}
	}
}

func TestBracketsInStringsAreNotNesting(t *testing.T) {
	text := strings.Repeat(`[{\"`, 500) + `\\`
	if _, err := message.Decode([]byte(`{"a": "` + text + `", "b": []}`)); err != nil {
		t.Error(err)
	}
}
