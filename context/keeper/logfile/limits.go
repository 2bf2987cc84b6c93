package logfile

import "time"

// Limits say how much of a task's output stays.
type Limits struct {
	// MaxSize in bytes, MaxAge from its first line: at either the file is cut, never
	// within a line; 0 is never. Keep of what was cut stay.
	MaxSize int64
	MaxAge  time.Duration
	Keep    int
	// Budget bounds all files below the writer's root together, in bytes; 0 is no bound.
	Budget int64
}
