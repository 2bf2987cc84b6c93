package show

import "testing"

func TestNothingDrivesATerminal(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "größer ☃": "größer ☃", "\x1b[2J": `\x1b[2J`, "a\nb": `a\nb`, "\u009b": `\u009b`, "\u2028": `\u2028`,
	} {
		if got := Printable(s); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
