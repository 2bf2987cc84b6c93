package conf

import (
	"strings"
	"testing"
)

func TestATransactionIsAPlainName(t *testing.T) {
	for _, id := range []string{"6FDAHH3WPRVV7FGZCRIN", "night run 7", "größe", "a.b", strings.Repeat("x", maxName)} {
		if err := CheckTransaction(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{
		"", ".", "..", "../../etc", "/etc", "a/b", `a\b`, "a\nb", "a\x00b", strings.Repeat("x", maxName+1),
	} {
		if CheckTransaction(id) == nil {
			t.Errorf("%q is taken", id)
		}
	}
}
