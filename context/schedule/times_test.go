package schedule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zmicroservices/conf"
)

func TestTimesOfACron(t *testing.T) {
	const zone = "Europe/Zurich" // winter time +1; 2026-03-29 02:00 leaps to 03:00, 2026-10-25 03:00 falls back to 02:00
	tests := []struct {
		name, cron, after string
		want              []string
	}{
		{"every five minutes", "*/5 * * * *", "2026-11-21T10:02:30+01:00", []string{"10:05:00+01:00", "10:10:00+01:00"}},
		{"with seconds", "*/20 30 10 * * *", "2026-11-21T10:02:30+01:00", []string{"10:30:00+01:00", "10:30:20+01:00", "10:30:40+01:00"}},
		{"a time that has just come is not the next", "0 10 * * *", "2026-11-20T10:00:00+01:00", []string{"21T10:00:00+01:00"}},
		{"a word", "@daily", "2026-11-20T10:00:00+01:00", []string{"21T00:00:00+01:00"}},
		{"words of months and days", "0 0 * FEB Mon", "2026-01-20T10:00:00+01:00", []string{"02-02T00:00:00+01:00", "02-09T00:00:00+01:00"}},
		{"both days given: either will do", "0 0 13 * 5", "2026-02-12T12:00:00+01:00", []string{"02-13T00", "02-20T00"}},
		{"the other Sunday", "0 0 * * 7", "2026-11-20T10:00:00+01:00", []string{"22T00:00:00+01:00", "29T00"}},
		{"a range to the other Sunday", "0 0 * * 5-7", "2026-11-19T10:00:00+01:00", []string{"20T00", "21T00", "22T00", "27T00"}},
		{"steps to the other Sunday", "0 0 * * 3-7/2", "2026-11-16T10:00:00+01:00", []string{"18T00", "20T00", "22T00", "25T00"}},
		{"a leap day", "0 0 29 2 *", "2026-11-16T10:00:00+01:00", []string{"2028-02-29T00", "2032-02-29T00"}},
		{"a time that does not exist does not come", "30 2 * * *", "2026-03-28T12:00:00+01:00", []string{"03-30T02:30:00+02:00"}},
		{"a time that exists twice comes once", "30 2 * * *", "2026-10-24T12:00:00+02:00", []string{"10-25T02:30:00+02:00", "10-26T02:30:00+01:00"}},
		{
			"a time of every hour comes in both", "30 * * * *", "2026-10-25T01:45:00+02:00",
			[]string{"02:30:00+02:00", "02:30:00+01:00", "03:30:00+01:00"},
		},
		{"and in the day that is short", "30 * * * *", "2026-03-29T01:15:00+01:00", []string{"01:30:00+01:00", "03:30:00+02:00"}},
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			after, err := time.Parse(time.RFC3339, tt.after)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Upcoming(&conf.Schedule{Cron: tt.cron, Zone: zone}, after, len(tt.want))
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("%v, %v", got, err)
			}
			for i, want := range tt.want {
				if s := got[i].In(loc).Format(time.RFC3339); !strings.Contains(s, want) {
					t.Errorf("%d: %s, want %s", i, s, want)
				}
			}
		})
	}
}

func TestAnIntervalCountsFromItsBeginning(t *testing.T) {
	since := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	times, err := NewTimes(&conf.Schedule{Every: 90 * time.Minute}, since)
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]time.Duration{
		-time.Hour: 0, -2 * time.Hour: -90 * time.Minute, 0: 90 * time.Minute, 89 * time.Minute: 90 * time.Minute,
		90 * time.Minute: 180 * time.Minute, 24 * time.Hour: 24*time.Hour + 90*time.Minute,
	} {
		if got := times.Next(since.Add(after)); !got.Equal(since.Add(want)) {
			t.Errorf("after %v: %v, want %v", after, got.Sub(since), want)
		}
	}
	if at, n := times.Since(since, since.Add(24*time.Hour)); n != 16 || !at.Equal(since.Add(24*time.Hour)) {
		t.Errorf("%d times, the last %v", n, at)
	}
	if _, n := times.Since(since, since.Add(time.Hour)); n != 0 {
		t.Errorf("%d times before the first", n)
	}
}

func TestWhatNeverComesIsRefused(t *testing.T) {
	if _, err := NewTimes(&conf.Schedule{Cron: "0 0 30 2 *"}, time.Now()); err == nil {
		t.Error("a 30th of February was taken")
	}
	if _, err := NewTimes(&conf.Schedule{Cron: "* *"}, time.Now()); err == nil {
		t.Error("two fields were taken")
	}
}

// TestWhatConfTakesCanBeKept holds the two parsers of cron together: what a
// file may say must mean something here, and the times must grow.
func TestWhatConfTakesCanBeKept(t *testing.T) {
	low := []int{0, 0, 0, 1, 1, 0}
	high := []int{59, 59, 23, 28, 12, 7}
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.IntRange(0, 1).Draw(rt, "seconds")
		var fields []string
		for i := first; i < 6; i++ {
			from := rapid.IntRange(low[i], high[i]).Draw(rt, "from")
			to := rapid.IntRange(from, high[i]).Draw(rt, "to")
			step := rapid.IntRange(1, 9).Draw(rt, "step")
			fields = append(fields, rapid.SampledFrom([]string{
				"*", fmt.Sprint(from), fmt.Sprintf("%d-%d", from, to), fmt.Sprintf("*/%d", step),
				fmt.Sprintf("%d-%d/%d", from, to, step), fmt.Sprintf("%d,%d", from, to), fmt.Sprintf("%d/%d", from, step),
			}).Draw(rt, "field"))
		}
		s := &conf.Schedule{Cron: strings.Join(fields, " "), Zone: rapid.SampledFrom([]string{
			"", "UTC", "Europe/Zurich", "Australia/Lord_Howe", "America/New_York",
		}).Draw(rt, "zone")}
		now := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(rt, "now"), 0)
		list, err := Upcoming(s, now, 3)
		if err != nil || len(list) != 3 {
			rt.Fatalf("cron %q: %v, %v", s.Cron, list, err)
		}
		for i, at := range list {
			if i == 0 && !at.After(now) || i > 0 && !at.After(list[i-1]) {
				rt.Fatalf("cron %q after %v: %v", s.Cron, now, list)
			}
		}
	})
}
