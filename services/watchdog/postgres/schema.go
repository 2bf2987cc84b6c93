package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// schema are the migrations, in order; the table version has how many were carried out.
var schema = []string{`
CREATE TABLE microservices (
	gid         TEXT PRIMARY KEY,
	uuid        TEXT NOT NULL,               -- of its present start
	type        TEXT NOT NULL,
	name        TEXT NOT NULL,
	host        TEXT NOT NULL,
	config_id   TEXT NOT NULL,
	version     TEXT NOT NULL,
	pid         BIGINT NOT NULL,
	state       TEXT NOT NULL,               -- initialize, onboarding, active, inactive, terminated, end
	reason      TEXT NOT NULL,               -- of its end
	since       TIMESTAMPTZ NOT NULL,        -- in this state
	first_seen  TIMESTAMPTZ NOT NULL,
	last_seen   TIMESTAMPTZ NOT NULL,
	onboardings BIGINT NOT NULL,
	seq         BIGINT NOT NULL,             -- the highest that this uuid has said
	missed      BIGINT NOT NULL,             -- numbers that never came
	interval    BIGINT NOT NULL,             -- at which it is taken to speak, ns
	before      TEXT NOT NULL,               -- the uuid of the start before
	away        BOOLEAN NOT NULL             -- an alarm was given and it is not back
);

CREATE TABLE changes (
	row    BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order
	at     TIMESTAMPTZ NOT NULL,
	gid    TEXT NOT NULL,
	uuid   TEXT NOT NULL,
	"from" TEXT NOT NULL,
	"to"   TEXT NOT NULL,
	input  TEXT NOT NULL,
	reason TEXT NOT NULL
);

CREATE TABLE messages (
	row      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- the order
	at       TIMESTAMPTZ NOT NULL,
	topic    TEXT NOT NULL,
	gid      TEXT NOT NULL,
	uuid     TEXT NOT NULL,
	rejected TEXT,                           -- why it was of no use; NULL: it was not
	payload  TEXT,                           -- NULL: it is no text
	bytes    BYTEA,                          -- then it is here
	size     BIGINT NOT NULL                 -- of all of it, before it was cut
);

CREATE INDEX changes_gid ON changes (gid);
CREATE INDEX messages_gid ON messages (gid);

-- The last commit of each program that writes here: one whose answer was lost is not made twice.
CREATE TABLE commits (
	writer UUID NOT NULL,
	number BIGINT NOT NULL,
	at     TIMESTAMPTZ NOT NULL DEFAULT now(),
	PRIMARY KEY (writer, number)
);

CREATE VIEW services AS SELECT name, type, host, config_id, state, since, last_seen, onboardings, missed, version, pid, gid, uuid, reason
	FROM microservices;

CREATE VIEW story AS SELECT s.at, m.name, m.type, s.what, s.text, s.gid, s.uuid
	FROM (
		SELECT at, 1 AS place, row, 'change' AS what,
			CASE "from" WHEN '' THEN '' ELSE "from" || ' -> ' END || "to" || ', ' || input || CASE reason WHEN '' THEN '' ELSE ': ' || reason END AS text, gid, uuid FROM changes
		UNION ALL
		SELECT at, 0, row, CASE WHEN rejected IS NULL THEN topic ELSE 'rejected' END,
			CASE WHEN rejected IS NULL THEN coalesce(payload, encode(bytes, 'escape')) ELSE rejected || ': ' || topic END, gid, uuid FROM messages
	) s LEFT JOIN microservices m ON m.gid = s.gid
	ORDER BY s.at, s.place, s.row;
`}

// schemaLock is the advisory lock of a migration: two programs that start make it once.
const schemaLock = 0x7a6d7377 // "zmsw"

// migrate brings the database to the version of the schema, in one transaction.
func migrate(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, schemaLock); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS version (schema INTEGER NOT NULL)`); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRow(ctx, `SELECT coalesce(max(schema), 0) FROM version`).Scan(&version); err != nil {
		return err
	}
	if version > len(schema) {
		return fmt.Errorf("its schema has version %d, of a newer program; this one knows %d", version, len(schema))
	}
	for _, text := range schema[version:] {
		// Several statements: only the simple protocol takes them.
		if _, err := tx.Exec(ctx, text, pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
	}
	if version < len(schema) {
		if _, err := tx.Exec(ctx, `DELETE FROM version`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO version VALUES ($1)`, len(schema)); err != nil {
			return err
		}
	}
	// Of programs that were killed.
	_, err := tx.Exec(ctx, `DELETE FROM commits WHERE at < now() - INTERVAL '7 days'`)
	return err
}
