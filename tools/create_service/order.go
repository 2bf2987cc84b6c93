package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"zmicroservices/conf"
	"zmicroservices/templates"
)

// order is what a run shall do, checked.
type order struct {
	place    place
	context  conf.NewContext
	services []service
	force    bool
	build    bool
}

// service is one of the order: its files, and its entry in the Context file.
type service struct {
	templates.Service
	task conf.NewTask
}

var (
	entryActions = []string{"on_start", "on_update", "on_fail", "on_exit", "start_now"}
	serviceTypes = []string{"Process", "Thread"}
	outputs      = []string{"table", "json"}
)

// check collects the mistakes of an order. prefix says where the words came
// from: "--" for flags, a position for a file.
type check struct {
	found problems
}

func (c *check) add(prefix, format string, args ...any) {
	c.found = append(c.found, prefix+fmt.Sprintf(format, args...))
}

// err is all mistakes, nil if there are none.
func (c *check) err() error {
	if len(c.found) == 0 {
		return nil
	}
	return c.found
}

// oneOf complains of a word that is not among those that mean something.
func (c *check) oneOf(prefix, field, value string, words []string) {
	if !slices.Contains(words, value) {
		c.add(prefix, "%s: %q is none of %s", field, value, strings.Join(words, ", "))
	}
}

// context checks what all services of the order share. Fields that are empty
// have been complained of already.
func (c *check) context(prefix string, n conf.NewContext) {
	if strings.ContainsFunc(n.ContextID, notInWord) {
		c.add(prefix, "context_id: %q is not one word", n.ContextID)
	}
	if strings.ContainsAny(n.LogName, "/\x00") || strings.HasPrefix(n.LogName, ".") || strings.ContainsFunc(n.LogName, unicode.IsControl) {
		c.add(prefix, "context_name: %q cannot be part of a file name", n.LogName)
	}
	if n.ServerIP != "" && net.ParseIP(strings.Trim(n.ServerIP, "[]")) == nil && !hostname.MatchString(n.ServerIP) {
		c.add(prefix, "server_ip: %q is neither an address nor a host name", n.ServerIP)
	}
	c.port(prefix, "sub_port", n.SubPort)
	c.port(prefix, "pub_port", n.PubPort)
	if n.SubPort != "" && n.SubPort == n.PubPort {
		c.add(prefix, "pub_port: %s is sub_port already; they must differ", n.PubPort)
	}
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

func (c *check) port(prefix, field, value string) {
	if value == "" {
		return
	}
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > 65535 {
		c.add(prefix, "%s: %q is not a port (1 to 65535)", field, value)
	}
}

// service checks one service of the order.
func (c *check) service(prefix string, s service) {
	for _, p := range s.Problems() {
		if p.Reason != "is empty" { // said already, as missing
			c.add(prefix, "%s", p)
		}
	}
	switch id := s.task.ID; {
	case id == "ts000":
		c.add(prefix, "task_id: ts000 is kept for the monitor")
	case strings.ContainsFunc(id, notInWord) || strings.ContainsAny(id, `/\,`):
		c.add(prefix, "task_id: %q is not one word without slashes and commas", id)
	}
	if err := commandProblem(s.task.Command); err != nil {
		c.add(prefix, "command: %q %s", s.task.Command, err)
	}
	c.oneOf(prefix, "entry_action", s.task.EntryAction, entryActions)
	c.oneOf(prefix, "service_type", s.task.ServiceType, serviceTypes)
}

// commandProblem has package conf judge the quoting of a command, which is its
// business: it is asked to write it, into a directory that is thrown away.
func commandProblem(command string) error {
	if command == "" {
		return nil
	}
	dir, err := os.MkdirTemp("", "create_service")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	_, err = conf.Merge(filepath.Join(dir, "Context.xml"),
		conf.NewContext{ContextID: "c", ServerIP: "localhost", SubPort: "1", PubPort: "2", LogName: "c"},
		[]conf.NewTask{{ID: "t", Instance: "t", ServiceName: "t", Command: command}})
	if err == nil {
		return nil
	}
	_, reason, _ := strings.Cut(err.Error(), "task t: command ")
	return errors.New(reason)
}

func notInWord(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }
