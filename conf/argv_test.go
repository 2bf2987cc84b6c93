package conf

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestArgv(t *testing.T) {
	for _, row := range []struct {
		line string
		want []string
	}{
		{`sleep 10`, []string{"sleep", "10"}},
		{"  a\tb\n c  ", []string{"a", "b", "c"}},
		{`a 'b c' "d e" f\ g`, []string{"a", "b c", "d e", "f g"}},
		{`a'b'"c"d`, []string{"abcd"}},
		{`a '' ""`, []string{"a", "", ""}},
		{`a "\$\"\\\x" '\n'`, []string{"a", `$"\\x`, `\n`}},
		{`a $HOME * ~ $(id) ; b`, []string{"a", "$HOME", "*", "~", "$(id)", ";", "b"}},
		{"a b\\\nc \"d\\\ne\"", []string{"a", "bc", "de"}},
		{`größe "ü"`, []string{"größe", "ü"}},
	} {
		got, err := splitArgv(row.line)
		if err != nil {
			t.Errorf("%q: %v", row.line, err)
		}
		if d := cmp.Diff(row.want, got); d != "" {
			t.Errorf("%q: -want +got:\n%s", row.line, d)
		}
	}
}

// Where nothing is left to expand, a POSIX shell is the judge. New lines are
// left out: they end its command, and for us are blanks.
func TestArgvAgreesWithTheShell(t *testing.T) {
	sh := tool(t, "sh")
	pieces := rapid.SampledFrom([]string{"a", "b c", " ", "'", `"`, `\`, `\\`, "\t", `\"`, `\'`, `"x y"`, `'x y'`, `"\\"`, `"\`, "=", "-n"})
	var lines []string
	rapid.Check(t, func(t *rapid.T) {
		lines = append(lines, strings.Join(rapid.SliceOfN(pieces, 1, 12).Draw(t, "pieces"), ""))
	})
	for _, line := range lines {
		argv, err := splitArgv("cmd " + line)
		if err != nil {
			continue // the shell reports unclosed quotes in ways of its own
		}
		out, err := exec.Command(sh, "-c", `show() { for a; do printf '%s\0' "$a"; done; }`+"\nshow "+line).Output()
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var want []string
		for _, a := range bytes.Split(out, []byte{0}) {
			want = append(want, string(a))
		}
		want = append([]string{"cmd"}, want[:len(want)-1]...)
		if d := cmp.Diff(want, argv); d != "" {
			t.Errorf("%q: -shell +ours:\n%s", line, d)
		}
	}
}
