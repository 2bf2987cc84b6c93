// Package show is about showing what others have written.
//
//	show.Printable("\x1b[2Jgone") // \x1b[2Jgone, with a backslash in place of the escape
//
// It never cuts and never colours.
package show
