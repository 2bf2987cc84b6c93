package conf

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// process reads a <Process> that check has gone over.
func (r *reader) process(n *node) Process {
	p := DefaultProcess()
	if n == nil {
		return p
	}
	p.Pos = n.pos
	read(r, n, "announce", &p.Announce, asText)
	if c := n.child("command"); c != nil {
		p.CommandPos = c.pos
		r.command(c, &p.Command)
	}
	readLeaf(r, n.child("directory"), &p.Directory, asText)
	readLeaf(r, n.child("user"), &p.User, asText)
	readLeaf(r, n.child("group"), &p.Group, asText)
	readLeaf(r, n.child("umask"), &p.Umask, optional(parseUmask))
	readLeaf(r, n.child("nice"), &p.Nice, optional(intIn(-20, 19)))
	readLeaf(r, n.child("affinity"), &p.Affinity, optionalList(parseCPUs))
	for _, leaf := range []string{"group", "user"} {
		if c := n.child(leaf); c.content() != "" {
			p.UserPos = c.pos
		}
	}
	p.Env = r.env(n.children("env"))
	if c := n.child("stop"); c != nil {
		p.Stop.Pos = c.pos
		read(r, c, "signal", &p.Stop.Signal, parseSignal)
		read(r, c, "timeout", &p.Stop.Timeout, parseDuration)
	}
	r.restart(n.child("restart"), &p.Restart)
	for _, c := range n.children("depends") {
		d := Depends{Pos: c.pos, Until: "started"}
		read(r, c, "on", &d.On, asText)
		read(r, c, "until", &d.Until, asText)
		p.Depends = append(p.Depends, d)
	}
	for _, c := range n.children("probe") {
		p.Probes = append(p.Probes, r.probe(c))
	}
	r.limits(n.child("limits"), &p.Limits)
	for _, c := range n.children("hook") {
		h := Hook{Pos: c.pos, Timeout: defaultHookTimeout}
		read(r, c, "on", &h.On, asText)
		read(r, c, "command", &h.Command, splitArgv)
		read(r, c, "timeout", &h.Timeout, parseInterval)
		p.Hooks = append(p.Hooks, h)
	}
	p.Schedule = r.schedule(n.child("schedule"))
	if c := n.child("replicas"); c != nil {
		p.note("replicas", c.pos)
		read(r, c, "count", &p.Replicas, intIn(1, MaxReplicas))
	}
	if c := n.child("log"); c != nil {
		p.Log.Pos = c.pos
		read(r, c, "max_size", &p.Log.MaxSize, parseSize)
		read(r, c, "keep", &p.Log.Keep, intIn(0, 1000))
		read(r, c, "max_age", &p.Log.MaxAge, parseDuration)
		read(r, c, "gzip", &p.Log.Gzip, asBool)
	}
	return p
}

func (r *reader) command(n *node, into *[]string) {
	argv, err := splitArgv(n.text)
	if err != nil {
		r.fail(n.pos, "command %v", err)
		return
	}
	*into = argv
	if op := shellOperator(argv); op != "" {
		r.warn(n.pos, "command has %q as an argument: no shell reads it, so it does nothing but be passed on; quote it if it is meant so, or run sh -c", op)
	}
}

// env refuses names that the provider sets itself: a service must be able to
// trust them.
func (r *reader) env(nodes []*node) []Env {
	var list []Env
	seen := map[string]Pos{}
	for _, n := range nodes {
		e := Env{Pos: n.pos}
		r.exactlyOne(n, "name", "file")
		read(r, n, "file", &e.File, asText)
		if a, ok := n.attr("name"); ok && a.value != "" {
			e.Name = a.value
			before, twice := seen[a.value]
			switch {
			case strings.ContainsAny(a.value, "=\x00"):
				r.fail(a.pos, "env name %q holds a character that no name can", a.value)
			case strings.HasPrefix(a.value, "ZMS_"):
				r.fail(a.pos, "env name %q is the provider's to set", a.value)
			case twice:
				r.fail(a.pos, "env name %q is set twice; first at %s", a.value, before.line())
			}
			seen[a.value] = a.pos
		}
		if a, ok := n.attr("value"); ok {
			e.Value = a.value // not trimmed: blanks may be meant
			if e.File != "" {
				r.fail(a.pos, "<env> has a value and a file; a file brings its own values")
			}
		}
		list = append(list, e)
	}
	return list
}

