// Package database opens the watchdog's Store by its name: postgres://… is a PostgreSQL
// server, and a path is a file of SQLite.
package database

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"zmicroservices/services/watchdog"
	"zmicroservices/services/watchdog/postgres"
	"zmicroservices/services/watchdog/sqlite"
)

// Open opens the database that a configuration names. It is a watchdog.OpenStore.
func Open(ctx context.Context, name string, logger *slog.Logger) (watchdog.Store, error) {
	if postgres.IsAddress(name) {
		return postgres.Open(ctx, name, logger)
	}
	if scheme, _, is := strings.Cut(name, "://"); is {
		return nil, fmt.Errorf("database has the scheme %q: a path is needed, or postgres://…", scheme)
	}
	return sqlite.Open(ctx, name, logger)
}
