package logs

import (
	"bytes"
	"testing"
	"time"
)

func TestParseRefusesWhatTheKeeperDoesNotWrite(t *testing.T) {
	for _, text := range []string{
		"", " ", "x", "2026-11-21T12:00:00.000000000Z", "2026-11-21T12:00:00.000000000Z out", "2026-11-21T12:00:00.000000000Z  out x",
		"2026-11-21T12:00:00.000000000Z ouch x", "2026-11-21 12:00:00 out x", "2026-13-21T12:00:00Z out x", "12:00 err x",
	} {
		if l, err := Parse([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, l)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("2026-11-21T12:00:00.000000001Z out text"))
	f.Add([]byte("2026-11-21T12:00:00.123456789Z err \x1b[31m\xff\x00\r\n"))
	f.Add([]byte("2026-11-21T12:00:00+02:00 out "))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(l.Append(nil))
		if y := l.At.UTC().Year(); y < 0 || y > 9999 { // only by its zone
			return
		}
		if err != nil || !again.At.Equal(l.At) || again.Stream != l.Stream || !bytes.Equal(again.Text, l.Text) {
			t.Errorf("%q: %+v, then %+v, %v", b, l, again, err)
		}
	})
}

func FuzzParseName(f *testing.F) {
	f.Add("ts001.log.20261121T044507.123456789Z.gz")
	f.Add("ts001.log")
	f.Add("..log.20261121T044507.123456789Z")
	f.Fuzz(func(t *testing.T, name string) {
		task, stamp, gzip := parseName(name)
		if task == "" {
			return
		}
		want := task + ".log"
		if stamp != "" {
			want += "." + stamp
			if at := (cut{stamp: stamp}).at(); at.Format(cutStamp) != stamp || at.Location() != time.UTC {
				t.Errorf("%q: time %v", name, at)
			}
		}
		if gzip {
			want += ".gz"
		}
		if name != want {
			t.Errorf("%q is %q", name, want)
		}
	})
}
