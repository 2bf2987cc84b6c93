package harness

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// RoleVariable names the role that a re-executed test binary plays. It has no
// ZMS_ in front: the provider sets those itself, and passes on no others.
const RoleVariable = "HARNESS_ROLE"

// Main runs the tests of a package, or a role of it, and exits. When the tests
// are over no goroutine may be left, and what was built is removed.
func Main(m *testing.M, roles map[string]func() error) {
	if name := os.Getenv(RoleVariable); name != "" {
		role := roles[name]
		if role == nil {
			role = ownRoles[name]
		}
		play(name, role)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		built.remove()
		os.Exit(code)
	}))
}

func play(name string, role func() error) {
	if role == nil {
		fmt.Fprintf(os.Stderr, "there is no role %q\n", name)
		os.Exit(2)
	}
	if err := role(); err != nil {
		fmt.Fprintf(os.Stderr, "role %s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Self is the running test binary, for a <command> that plays a role.
func Self(t testing.TB) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}
