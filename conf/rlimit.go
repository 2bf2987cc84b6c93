package conf

import (
	"errors"
	"math"
	"strings"
)

// RLimit is one limit of setrlimit(2), in its units: descriptors, processes, bytes.
type RLimit struct {
	Name       string // nofile, nproc, as, core
	Soft, Hard uint64 // Unlimited is none
}

// Unlimited is RLIM_INFINITY.
const Unlimited = math.MaxUint64

// RLimits are the rlimits that l asks for, in a fixed order. Values were judged when
// the file was read.
func (l *ProcessLimits) RLimits() []RLimit {
	var all []RLimit
	for _, one := range []struct{ name, text string }{{"nofile", l.NoFile}, {"nproc", l.NProc}, {"as", l.AS}, {"core", l.Core}} {
		if r, err := splitRLimit(one.text); err == nil && one.text != "" {
			r.Name = one.name
			all = append(all, r)
		}
	}
	return all
}

// parseRLimit judges "1024", "1024:4096", "1GB", "unlimited" (setrlimit(2)).
func parseRLimit(s string) (string, error) {
	_, err := splitRLimit(s)
	return s, err
}

func splitRLimit(s string) (RLimit, error) {
	soft, hard, both := strings.Cut(s, ":")
	if !both {
		hard = soft
	}
	var r RLimit
	for _, part := range []struct {
		text string
		into *uint64
	}{{soft, &r.Soft}, {hard, &r.Hard}} {
		if *part.into = Unlimited; part.text == "unlimited" {
			continue
		}
		n, err := parseSize(part.text)
		if err != nil {
			return r, errors.New(`is no limit; write it as "1024", "1024:4096" or "unlimited"`)
		}
		*part.into = uint64(n)
	}
	if r.Soft > r.Hard {
		return r, errors.New("has a soft limit above its hard one: soft comes first")
	}
	return r, nil
}
