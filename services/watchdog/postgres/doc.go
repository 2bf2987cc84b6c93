// Package postgres is the watchdog's Store in a PostgreSQL server, 12 or later.
//
//	s, err := postgres.Open(ctx, "postgres://watchdog@db.plant7/watchdog?sslmode=verify-full", logger)
//	…
//	go s.Run(ctx)
//
// The address is libpq's, with its parameters and environment ($PGPASSWORD, ~/.pgpass,
// sslrootcert, host=/run/postgresql for a unix socket). Tables, columns and views are
// those of package sqlite; times are timestamptz, and a payload that is no text is in
// the column bytes. search_path in the address lets several watchdogs have a schema each
// in one database.
//
//	psql -c "SELECT * FROM story WHERE name = 'pump'" "$DATABASE"
//	psql -c "SELECT * FROM services WHERE state = 'inactive'" "$DATABASE"
//
// # What it promises
//
// What comes within 10 ms is one commit, sent in one round trip, and waited for as the
// server's disk is (synchronous_commit is on). A message, the change that it made and
// the row afterwards are in the same one.
//
// When the server is away what comes waits in a ring, and is written when it is back:
// asked again after 50 ms, doubled up to 5 s. A commit whose answer was lost is not made
// twice: each has a number that the database keeps.
//
// What the database will not have for what it holds is refused alone, counted and said;
// its neighbours are written.
//
// No password is in an error or a log line.
//
// # Why not COPY
//
// Three tables are three COPYs, with a round trip each and their own transaction around
// them. Arrays (unnest) carry as many rows in one statement, and statements in one
// pipeline are one transaction.
package postgres
