package journal

// schema are the migrations; see store.Options. The file is an interface too:
// people open it with sqlite3, so states and origins are words, and a view has
// times with a label.
var schema = []string{`
CREATE TABLE transactions (
	number       INTEGER PRIMARY KEY,
	id           TEXT NOT NULL UNIQUE,
	boot         TEXT NOT NULL DEFAULT '',      -- of the process that began it
	context_name TEXT NOT NULL DEFAULT '',
	log_name     TEXT NOT NULL DEFAULT '',
	front_end_endpoint TEXT NOT NULL DEFAULT '',
	backend_endpoint   TEXT NOT NULL DEFAULT '',
	front_bind         TEXT NOT NULL DEFAULT '',
	back_bind          TEXT NOT NULL DEFAULT '',
	began        INTEGER,                       -- ns since 1970 UTC; NULL: nobody has said Begin
	ended        INTEGER,                       -- NULL: by no clean exit, so far
	seq          INTEGER NOT NULL DEFAULT 0     -- highest of the rows that were deleted
) STRICT;

-- What is wanted of a task service, and what was seen when that was written.
CREATE TABLE wants (
	place          INTEGER PRIMARY KEY,         -- order of definition
	"transaction"  INTEGER NOT NULL,
	task           TEXT NOT NULL,
	up             INTEGER NOT NULL,
	run            INTEGER NOT NULL,
	done           INTEGER NOT NULL,
	above          INTEGER NOT NULL,
	incarnation    INTEGER NOT NULL,
	state          TEXT NOT NULL,
	object         TEXT,
	spec           BLOB,
	origin TEXT NOT NULL, "by" TEXT NOT NULL, parent INTEGER NOT NULL, root INTEGER NOT NULL, request TEXT NOT NULL,
	seq            INTEGER NOT NULL,
	UNIQUE ("transaction", task)
) STRICT;

-- A change, or a note: something that happened to no transaction.
CREATE TABLE rows (
	row            INTEGER PRIMARY KEY,         -- the order; the newest is never deleted, so none is used twice
	at             INTEGER NOT NULL,            -- ns since 1970 UTC
	"transaction"  INTEGER NOT NULL,            -- 0: a note about none
	seq            INTEGER NOT NULL,            -- 0: a note
	task           TEXT,
	incarnation    INTEGER,
	pid            INTEGER,
	"from"         TEXT,
	"to"           TEXT,
	event          TEXT NOT NULL,
	origin         TEXT,
	"by"           TEXT,
	parent         INTEGER,
	root           INTEGER,
	request        TEXT,
	exit_code      INTEGER,
	signal         TEXT,
	core           INTEGER,
	reason         TEXT
) STRICT;

CREATE INDEX rows_seq ON rows ("transaction", seq);
CREATE INDEX rows_task ON rows (task) WHERE task IS NOT NULL;

-- For people: sqlite3 -header journal.db 'SELECT * FROM history'. A label in the
-- table would be made for each row that is written.
CREATE VIEW history AS SELECT row, strftime('%Y-%m-%dT%H:%M:%fZ', at / 1000000000.0, 'unixepoch') AS label,
	id AS "transaction", rows.seq, task, incarnation, pid, "from", "to", event, origin, "by", parent, root, request,
	exit_code, signal, core, reason
	FROM rows LEFT JOIN transactions ON number = "transaction";
`}
