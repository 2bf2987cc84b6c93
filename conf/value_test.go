package conf

import (
	"fmt"
	"testing"
	"time"
)

// tryValues tries a parser on texts; "" as the wanted error means none.
func tryValues[T comparable](t *testing.T, parse func(string) (T, error), rows map[string]struct {
	want T
	err  string
},
) {
	t.Helper()
	for text, row := range rows {
		got, err := parse(text)
		if row.err != "" {
			if err == nil || err.Error() != row.err {
				t.Errorf("%q: error %v, want %q", text, err, row.err)
			}
			continue
		}
		if err != nil || got != row.want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, row.want)
		}
	}
}

func TestDurations(t *testing.T) {
	const form = `is no duration; write it as "10s", "250ms" or "1h30m"`
	tryValues(t, parseDuration, map[string]struct {
		want time.Duration
		err  string
	}{
		"10s":     {want: 10 * time.Second},
		"0":       {},
		"250ms":   {want: 250 * time.Millisecond},
		"1h30m":   {want: 90 * time.Minute},
		"1.5d":    {want: 36 * time.Hour},
		"10":      {err: `has no unit; write "10s"`},
		"2.5":     {err: `has no unit; write "2.5s"`},
		"-1s":     {err: "is negative"},
		"-1d":     {err: form},
		"ten":     {err: form},
		"1e30d":   {err: form},
		"NaNd":    {err: form},
		"10 s":    {err: form},
		"999999h": {want: 999999 * time.Hour},
	})
}

func TestSizes(t *testing.T) {
	const form = `is no size; write it as "10MB", "1GiB" or a number of bytes`
	tryValues(t, parseSize, map[string]struct {
		want int64
		err  string
	}{
		"10MB":   {want: 10_000_000},
		"1GB":    {want: 1_000_000_000},
		"1GiB":   {want: 1 << 30},
		"1.5KiB": {want: 1536},
		"4096":   {want: 4096},
		"4096B":  {want: 4096},
		"1 kB":   {want: 1000},
		"0":      {},
		"10Mb":   {err: form},
		"MB":     {err: form},
		"NaN":    {err: form},
		"-1MB":   {err: "is out of range"},
		"1e30TB": {err: "is out of range"},
		"InfB":   {err: "is out of range"},
	})
}

func TestSignals(t *testing.T) {
	tryValues(t, parseSignal, map[string]struct {
		want string
		err  string
	}{
		"SIGTERM": {want: "SIGTERM"},
		"term":    {want: "SIGTERM"},
		"15":      {want: "SIGTERM"},
		"9":       {want: "SIGKILL"},
		"Int":     {want: "SIGINT"},
		"0":       {err: "is no signal number; see signal(7)"},
		"99":      {err: "is no signal number; see signal(7)"},
		"SIGTRM":  {err: `is no signal; did you mean "SIGTERM"?`},
	})
}

func TestRates(t *testing.T) {
	const form = `is no rate; write it as "20/s", "5/m" or "100/h"`
	tryValues(t, parseRate, map[string]struct {
		want float64
		err  string
	}{
		"20/s":   {want: 20},
		"30/m":   {want: 0.5},
		"36 / h": {want: 0.01},
		"20":     {err: form},
		"20/d":   {err: form},
		"-1/s":   {err: form},
		"Inf/s":  {err: form},
	})
}

func TestCPULists(t *testing.T) {
	text := func(s string) (string, error) {
		cpus, err := parseCPUs(s)
		return fmt.Sprint(cpus), err
	}
	const form = `is no list of CPUs; write it as "0,2-3"`
	tryValues(t, text, map[string]struct {
		want string
		err  string
	}{
		"0":          {want: "[0]"},
		"3, 0-1,1":   {want: "[0 1 3]"},
		"1023":       {want: "[1023]"},
		"1024":       {err: form},
		"0-":         {err: form},
		"2-1":        {err: form},
		"":           {err: form},
		"0-1023,0-5": {want: fmt.Sprint(upTo(1024))},
	})
}

func upTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestEndpoints(t *testing.T) {
	long := "ipc:///" + string(make([]byte, 107))
	for _, row := range []struct {
		endpoint      string
		connect, bind bool
	}{
		{"tcp://127.0.0.1:5556", true, true},
		{"tcp://localhost:5556", true, true},
		{"tcp://[::1]:5556", true, true},
		{"tcp://*:5556", false, true},
		{"tcp://*:*", false, true},
		{"tcp://127.0.0.1:0", false, true},
		{"tcp://127.0.0.1:65535", true, true},
		{"tcp://127.0.0.1:65536", false, false},
		{"tcp://127.0.0.1", false, false},
		{"tcp://:5556", false, false},
		{"tcp://::1:5556", false, false},
		{"tcp://a b:5556", false, false},
		{"tcp:/127.0.0.1:5556", false, false},
		{"127.0.0.1:5556", false, false},
		{"udp://127.0.0.1:5556", false, false},
		{"inproc://x", false, false},
		{"ipc:///run/x", true, true},
		{"ipc://x", true, true},
		{"ipc://", false, false},
		{"ipc://*", false, false},
		{long[:6+107], true, true},
		{long, false, false},
		{"", false, false},
	} {
		if err := checkEndpoint(row.endpoint, false); (err == nil) != row.connect {
			t.Errorf("connect to %q: %v", row.endpoint, err)
		}
		if err := checkEndpoint(row.endpoint, true); (err == nil) != row.bind {
			t.Errorf("bind %q: %v", row.endpoint, err)
		}
	}
}

func TestCron(t *testing.T) {
	for expression, good := range map[string]bool{
		"* * * * *":            true,
		"*/5 8-18 * * mon-fri": true,
		"0 0 1 JAN 7":          true,
		"0,30 0 1,15 * *":      true,
		"@daily":               true,
		"@reboot":              false,
		"* * * *":              false,
		"*/10 * * * * *":       true,
		"60 * * * * *":         false,
		"* * * * * * *":        false,
		"0 0 30 2 *":           false,
		"0 0 31 4-6/2,9,11 *":  false,
		"0 0 31 4-9 *":         true,
		"0 0 29 feb *":         true,
		"0 0 31 */2 mon":       true, // of one or the other
		"60 * * * *":           false,
		"* 24 * * *":           false,
		"* * 0 * *":            false,
		"* * * 13 *":           false,
		"* * * * 8":            false,
		"5-1 * * * *":          false,
		"*/0 * * * *":          false,
		"1-2-3 * * * *":        false,
		", * * * *":            false,
		"mon * * * *":          false,
	} {
		if _, err := checkCron(expression); (err == nil) != good {
			t.Errorf("%q: %v", expression, err)
		}
	}
}

func TestNearestNames(t *testing.T) {
	names := processTable.childNames()
	for written, want := range map[string]string{
		"comand":       "command",
		"Command":      "command",
		"enviroment":   "env",
		"stpo":         "stop",
		"limit":        "limits",
		"dependencies": "",
		"xyzzy":        "",
	} {
		if got := nearest(written, names); got != want {
			t.Errorf("%q: %q, want %q", written, got, want)
		}
	}
}
