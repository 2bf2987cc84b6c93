// Package templates holds what create_service writes: the files of a task
// service in Go or in Python, as text/template sources embedded in the binary.
//
// A Service is the answer to every question a template asks. It is checked by
// Problems, which names all that is wrong at once, and turned into files by
// Files, which touches no disk:
//
//	s := templates.Service{
//		Name: "EchoAction", Class: "EchoShouting", File: "EchoAction",
//		Description: "shouts the time", ServiceName: "echo_action",
//		Lang: templates.Go, Kind: templates.Looped,
//	}
//	if problems := s.Problems(); len(problems) > 0 { … }
//	files, err := s.Files() // main.go, ServiceEchoAction.go, …
//
// The package never writes a file, never looks at what is there already and
// imports nothing of ours: who calls decides where things go and what is kept.
//
// # Why not one template for both languages
//
// The roles are the same (service stub, task stub, main, test), the plumbing is
// not: a Go service imports the SDK, a Python service carries its own, so that
// it needs pyzmq and nothing else.
package templates
