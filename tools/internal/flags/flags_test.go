package flags

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestAnUnknownFlagIsAnsweredWithTheNearest(t *testing.T) {
	cmd := &cobra.Command{Use: "tool", Run: func(*cobra.Command, []string) {}, SilenceErrors: true, SilenceUsage: true}
	cmd.Flags().String("task_id", "", "")
	cmd.Flags().String("secret_id", "", "")
	if err := cmd.Flags().MarkHidden("secret_id"); err != nil {
		t.Fatal(err)
	}
	cmd.SetGlobalNormalizationFunc(Underscores)
	cmd.SetFlagErrorFunc(Hint)
	for arg, want := range map[string]string{
		"--task-id=1":   "",
		"--task-idd=1":  "unknown flag: --task-idd; did you mean --task_id?",
		"--secret_ib=1": "unknown flag: --secret_ib; tool --help lists them all",
		"--elephant":    "unknown flag: --elephant; tool --help lists them all",
	} {
		cmd.SetArgs([]string{arg})
		got := ""
		if err := cmd.Execute(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", arg, got, want)
		}
	}
}

func TestAGuessIsNoHint(t *testing.T) {
	known := []string{"start", "stop", "exit"}
	for word, want := range map[string]string{"strat": "start", "stp": "stop", "exot": "exit", "abcd": "", "": ""} {
		if got := Nearest(word, known); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}
