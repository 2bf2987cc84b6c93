package flags

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// Log is what a program that runs for long logs: --log_format and --log_level.
type Log struct{ format, level string }

// Register adds the flags, and tells the shell what they may have.
func (l *Log) Register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&l.format, "log_format", "text", "`text|json`")
	f.StringVar(&l.level, "log_level", "info", "`debug|info|warn|error`")
	for name, words := range map[string][]string{"log_format": {"text", "json"}, "log_level": {"debug", "info", "warn", "error"}} {
		if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
			panic(err) // the only error is a flag that does not exist
		}
	}
}

// Logger writes to w as the flags say. An error is one of usage.
func (l *Log) Logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, fmt.Errorf("--log_level %q is none of debug, info, warn, error", l.level)
	}
	o := &slog.HandlerOptions{Level: level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("--log_format %q is neither text nor json", l.format)
}
