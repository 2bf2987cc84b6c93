package provider

import (
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"zmicroservices/context/event"
	"zmicroservices/context/trend"
)

// costsOf is what a task service of this process and a worker costs, some time on.
func costsOf(after time.Duration, rss int64, own, worker int) *event.Cost {
	return &event.Cost{
		At:          time.Unix(1_800_000_000, 0).Add(after),
		ProcessCost: event.ProcessCost{PID: os.Getpid(), RSS: rss, FDs: own},
		Children:    []event.ProcessCost{{PID: os.Getpid(), RSS: 1e6, FDs: worker}},
	}
}

// leak follows four hours of a look each five seconds.
func leak(t *event.TaskView, cost func(time.Duration) *event.Cost) (why []string) {
	var w ways
	for after := time.Duration(0); after < 4*time.Hour; after += 5 * time.Second {
		why = append(why, w.follow(cost(after), t, trend.DefaultOptions())...)
	}
	return why
}

func TestWhatGrowsTowardsItsLimitIsForeseen(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur != unix.RLIM_INFINITY && openFiles(os.Getpid()) != float64(limit.Cur) {
		t.Errorf("RLIMIT_NOFILE is %v, want %d", openFiles(os.Getpid()), limit.Cur)
	}
	steep := float64(limit.Cur) / 12 // an hour: the limit of the kernel is near
	for name, c := range map[string]struct {
		view event.TaskView
		cost func(time.Duration) *event.Cost
		want []string // parts of what is said, in order
	}{
		"flat": {event.TaskView{MostRSS: 51e6, MostFDs: 31}, func(d time.Duration) *event.Cost { return costsOf(d, 50e6, 10, 20) }, nil},
		"saw-tooth": {event.TaskView{MostRSS: 90e6, MostFDs: 90}, func(d time.Duration) *event.Cost {
			part := math.Mod(d.Minutes(), 17)
			return costsOf(d, int64(30e6+2e6*part), 10+int(2*part), 20)
		}, nil},
		"descriptors, by the file": {event.TaskView{MostFDs: 200}, func(d time.Duration) *event.Cost {
			return costsOf(d, 50e6, 10+int(14*d.Hours()), 20)
		}, []string{"fds +14/h (confidence 99.", "limit 200 in"}},
		"descriptors of a worker, by the kernel": {event.TaskView{}, func(d time.Duration) *event.Cost {
			return costsOf(d, 50e6, 10, 20+int(steep*d.Hours()))
		}, []string{"fds +", fmt.Sprintf("limit %d in", limit.Cur)}},
		"memory": {event.TaskView{MostRSS: 400e6}, func(d time.Duration) *event.Cost {
			return costsOf(d, 49e6+int64(d.Hours()*20e6), 10, 20)
		}, []string{"rss +20.0 MB/h (confidence 99.", "limit 400.0 MB in 1", "hours"}},
		"what could not be read": {event.TaskView{MostFDs: 200}, func(d time.Duration) *event.Cost {
			c := costsOf(d, 50e6, 10+int(14*d.Hours()), 20)
			c.Error = "descriptors: permission denied"
			return c
		}, nil},
	} {
		why := leak(&c.view, c.cost)
		if said := min(1, len(c.want)); len(why) != said {
			t.Errorf("%s: %q", name, why)
			continue
		}
		for _, part := range c.want {
			if !strings.Contains(why[0], part) {
				t.Errorf("%s: %q lacks %q", name, why[0], part)
			}
		}
	}
}

func TestTheMachinesMemoryIsALimitToo(t *testing.T) {
	machine := mostMemory(0)
	if machine < 1e6 || math.IsInf(machine, 1) {
		t.Errorf("the machine has %v", machine)
	}
	if got := mostMemory(4096); got != 4096 {
		t.Errorf("with a file that allows 4096: %v", got)
	}
}
