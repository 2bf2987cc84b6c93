package postgres

import (
	"bytes"
	"context"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"zmicroservices/services/watchdog"
)

// write makes one attempt at the next commit of the hand. What the database will not have
// is split until it stands alone, and is given up.
func (s *Store) write(h *hand) error {
	g := h.groups[0]
	err := s.commit(g, h.number)
	switch {
	case err == nil:
	case !refused(err):
		return err
	case g.size() > 1:
		h.groups = append(g.parts(), h.groups[1:]...)
		return nil
	default:
		s.log.Error("store refused an entry", "err", s.said(err))
	}
	h.groups = h.groups[1:]
	h.number++ // also of what was refused: no number is ever two groups'
	s.mu.Lock()
	if err == nil {
		s.stats.Written += uint64(g.size()) //nolint:gosec // a length
	} else {
		s.stats.Refused++
	}
	s.inHand = h.size()
	s.mu.Unlock()
	s.worked()
	return nil
}

// refused says that it is what is written that the database will not have, not the time:
// classes 22, data exception, and 23, integrity constraint violation, of SQLSTATE.
func refused(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code[:2] == "22" || e.Code[:2] == "23")
}

// commit writes a group in one transaction and one round trip. That a commit of this
// number is there already means that the answer to the attempt before was lost.
func (s *Store) commit(g group, number int64) error {
	ctx, cancel := context.WithTimeout(s.life, attempt)
	defer cancel()
	var b pgx.Batch
	b.Queue(`INSERT INTO commits (writer, number) VALUES ($1, $2)`, s.writer, number)
	b.Queue(`DELETE FROM commits WHERE writer = $1 AND number < $2`, s.writer, number)
	if len(g.messages) > 0 {
		queueMessages(&b, g.messages)
	}
	if len(g.changes) > 0 {
		queueChanges(&b, g.changes)
	}
	if len(g.rows) > 0 {
		queueRows(&b, g.rows)
	}
	// Without BEGIN and COMMIT a batch is one implicit transaction.
	err := s.pool.SendBatch(ctx, &b).Close()
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == uniqueViolation && e.TableName == "commits" {
		return nil
	}
	return err
}

const uniqueViolation = "23505"

func queueMessages(b *pgx.Batch, messages []*watchdog.Message) {
	n := len(messages)
	at, topic, gid, uuid, size := make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n), make([]int64, n)
	rejected, payload, raw := make([]*string, n), make([]*string, n), make([][]byte, n)
	for i, m := range messages {
		at[i], topic[i], gid[i], uuid[i], size[i] = m.At, m.Topic, m.GID, m.UUID, int64(m.Size)
		if m.Rejected != "" {
			rejected[i] = &m.Rejected
		}
		if utf8.Valid(m.Payload) && bytes.IndexByte(m.Payload, 0) < 0 {
			text := string(m.Payload)
			payload[i] = &text
		} else {
			raw[i] = m.Payload
		}
	}
	b.Queue(`INSERT INTO messages (at, topic, gid, uuid, rejected, payload, bytes, size)
		SELECT at, topic, gid, uuid, rejected, payload, bytes, size
		FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bigint[])
			WITH ORDINALITY AS t (at, topic, gid, uuid, rejected, payload, bytes, size, place) ORDER BY place`,
		at, topic, gid, uuid, rejected, payload, raw, size)
}

func queueChanges(b *pgx.Batch, changes []*watchdog.Change) {
	n := len(changes)
	at := make([]time.Time, n)
	gid, uuid, from, to, input, reason := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	for i, c := range changes {
		at[i], gid[i], uuid[i], from[i], to[i], input[i], reason[i] = c.At, c.GID, c.UUID, string(c.From), string(c.To), c.Input.String(), c.Reason
	}
	b.Queue(`INSERT INTO changes (at, gid, uuid, "from", "to", input, reason)
		SELECT at, gid, uuid, "from", "to", input, reason
		FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
			WITH ORDINALITY AS t (at, gid, uuid, "from", "to", input, reason, place) ORDER BY place`,
		at, gid, uuid, from, to, input, reason)
}

// queueRows has one statement a row: there are few of them with each commit, and the
// pipeline makes them one round trip all the same.
func queueRows(b *pgx.Batch, rows map[string]*watchdog.Microservice) {
	for _, m := range rows {
		b.Queue(`INSERT INTO microservices (gid, uuid, type, name, host, config_id, version, pid, state, reason, since,
			first_seen, last_seen, onboardings, seq, missed, interval, before, away)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
			ON CONFLICT (gid) DO UPDATE SET (uuid, type, name, host, config_id, version, pid, state, reason, since,
			first_seen, last_seen, onboardings, seq, missed, interval, before, away)
			= ROW (EXCLUDED.uuid, EXCLUDED.type, EXCLUDED.name, EXCLUDED.host, EXCLUDED.config_id, EXCLUDED.version, EXCLUDED.pid,
			EXCLUDED.state, EXCLUDED.reason, EXCLUDED.since, EXCLUDED.first_seen, EXCLUDED.last_seen, EXCLUDED.onboardings,
			EXCLUDED.seq, EXCLUDED.missed, EXCLUDED.interval, EXCLUDED.before, EXCLUDED.away)`,
			m.GID, m.UUID, m.Type, m.Name, m.Host, m.ConfigID, m.Version, m.PID, string(m.State), m.Reason, m.Since,
			m.FirstSeen, m.LastSeen, m.Onboardings, int64(m.Seq), int64(m.Missed), int64(m.Interval), m.Before, m.Away) //nolint:gosec // below 1<<63, see Microservice
	}
}
