package history

// schema are the migrations; see store.Options. Times are seconds since 1970 UTC, sizes
// bytes. People open it with sqlite3: minutes and hours have the names of Row.
var schema = []string{`
CREATE TABLE series (
	number        INTEGER PRIMARY KEY,
	"transaction" TEXT NOT NULL,
	task          TEXT NOT NULL,
	UNIQUE ("transaction", task)
) STRICT;

-- Samples as they came, see pack.
CREATE TABLE samples (
	series  INTEGER NOT NULL,
	at      INTEGER NOT NULL,   -- of the first, milliseconds
	samples BLOB NOT NULL,
	PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE minutes (
	series INTEGER NOT NULL, at INTEGER NOT NULL, samples INTEGER NOT NULL,
	rss REAL NOT NULL, rss_max REAL NOT NULL, cpu_percent REAL NOT NULL, cpu_percent_max REAL NOT NULL,
	num_fds REAL NOT NULL, num_fds_max REAL NOT NULL, num_threads REAL NOT NULL, connections REAL NOT NULL,
	restarts INTEGER NOT NULL,
	PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE hours (
	series INTEGER NOT NULL, at INTEGER NOT NULL, samples INTEGER NOT NULL,
	rss REAL NOT NULL, rss_max REAL NOT NULL, cpu_percent REAL NOT NULL, cpu_percent_max REAL NOT NULL,
	num_fds REAL NOT NULL, num_fds_max REAL NOT NULL, num_threads REAL NOT NULL, connections REAL NOT NULL,
	restarts INTEGER NOT NULL,
	PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;
`, `
-- What checks of probes came to. Latencies are microseconds, the mean and the most.
CREATE TABLE probe_minutes (
	series INTEGER NOT NULL, at INTEGER NOT NULL, checks INTEGER NOT NULL, failures INTEGER NOT NULL,
	latency_us INTEGER NOT NULL, latency_us_max INTEGER NOT NULL,
	PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;

CREATE TABLE probe_hours (
	series INTEGER NOT NULL, at INTEGER NOT NULL, checks INTEGER NOT NULL, failures INTEGER NOT NULL,
	latency_us INTEGER NOT NULL, latency_us_max INTEGER NOT NULL,
	PRIMARY KEY (series, at)
) STRICT, WITHOUT ROWID;
`}

// Statements of the writer. A minute may be written twice, by two processes or because
// somebody has asked meanwhile: then its means are joined by their weights.
const (
	addSeries = `INSERT INTO series ("transaction", task) VALUES (?, ?) ON CONFLICT DO NOTHING`
	ofSeries  = `(SELECT number FROM series WHERE "transaction" = ? AND task = ?)`
	addPacked = `INSERT OR REPLACE INTO samples VALUES (` + ofSeries + `, ?, ?)`
	addMinute = `INSERT INTO minutes VALUES (` + ofSeries + `, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (series, at) DO UPDATE SET
	rss = (rss*samples + excluded.rss*excluded.samples) / (samples + excluded.samples),
	cpu_percent = (cpu_percent*samples + excluded.cpu_percent*excluded.samples) / (samples + excluded.samples),
	num_fds = (num_fds*samples + excluded.num_fds*excluded.samples) / (samples + excluded.samples),
	num_threads = (num_threads*samples + excluded.num_threads*excluded.samples) / (samples + excluded.samples),
	connections = (connections*samples + excluded.connections*excluded.samples) / (samples + excluded.samples),
	rss_max = max(rss_max, excluded.rss_max), cpu_percent_max = max(cpu_percent_max, excluded.cpu_percent_max),
	num_fds_max = max(num_fds_max, excluded.num_fds_max), restarts = max(restarts, excluded.restarts),
	samples = samples + excluded.samples`

	// Of every hour that is over and of which there are minutes since the last that was made.
	makeHours = `INSERT OR REPLACE INTO hours
SELECT series, at - at % 3600, sum(samples), sum(rss*samples)/sum(samples), max(rss_max),
	sum(cpu_percent*samples)/sum(samples), max(cpu_percent_max), sum(num_fds*samples)/sum(samples), max(num_fds_max),
	sum(num_threads*samples)/sum(samples), sum(connections*samples)/sum(samples), max(restarts)
FROM minutes WHERE at >= coalesce((SELECT max(at) FROM hours), 0) AND at < ?
GROUP BY series, at / 3600`

	addProbes = `INSERT INTO probe_minutes VALUES (` + ofSeries + `, ?, ?, ?, ?, ?)
ON CONFLICT (series, at) DO UPDATE SET
	latency_us = (latency_us*checks + excluded.latency_us*excluded.checks) / (checks + excluded.checks),
	latency_us_max = max(latency_us_max, excluded.latency_us_max),
	failures = failures + excluded.failures, checks = checks + excluded.checks`

	makeProbeHours = `INSERT OR REPLACE INTO probe_hours
SELECT series, at - at % 3600, sum(checks), sum(failures), sum(latency_us*checks)/sum(checks), max(latency_us_max)
FROM probe_minutes WHERE at >= coalesce((SELECT max(at) FROM probe_hours), 0) AND at < ?
GROUP BY series, at / 3600`

	dropSamples = `DELETE FROM samples WHERE at < ?`
	dropMinutes = `DELETE FROM minutes WHERE at < ?`
	dropHours   = `DELETE FROM hours WHERE at < ?`
	dropSeries  = `DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM minutes WHERE series = number) AND NOT EXISTS (SELECT 1 FROM hours WHERE series = number)
	AND NOT EXISTS (SELECT 1 FROM probe_minutes WHERE series = number) AND NOT EXISTS (SELECT 1 FROM probe_hours WHERE series = number)`

	dropProbeMinutes = `DELETE FROM probe_minutes WHERE at < ?`
	dropProbeHours   = `DELETE FROM probe_hours WHERE at < ?`
)
