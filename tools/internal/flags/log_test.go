package flags

import (
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestALogIsAsItsFlagsSay(t *testing.T) {
	for args, want := range map[string]string{
		"":                                     "level=INFO msg=heard n=1",
		"--log_level error":                    "",
		"--log_format json --log_level debug":  `"level":"INFO","msg":"heard","n":1`,
		"--log_level loud":                     `--log_level "loud" is none of debug, info, warn, error`,
		"--log_format xml":                     `--log_format "xml" is neither text nor json`,
		"--log_format xml --log_level INFO+22": "neither text nor json",
	} {
		var l Log
		var out strings.Builder
		cmd := &cobra.Command{Use: "x", SilenceErrors: true, SilenceUsage: true, RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := l.Logger(cmd.OutOrStdout())
			if err != nil {
				return err
			}
			log.Info("heard", "n", 1)
			return nil
		}}
		l.Register(cmd)
		cmd.SetArgs(strings.Fields(args))
		cmd.SetOut(&out)
		cmd.SetErr(io.Discard)
		got := ""
		if err := cmd.Execute(); err != nil {
			got = err.Error()
		} else {
			got = out.String()
		}
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
}
