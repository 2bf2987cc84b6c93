// Package sqlite is the watchdog's Store in a file.
//
//	s, err := sqlite.Open(ctx, "watchdog.db", logger)
//	…
//	go s.Run(ctx)
//
// The file is made for people with sqlite3, too: states and inputs are words, and views
// have times that can be read and tell whole stories.
//
//	sqlite3 -box watchdog.db "SELECT * FROM story WHERE name = 'pump'"
//	sqlite3 -box watchdog.db "SELECT * FROM services WHERE state = 'inactive'"
//
// It waits for the disk at each commit: a gid that was told outlives a power cut. What
// comes within 20 ms is one commit.
//
// A message and the row that it changed may be in two commits: after a kill -9 the row
// may be a message behind, never ahead.
package sqlite
