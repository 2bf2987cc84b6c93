package peer

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestAnAddressHasOneSpelling(t *testing.T) {
	for in, want := range map[string]Address{
		"10.0.0.7": "10.0.0.7", "10.0.0.7:80": "10.0.0.7", "10.0.0.7:8090": "10.0.0.7:8090", "10.0.0.7:080": "10.0.0.7",
		"fd00::7": "fd00::7", "FD00:0::7": "fd00::7", "[fd00::7]": "fd00::7", "[fd00::7]:80": "fd00::7", "[fd00::7]:8090": "[fd00::7]:8090",
		"::ffff:10.0.0.7": "10.0.0.7", "[::ffff:10.0.0.7]:81": "10.0.0.7:81",
		"Db1.Example.NET.": "db1.example.net", "db1:8090": "db1:8090", "localhost:9": "localhost:9",
	} {
		got, err := ParseAddress(in)
		if err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", in, got, err, want)
		}
		again, err := ParseAddress(string(got))
		if err != nil || again != got {
			t.Errorf("%s once more: %q %v", got, again, err)
		}
	}
}

func TestNobodyIsCalledAtTheseAddresses(t *testing.T) {
	for _, in := range []string{
		"", "0.0.0.0", "::", "[::]:80", "0.0.0.0:8090", "224.0.0.1", "ff02::1", "255.255.255.255", "10.0.0.7:0", "10.0.0.7:65536", "10.0.0.7:-1", "10.0.0.7:+9",
		"10.0.0.7:", ":80", "10.0.0", "10.0.0.256", "fe80::1%eth0", "[fe80::1%eth0]:80", "http://10.0.0.7", "10.0.0.7/sync", "a b", "a@b", "-a", "a\n", "[fd00::7", "[fd00::7]x",
		"[fd00::7]:x", strings.Repeat("a", 300), strings.Repeat("a", 64) + ".net",
	} {
		if got, err := ParseAddress(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestWhereAnAddressIsDialled(t *testing.T) {
	for in, want := range map[Address]string{
		"10.0.0.7": "10.0.0.7:80", "10.0.0.7:8090": "10.0.0.7:8090", "fd00::7": "[fd00::7]:80", "[fd00::7]:81": "[fd00::7]:81", "db1": "db1:80",
	} {
		if got := in.HostPort(); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for a, want := range map[Address]bool{"127.0.0.1:9": true, "::1": true, "localhost": true, "x.localhost:1": true, "10.0.0.7": false, "db1": false} {
		if a.IsLoopback() != want {
			t.Errorf("%s: loopback %v", a, !want)
		}
	}
}

func TestTimesOfOtherProgramsAreRead(t *testing.T) {
	want := time.Date(2026, 3, 1, 12, 30, 15, 500_000_000, time.UTC)
	for _, in := range []string{
		"2026-03-01T12:30:15.500000000Z", "2026-03-01T13:30:15.5+01:00", "2026-03-01T12:30:15.500000", "2026-03-01 12:30:15.5", "2026-03-01 12:30:15.5Z", "1772368215.5",
	} {
		got, err := ParseSeen(in)
		if err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v", in, got, err)
		}
	}
	if got := FormatSeen(want); got != "2026-03-01T12:30:15.500000000Z" {
		t.Errorf("written as %s", got)
	}
	for _, in := range []string{"", "soon", "-1", "1e300", "NaN", "2026-13-01T00:00:00Z"} {
		if got, err := ParseSeen(in); err == nil {
			t.Errorf("%q is taken for %v", in, got)
		}
	}
}

func TestAUUIDHasOneForm(t *testing.T) {
	if _, err := ParseUUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"); err != nil {
		t.Error(err)
	}
	for _, in := range []string{"", "x", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}", "6ba7b8109dad11d180b400c04fd430c8", "00000000-0000-0000-0000-000000000000"} {
		if _, err := ParseUUID(in); err == nil {
			t.Errorf("%q is taken", in)
		}
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"10.0.0.7:8090", "[fd00::7]:1", "db1", "::ffff:1.2.3.4", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		if b, err := ParseAddress(string(a)); err != nil || a != b {
			t.Errorf("%q: %q, then %q %v", s, a, b, err)
		}
		if strings.ContainsAny(a.HostPort(), "/@?# \n\r") {
			t.Errorf("%q is called at %q", s, a.HostPort())
		}
	})
}

func TestADigestIsOfASet(t *testing.T) {
	a, b := Of(uuid.New(), "10.0.0.1"), Of(uuid.New(), "10.0.0.2")
	if (Digest{}).With(a).With(b) != (Digest{}).With(b).With(a) || a.With(b).With(b) != a {
		t.Error("the order counts")
	}
	for _, d := range []Digest{{}, a, b} {
		if again, err := ParseDigest(d.String()); err != nil || again != d {
			t.Errorf("%s: %s %v", d, again, err)
		}
	}
	for _, s := range []string{"x", "00", a.String() + "0", a.String() + "00", strings.Repeat("z", 32)} {
		if _, err := ParseDigest(s); err == nil {
			t.Errorf("%q is taken", s)
		}
	}
}
