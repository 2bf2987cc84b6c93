// Package trend tells a figure that grows towards a limit from one that goes up and
// down: "fds +14/h, limit 1024 in 2.6 days", told once until it is over.
//
//	s := trend.New(trend.DefaultOptions())
//	…
//	if r, ok := s.Add(at, fds, func() float64 { return 1024 }); ok {
//		// r.Slope an hour, with r.Confidence; 1024 after r.Left
//	}
//
// It is pure: it has no clock and reads nothing; its memory is bounded by Options.
//
// Kept is the least of each step of time, and judged the least of each of 20 windows of
// what is kept: whatever a garbage collector or a batch gives back is not in it. The slope
// is the median of those between all pairs of windows (Theil 1950, Sen 1968); how sure it
// is that there is one says the rank test of Mann (1945) and Kendall, with ties.
//
// A rank test takes its values to be independent, which the teeth of a slow saw are not.
// So a rise is more than a significant slope: it is some times the deepest fall that was
// seen and not little beside the teeth above it, it goes on in either half of the time, for one step up is no slope and a cache
// that fills up slows down, and it is above all that was ever seen and is forgotten: a
// tooth that is longer than the memory comes back to where one was before.
//
// What rises for longer than Options.Least and has never fallen is a rise, whatever comes
// later: the first tooth of a very slow saw is told, and no other. A saw whose teeth are
// shorter than four looks and exactly in step with them cannot be told from a slow one.
//
// Why not least squares: one outlier, a peak while a batch runs, moves their slope; and
// why not a limit on the figure alone: it speaks when it is too late to plan.
package trend
