package trend

import (
	"math"
	"slices"
)

// windows is of how many values a slope is made: enough for the rank test to be sure,
// few enough for all pairs of them.
const windows = 20

// lows are the least points of windows that hold equally many.
func lows(points []point, into *[windows]point) {
	for i := range into {
		part := points[i*len(points)/windows : (i+1)*len(points)/windows]
		into[i] = part[0]
		for _, p := range part[1:] {
			into[i] = into[i].with(p)
		}
	}
}

// form is what a floor looks like.
type form struct {
	slope       float64 // a second
	early, late float64 // slopes of its halves
	confidence  float64 // that it goes up, 0 to 1
	rise, fall  float64 // what the slope makes of its time; its deepest fall
	now         float64 // its end
	spread      float64 // the median of what is above it, window by window
}

// look tells the form of a floor. Of one that does not go up it is the confidence and
// the end alone, which is most of them, and cheap.
func look(floor []point) form {
	n := len(floor)
	f := form{confidence: confidence(floor), now: floor[n-1].value}
	if f.confidence < doubtful {
		return f
	}
	f.slope, f.early, f.late = slope(floor), slope(floor[:n/2]), slope(floor[n/2:])
	f.rise = f.slope * (floor[n-1].at - floor[0].at)
	high := math.Inf(-1)
	spreads := make([]float32, 0, windows)
	for _, p := range floor {
		spreads = append(spreads, p.spread)
		high = max(high, p.value)
		f.fall = max(f.fall, high-p.value)
	}
	slices.Sort(spreads)
	f.spread = float64(spreads[n/2])
	return f
}

// doubtful is the confidence below which nothing rises or goes on to.
const doubtful = 0.9

// A tooth of which the fall was seen is about as deep as it is high; what a slope makes
// of two teeth is less than two of them.
const beyondTeeth = 3

// Looks that come almost in step with teeth see the lowest point of each a little later
// than that of the one before: a floor that rises by what a tooth grows between two looks.
const beyondStep = 0.25

// rises says that it goes up all the time and does not come back.
func (f form) rises() bool {
	return f.slope > 0 && f.rise > beyondTeeth*f.fall && f.rise > beyondStep*f.spread &&
		f.early > f.slope/2 && f.late > f.slope/2
}

// goesOn says that a rise is not over. It is less than rises: what is at its border is
// not told again and again.
func (f form) goesOn() bool {
	return f.confidence >= doubtful && f.rise > f.fall && f.late > f.slope/4
}

// slope is the median of the slopes between all pairs (Theil, Sen).
func slope(points []point) float64 {
	var room [windows * (windows - 1) / 2]float64
	all := room[:0]
	for i, p := range points {
		for _, q := range points[i+1:] {
			if q.at > p.at {
				all = append(all, (q.value-p.value)/(q.at-p.at))
			}
		}
	}
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return (all[len(all)/2] + all[(len(all)-1)/2]) / 2
}

// confidence is that of the one-sided test of Mann and Kendall that values go up, with
// the correction for ties and for continuity (Gilbert, Statistical Methods for
// Environmental Pollution Monitoring, 1987, 16.4).
func confidence(points []point) float64 {
	n, s := float64(len(points)), 0.0
	variance := n * (n - 1) * (2*n + 5)
	for i, p := range points {
		equal, first := 1.0, true
		for j, q := range points {
			switch {
			case j < i:
				first = first && q.value != p.value
			case j == i:
			case q.value > p.value:
				s++
			case q.value < p.value:
				s--
			default:
				equal++
			}
		}
		if first { // of those that are equal
			variance -= equal * (equal - 1) * (2*equal + 5)
		}
	}
	if s <= 0 || variance <= 0 {
		return 0
	}
	z := (s - 1) / math.Sqrt(variance/18)
	return math.Erfc(-z/math.Sqrt2) / 2
}
