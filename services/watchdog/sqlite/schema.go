package sqlite

// schema are the migrations; see store.Options. Times are nanoseconds since 1970 UTC.
var schema = []string{`
CREATE TABLE microservices (
	gid         TEXT PRIMARY KEY,
	uuid        TEXT NOT NULL,               -- of its present start
	type        TEXT NOT NULL,
	name        TEXT NOT NULL,
	host        TEXT NOT NULL,
	config_id   TEXT NOT NULL,
	version     TEXT NOT NULL,
	pid         INTEGER NOT NULL,
	state       TEXT NOT NULL,               -- initialize, onboarding, active, inactive, terminated, end
	reason      TEXT NOT NULL,               -- of its end
	since       INTEGER NOT NULL,            -- in this state
	first_seen  INTEGER NOT NULL,
	last_seen   INTEGER NOT NULL,
	onboardings INTEGER NOT NULL,
	seq         INTEGER NOT NULL,            -- the highest that this uuid has said
	missed      INTEGER NOT NULL,            -- numbers that never came
	interval    INTEGER NOT NULL,            -- at which it is taken to speak, ns
	before      TEXT NOT NULL,               -- the uuid of the start before
	away        INTEGER NOT NULL             -- 1: an alarm was given and it is not back
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
	row    INTEGER PRIMARY KEY,              -- the order
	at     INTEGER NOT NULL,
	gid    TEXT NOT NULL,
	uuid   TEXT NOT NULL,
	"from" TEXT NOT NULL,
	"to"   TEXT NOT NULL,
	input  TEXT NOT NULL,                    -- as Fprint prints them
	reason TEXT NOT NULL
) STRICT;

CREATE TABLE messages (
	row      INTEGER PRIMARY KEY,            -- the order
	at       INTEGER NOT NULL,
	topic    TEXT NOT NULL,
	gid      TEXT NOT NULL,
	uuid     TEXT NOT NULL,
	rejected TEXT,                           -- why it was of no use; NULL: it was not
	payload  ANY NOT NULL,                   -- text; a blob where it is none
	size     INTEGER NOT NULL                -- of all of it, before it was cut
) STRICT;

CREATE INDEX changes_gid ON changes (gid);
CREATE INDEX messages_gid ON messages (gid);

CREATE VIEW services AS SELECT name, type, host, config_id, state,
	strftime('%Y-%m-%dT%H:%M:%fZ', since / 1000000000.0, 'unixepoch') AS since,
	strftime('%Y-%m-%dT%H:%M:%fZ', last_seen / 1000000000.0, 'unixepoch') AS last_seen,
	onboardings, missed, version, pid, gid, uuid, reason
	FROM microservices;

CREATE VIEW story AS SELECT strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch') AS at, name, type, what, text, gid, uuid
	FROM (
		SELECT at, 1 AS place, row, 'change' AS what, iif("from" = '', '', "from" || ' -> ') || "to" || ', ' || input || iif(reason = '', '', ': ' || reason) AS text, gid, uuid FROM changes
		UNION ALL
		SELECT at, 0, row, iif(rejected IS NULL, topic, 'rejected'), iif(rejected IS NULL, payload, rejected || ': ' || topic), gid, uuid FROM messages
	) LEFT JOIN (SELECT gid AS known, name, type FROM microservices) ON known = gid
	ORDER BY at, place, row;
`}
