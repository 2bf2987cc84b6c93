package trend

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var began = time.Unix(1_800_000_000, 0)

// run feeds a figure for some time and gives the rises that were told, and when.
func run(s *Series, limit float64, pace, from, to time.Duration, figure func(time.Duration) float64) (rises []Rise, at []time.Duration) {
	for t := from; t < to; t += pace {
		if r, ok := s.Add(began.Add(t), figure(t), func() float64 { return limit }); ok {
			rises, at = append(rises, r), append(at, t)
		}
	}
	return rises, at
}

func saw(t, period time.Duration, phase float64) float64 {
	_, part := math.Modf(float64(t)/float64(period) + phase)
	return part
}

func TestWhatIsARise(t *testing.T) {
	const pace = 20 * time.Second
	hours := time.Duration.Hours
	noise := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		figure func(time.Duration) float64
		limit  float64
		told   int
	}{
		"a leak of 14 an hour":             {func(t time.Duration) float64 { return 100 + math.Floor(14*hours(t)) }, 1024, 1},
		"one that takes too long":          {func(t time.Duration) float64 { return 100 + math.Floor(14*hours(t)) }, 65536, 0},
		"one without a limit":              {func(t time.Duration) float64 { return 100 + 14*hours(t) }, math.Inf(1), 0},
		"one that is beyond it":            {func(t time.Duration) float64 { return 100 + 14*hours(t) }, 90, 0},
		"nothing":                          {func(time.Duration) float64 { return 100 }, 101, 0},
		"noise":                            {func(time.Duration) float64 { return 100 + noise.NormFloat64() }, 110, 0},
		"a fall":                           {func(t time.Duration) float64 { return 100 - 14*hours(t) }, 110, 0},
		"one step":                         {func(t time.Duration) float64 { return 100 + 50*math.Floor(hours(t)/5) }, 1024, 0},
		"a cache that fills up":            {func(t time.Duration) float64 { return 1000 * (1 - math.Exp(-10*hours(t))) }, 1200, 0},
		"a leak below a garbage collector": {func(t time.Duration) float64 { return 500 + 20*hours(t) + 100*saw(t, 47*time.Second, 0) }, 1024, 1},
		"a batch each 20 minutes":          {func(t time.Duration) float64 { return 500 + 100*saw(t, 20*time.Minute, 0) }, 1024, 0},
		"the first tooth of five hours":    {func(t time.Duration) float64 { return 500 + 100*saw(t, 5*time.Hour, 0) }, 1024, 1},
		"one that ends and comes back": {func(t time.Duration) float64 {
			return 100 + 40*(min(hours(t), 2)+max(hours(t)-6, 0))
		}, 1024, 2},
	} {
		rises, at := run(New(DefaultOptions()), c.limit, pace, 0, 10*time.Hour, c.figure)
		if len(rises) != c.told {
			t.Errorf("%s: told %+v at %v, want %d", name, rises, at, c.told)
		}
	}
}

func TestARiseIsSaidWithWhatItLeadsTo(t *testing.T) {
	rises, at := run(New(DefaultOptions()), 1024, 5*time.Second, 0, 4*time.Hour, func(t time.Duration) float64 { return 100 + math.Floor(60*t.Hours()) })
	if len(rises) != 1 || at[0] < 30*time.Minute {
		t.Fatalf("%+v at %v", rises, at)
	}
	r := rises[0]
	want := (1024-100)/60.0 - at[0].Hours()
	if math.Abs(r.Slope-60) > 6 || r.Confidence < 0.99 || r.Confidence > 1 || r.Limit != 1024 || math.Abs(r.Left.Hours()-want) > want/10 {
		t.Errorf("%+v, want about %v hours", r, want)
	}
}

// Whatever its period up to the least time of data, its height, the noise on it and the
// pace of looks: with a limit just above it.
func TestASawToothIsNeverARise(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := DefaultOptions()
		period := time.Duration(rapid.IntRange(2, int(o.Least/time.Second)).Draw(rt, "period")) * time.Second
		pace := time.Duration(rapid.IntRange(10, 60).Draw(rt, "pace")) * time.Second
		height := rapid.Float64Range(1, 1e9).Draw(rt, "height")
		phase := rapid.Float64Range(0, 1).Draw(rt, "phase")
		spread := rapid.Float64Range(0, 0.5).Draw(rt, "noise")
		noise := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		rises, at := run(New(o), 3*height, pace, 0, 4*time.Hour, func(t time.Duration) float64 {
			if period < 4*pace { // looks that are not in step with it
				t += time.Duration(noise.Int64N(int64(period)))
			}
			return height * (1 + saw(t, period, phase) + spread*noise.Float64())
		})
		if len(rises) > 0 {
			rt.Fatalf("told %+v at %v", rises, at)
		}
	})
}

// One with longer teeth is a line until it has fallen, and never after.
func TestASlowSawToothIsNoRiseOnceItHasFallen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		period := time.Duration(rapid.IntRange(30, 240).Draw(rt, "period")) * time.Minute
		phase := rapid.Float64Range(0, 0.99).Draw(rt, "phase")
		_, at := run(New(DefaultOptions()), 3, time.Minute, 0, 3*period, func(t time.Duration) float64 { return 1 + saw(t, period, phase) })
		fall := time.Duration((1 - phase) * float64(period))
		// One whose first tooth was too short to be told has its first whole one to begin with.
		if len(at) > 1 || len(at) == 1 && at[0] > fall+period+2*time.Minute {
			rt.Fatalf("told at %v, it fell at %v", at, fall)
		}
	})
}

func TestALineWithNoiseIsFound(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		slope := rapid.Float64Range(1, 1e9).Draw(rt, "slope an hour")
		level := rapid.Float64Range(0, 1e9).Draw(rt, "level")
		pace := time.Duration(rapid.IntRange(10, 60).Draw(rt, "pace")) * time.Second
		spread := rapid.Float64Range(0, 0.05).Draw(rt, "noise, of what it rises in an hour")
		noise := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		rises, at := run(New(DefaultOptions()), level+24*slope, pace, 0, 3*time.Hour, func(t time.Duration) float64 {
			return level + slope*(t.Hours()+spread*(noise.Float64()-0.5))
		})
		if len(rises) != 1 || math.Abs(rises[0].Slope-slope) > slope/10 {
			rt.Fatalf("told %+v at %v, want %v", rises, at, slope)
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	s := New(DefaultOptions())
	for i := range 20_000 {
		s.Add(began.Add(time.Duration(i)*7*time.Second), float64(i), func() float64 { return math.Inf(1) })
	}
	if len(s.points) > 120 || cap(s.points) > 256 {
		t.Errorf("%d points, room for %d", len(s.points), cap(s.points))
	}
	s.Add(began, 0, nil) // the past
	if s.open.value == 0 {
		t.Error("what came too late was taken")
	}
}
