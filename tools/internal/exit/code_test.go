package exit

import (
	"errors"
	"fmt"
	"testing"
)

func TestAnErrorKnowsItsCode(t *testing.T) {
	for err, want := range map[error]int{
		nil: 0, errors.New("usage"): 2, Failed("x"): 1, Nobody("x"): 3,
		Nobody("%w", Failed("x")): 3, fmt.Errorf("more: %w", Failed("x")): 1,
	} {
		if got := Code(err); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}
