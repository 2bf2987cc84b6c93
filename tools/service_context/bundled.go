package main

import (
	"fmt"
	"os"

	"zmicroservices/taskservice"
)

// bundled are the task services in our own binary, by instance.
var bundled = map[string]bundledTask{}

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
	taskservice.Main(t.serviceName, t.make)
	return 0
}
