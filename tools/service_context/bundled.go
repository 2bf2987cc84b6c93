package main

import (
	"fmt"
	"os"

	"zmicroservices/services/bridge"
	"zmicroservices/services/monitor"
	"zmicroservices/services/scheduler"
	"zmicroservices/services/tally"
	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/database"
	"zmicroservices/taskservice"
)

// bundled are the task services in our own binary, by instance.
var bundled = map[string]bundledTask{
	"Scheduler": {"", scheduler.New(running{}, version)},
	"Monitor":   {"", monitor.New(measured{})}, // by whatever <service_name>: the original's files have monitor
	"Tally":     {"", tally.New},
	"Watchdog":  {"", watchdog.Service(database.Open)},
	"Bridge":    {"", bridge.New(around{})},
}

// bundledTask is one of them: the service_name that its stub is known by, and
// how it is made.
type bundledTask struct {
	serviceName string
	make        taskservice.Factory
}

func isBundled(instance string) bool {
	_, ok := bundled[instance]
	return ok
}

// runBundled is a child of the provider: a bundled task in a process of its own,
// so that a panic in it takes nobody along.
func runBundled(args []string) int {
	if len(args) != 1 || !isBundled(args[0]) {
		fmt.Fprintf(os.Stderr, "error: `task` is for the provider's own use: %q is no bundled task\n", args)
		return 2
	}
	t := bundled[args[0]]
	os.Args = os.Args[:1] // Main parses flags, of which a provider gives none
	taskservice.Main(t.serviceName, t.make, taskservice.WithVersion(version))
	return 0
}
