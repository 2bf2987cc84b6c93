package provider

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"zmicroservices/context/keeper"
)

// TestMain lets the test binary be the keeper that the providers under test
// start.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == keeper.Arg {
		os.Exit(keeper.Main(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "notify" {
		os.Exit(notifying(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "publish" {
		os.Exit(publishing(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == "agent" {
		os.Exit(itsOwnAgent(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}
