package trend

import "time"

// Options bound what is kept and say what is a rise.
type Options struct {
	Step       time.Duration // of which the least value is kept
	Memory     time.Duration // how long it is kept: Memory/Step values of 24 bytes, at least 20
	Least      time.Duration // data of less time is not judged
	Confidence float64       // below it nothing is told; 0 to 1
	Horizon    time.Duration // a limit that is reached later is not told; see Series.Add
}

// DefaultOptions keep two hours, 120 values, and look up to a week ahead.
func DefaultOptions() Options {
	return Options{Step: time.Minute, Memory: 2 * time.Hour, Least: 30 * time.Minute, Confidence: 0.99, Horizon: 7 * 24 * time.Hour}
}
