package abuse

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// A file is refused with the place of what is wrong, and exit code 2, before it
// can cost anything; by the provider as by check.
func TestXMLThatIsAWeaponIsRefusedWithItsPlace(t *testing.T) {
	bomb := `<?xml version="1.0"?>
<!DOCTYPE Context [
  <!ENTITY a "aaaaaaaaaa">
`
	for c := 'b'; c <= 'z'; c++ {
		bomb += fmt.Sprintf("  <!ENTITY %c %q>\n", c, strings.Repeat(fmt.Sprintf("&%c;", c-1), 10))
	}
	bomb += "]>\n<Context><ContextID>&z;</ContextID></Context>\n"
	good := harness.File{Tasks: []harness.Task{{ID: "ts001", Command: "/bin/true"}}}.String()
	head, rest, _ := strings.Cut(good, "\n")
	for name, c := range map[string]struct{ text, place, says string }{
		"bomb":            {bomb, ":2:", "DOCTYPE"},
		"DTD":             {head + "\n<!DOCTYPE Context>\n" + rest, ":2:", "DOCTYPE"},
		"external entity": {head + "\n<!DOCTYPE Context SYSTEM \"file:///etc/passwd\">\n" + rest, ":2:", "DOCTYPE"},
		"unknown entity":  {strings.Replace(good, "Harness", "&harness;", 1), ":8:", "entity"},
		"deep":            {"<Context>" + strings.Repeat("<a>", 100_000) + strings.Repeat("</a>", 100_000) + "</Context>", ":1:", "deep"},
		"many attributes": {"<Context " + attributes(100_000) + "/>", ":1:", ""},
		"no end":          {good[:len(good)/2], ":", ""},
		"empty":           {"", ":", ""},
		"binary":          {"\x7fELF\x02\x01\x01\x00\x00", ":1:", ""},
		"UTF-16":          {"\xff\xfe<\x00C\x00", ":1:", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "Context.xml")
			if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			place := regexp.MustCompile(regexp.QuoteMeta(file) + `:\d+:\d+: `)
			for tool, args := range map[string][]string{
				"conf_command":    {"check", file},
				"service_context": {"--state_dir=" + t.TempDir(), "--runtime_dir=" + t.TempDir(), file},
			} {
				r := harness.Run(t, nil, tool, args...)
				if r.Code != 2 {
					t.Errorf("%s ended with %d, want 2", tool, r.Code)
				}
				if !place.MatchString(r.Stderr) || !strings.Contains(r.Stderr, c.place) || !strings.Contains(r.Stderr, c.says) {
					t.Errorf("%s: want a place at %q and %q: %.300s", tool, c.place, c.says, r.Stderr)
				}
				if r.CPU > time.Second || len(r.Stderr) > 64<<10 {
					t.Errorf("%s took %v and %d bytes to refuse it", tool, r.CPU, len(r.Stderr))
				}
			}
		})
	}
}

func attributes(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d=\"\" ", i)
	}
	return b.String()
}
