// Package screen is the terminal screen of `conf_command top`: the task services of a
// context with what they cost, the log and the last causes of the one under the cursor,
// and below what the bus drops and what we ourselves take.
//
//	s := screen.New(screen.Options{Follow: follow, Do: do, Colour: true, Unicode: true})
//	p := tea.NewProgram(s)
//	go feed(p.Send)              // Figures, Lines, Causes, Lost as they come
//	_, err := p.Run()
//
// A Screen is a model of bubbletea: Update takes a message, View draws. It knows no
// socket, no clock and no terminal: all that it shows came by a message, all that it
// wants done it asks of the two functions in its options. So tests feed it messages and
// read what it draws.
//
// It draws within the size that it was told, down to 80 columns by 24 lines with
// everything in place, and below that with less: nothing ever wraps. What services say
// of themselves, and print, is made harmless before it is shown.
//
// # Why not a library of widgets
//
// A table whose columns are told by the width, whose cursor stays with its task service
// when the order changes, and which is drawn anew every second over a slow line, is
// shorter than the adapting of one that is none of that.
package screen
