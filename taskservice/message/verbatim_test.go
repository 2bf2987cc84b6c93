package message

import (
	"bytes"
	"testing"
)

func TestVerbatimReadsAsIfItHadBeenWrittenInItsPlace(t *testing.T) {
	value := map[string]any{
		"id": "ts001", "empty": map[string]any{}, "none": []any{}, "text": "two\nlines \"quoted\" ü",
		"list": []any{1, map[string]any{"deep": []any{true, nil, 1.5}}},
	}
	text, err := Encode(value)
	if err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func(v any) any{
		"alone":        func(v any) any { return v },
		"in an object": func(v any) any { return map[string]any{"a": v, "b": 1} },
		"in a list":    func(v any) any { return []any{v, []any{v}, v} },
	} {
		for style, encode := range map[string]func(any) ([]byte, error){"pretty": Encode, "line": EncodeLine} {
			want, err := encode(put(value))
			if err != nil {
				t.Fatal(err)
			}
			got, err := encode(put(Verbatim(text)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s, %s:\n%s\nwant\n%s", name, style, got, want)
			}
		}
	}
	if _, err := EncodeLine(Verbatim("{")); err == nil {
		t.Error("what Encode has not written was taken")
	}
}
