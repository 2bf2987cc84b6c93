package main

import (
	"cmp"
	"slices"
	"strings"

	"zmicroservices/taskservice/hippodamia"
	"zmicroservices/tools/internal/flags"
)

// choose finds the microservices that words mean, each once and in the census's order:
// a gid, a name or configuration id (all that have it), or the beginning of one gid.
// Without words those are meant that are expected to answer.
func (c census) choose(words []string) ([]hippodamia.Service, error) {
	if len(words) == 0 {
		return slices.DeleteFunc(slices.Clone(c.services), func(s hippodamia.Service) bool {
			return s.State == hippodamia.Terminated || s.State == hippodamia.Ended
		}), nil
	}
	wanted := map[string]bool{}
	for _, word := range words {
		found, err := c.find(word)
		if err != nil {
			return nil, err
		}
		for _, s := range found {
			wanted[s.GID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(c.services), func(s hippodamia.Service) bool { return !wanted[s.GID] }), nil
}

// find gives those that one word means: at least one.
func (c census) find(word string) ([]hippodamia.Service, error) {
	if word == "" {
		return nil, c.unknown(word) // what has no name is not called so
	}
	for _, means := range []func(hippodamia.Service) bool{
		func(s hippodamia.Service) bool { return s.GID == word },
		func(s hippodamia.Service) bool { return s.Name == word },
		func(s hippodamia.Service) bool { return s.ConfigID == word },
	} {
		if found := c.all(means); len(found) > 0 {
			return found, nil
		}
	}
	switch found := c.all(func(s hippodamia.Service) bool { return strings.HasPrefix(s.GID, word) }); len(found) {
	case 0:
		return nil, c.unknown(word)
	case 1:
		return found, nil
	default:
		var gids []string
		for _, s := range found[:min(len(found), 4)] {
			gids = append(gids, s.GID+" ("+cmp.Or(s.Name, s.ConfigID)+")")
		}
		if len(found) > len(gids) {
			gids = append(gids, "…")
		}
		return nil, failed("%q begins %d gids: %s", word, len(found), strings.Join(gids, ", "))
	}
}

func (c census) all(means func(hippodamia.Service) bool) []hippodamia.Service {
	var found []hippodamia.Service
	for _, s := range c.services {
		if means(s) {
			found = append(found, s)
		}
	}
	return found
}

func (c census) unknown(word string) error {
	names := make([]string, len(c.services))
	for i, s := range c.services {
		names[i] = s.Name
	}
	if best := flags.Nearest(word, names); best != "" {
		return failed("the watchdog knows no microservice %q; did you mean %q?", word, best)
	}
	return failed("the watchdog knows no microservice %q (conf_command services lists them)", word)
}
