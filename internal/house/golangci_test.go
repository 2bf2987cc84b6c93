package house

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the depguard section of .golangci.yml")

const (
	begin = "      # depguard: made from internal/house/rules_test.go by `go test ./internal/house -update`\n"
	end   = "      # end of depguard\n"
)

// Two tables that say the same drift apart; this one is made from the other.
func TestTheLinterHoldsTheSameLines(t *testing.T) {
	file := filepath.Join(root(t), ".golangci.yml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s has lost its marks:\n%s…\n%s", file, begin, end)
	}
	want := head + begin + depguard() + end + tail
	if string(text) == want {
		return
	}
	if !*update {
		t.Fatal(".golangci.yml lags behind the rules: run go test ./internal/house -update")
	}
	if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// depguard writes the rules in the words of github.com/OpenPeeDeeP/depguard:
// in its lax mode the longest prefix decides between allow and deny.
func depguard() string {
	var b strings.Builder
	for _, r := range rules {
		fmt.Fprintf(&b, "        %s:\n          list-mode: lax\n          files:\n", r.name)
		for _, p := range r.of {
			fmt.Fprintf(&b, "            - %q\n", glob(p))
		}
		for _, p := range append([]string{"./test/...", "./bench/...", "./taskservice/internal/zmqtest"}, r.but...) {
			fmt.Fprintf(&b, "            - %q\n", "!"+glob(p))
		}
		fmt.Fprintf(&b, "            - \"!$test\"\n")
		if len(r.except) > 0 {
			fmt.Fprintf(&b, "          allow:\n")
			for _, p := range r.except {
				fmt.Fprintf(&b, "            - %s\n", full(p))
			}
		}
		fmt.Fprintf(&b, "          deny:\n")
		for _, p := range r.never {
			fmt.Fprintf(&b, "            - pkg: %s\n              desc: %q\n", full(p), r.why)
		}
	}
	return b.String()
}

// glob is the pattern of the files of a package.
func glob(pattern string) string {
	pattern = strings.TrimPrefix(pattern, "./")
	if pattern == "..." {
		return "**/*.go"
	}
	if dir, tree := strings.CutSuffix(pattern, "/..."); tree {
		return "**/" + dir + "/**/*.go"
	}
	return "**/" + pattern + "/*.go"
}

// full is an import as it is written; a $ ends what is no prefix.
func full(pattern string) string {
	dir, tree := strings.CutSuffix(pattern, "/...")
	name := dir
	if rest, ours := strings.CutPrefix(dir, "./"); ours {
		name = module + "/" + rest
	} else if dir == "." {
		name = module
	}
	if tree {
		return name
	}
	return name + "$"
}
