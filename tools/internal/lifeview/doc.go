// Package lifeview is the verb view, which lifecycle and conf_command have: it
// follows the life cycle events of a bus.
//
//	root.AddCommand(lifeview.New("lifecycle", os.Stdout, os.Stderr))
//	// lifecycle view --endpoint tcp://127.0.0.1:5556 --component server
//	// 11:32:17 [startup] c1.example.net: server version 0.6.0
//
// Events go to the one writer, all else to the other. It publishes nothing.
package lifeview