func (r *reader) restart(n *node, into *Restart) {
	if n == nil {
		return
	}
	into.Pos = n.pos
	read(r, n, "policy", &into.Policy, asText)
	read(r, n, "success", &into.Success, parseCodes)
	read(r, n, "backoff", &into.Backoff, parseDuration)
	read(r, n, "factor", &into.Factor, floatIn(1, 100))
	read(r, n, "max_backoff", &into.MaxBackoff, parseDuration)
	read(r, n, "jitter", &into.Jitter, floatIn(0, 1))
	read(r, n, "intensity", &into.Intensity, intIn(0, math.MaxInt32))
	read(r, n, "window", &into.Window, parseDuration)
	read(r, n, "resume_after", &into.ResumeAfter, parseDuration)
	if into.MaxBackoff < into.Backoff {
		r.fail(n.pos, "max_backoff %v is less than backoff %v", into.MaxBackoff, into.Backoff)
	}
}

func (r *reader) probe(n *node) Probe {
	p := defaultProbe
	p.Pos = n.pos
	r.exactlyOne(n, "exec", "http", "tcp", "log", "topic", "notify")
	read(r, n, "kind", &p.Kind, asText)
	read(r, n, "exec", &p.Exec, splitArgv)
	read(r, n, "http", &p.HTTP, parseURL)
	read(r, n, "tcp", &p.TCP, parseAddress)
	read(r, n, "log", &p.Log, parsePattern)
	read(r, n, "topic", &p.Topic, asText)
	read(r, n, "notify", &p.Notify, asBool)
	read(r, n, "every", &p.Every, parseInterval)
	read(r, n, "timeout", &p.Timeout, parseInterval)
	read(r, n, "failures", &p.Failures, intIn(1, math.MaxInt32))
	return p
}

func (r *reader) limits(n *node, into *ProcessLimits) {
	if n == nil {
		return
	}
	into.Pos = n.pos
	read(r, n, "nofile", &into.NoFile, parseRLimit)
	read(r, n, "nproc", &into.NProc, parseRLimit)
	read(r, n, "as", &into.AS, parseRLimit)
	read(r, n, "core", &into.Core, parseRLimit)
	read(r, n, "memory", &into.Memory, parseSize)
	read(r, n, "cpu", &into.CPU, parsePercent)
	read(r, n, "pids", &into.PIDs, intIn(1, math.MaxInt32))
}

func (r *reader) schedule(n *node) *Schedule {
	if n == nil {
		return nil
	}
	s := &Schedule{Pos: n.pos, Overlap: "skip"}
	r.exactlyOne(n, "cron", "every")
	read(r, n, "cron", &s.Cron, checkCron)
	read(r, n, "every", &s.Every, parseInterval)
	read(r, n, "zone", &s.Zone, parseZone)
	read(r, n, "overlap", &s.Overlap, asText)
	return s
}

// optional makes an empty leaf mean "inherited".
func optional[T any](parse func(string) (T, error)) func(string) (*T, error) {
	return func(s string) (*T, error) {
		if s == "" {
			return nil, nil
		}
		v, err := parse(s)
		return &v, err
	}
}

func optionalList[T any](parse func(string) ([]T, error)) func(string) ([]T, error) {
	return func(s string) ([]T, error) {
		if s == "" {
			return nil, nil
		}
		return parse(s)
	}
}

// parseCodes reads exit codes: "0 2 130" or "0,2,130".
func parseCodes(s string) ([]int, error) {
	var codes []int
	for _, f := range strings.FieldsFunc(s, isListSeparator) {
		n, err := intIn(0, 255)(f)
		if err != nil {
			return nil, errors.New(`is no list of exit codes; write it as "0,2"`)
		}
		codes = append(codes, n)
	}
	return codes, nil
}

// parseInterval is parseDuration for what cannot be 0.
func parseInterval(s string) (time.Duration, error) {
	d, err := parseDuration(s)
	if err == nil && d == 0 {
		err = errors.New("must be more than 0")
	}
	return d, err
}

func parseURL(s string) (string, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", errors.New(`is no URL; write it as "http://127.0.0.1:8080/health"`)
	}
	return s, nil
}

func parseAddress(s string) (string, error) {
	_, port, err := net.SplitHostPort(s)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return "", errors.New(`is no address; write it as "127.0.0.1:8080"`)
	}
	return s, nil
}

func parsePattern(s string) (string, error) {
	if len(s) > maxMessage {
		return "", fmt.Errorf("is longer than %d bytes", maxMessage)
	}
	if _, err := regexp.Compile(s); err != nil {
		return "", errors.New("is no regular expression: " + strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	return s, nil
}

func parseZone(s string) (string, error) {
	if _, err := time.LoadLocation(s); err != nil {
		return "", errors.New(`is no time zone; write it as "Europe/Zurich"`)
	}
	return s, nil
}
