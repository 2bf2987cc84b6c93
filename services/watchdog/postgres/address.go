package postgres

import (
	"errors"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"
)

// IsAddress says that a text is for Open.
func IsAddress(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// connections are what a watchdog needs at most: one writes, others read.
const connections = 4

// parse reads an address.
func parse(address string) (*pgxpool.Config, error) {
	if !IsAddress(address) {
		return nil, errors.New("the address of a PostgreSQL database is postgres://user@host/name")
	}
	if _, err := url.Parse(address); err != nil {
		// What the error quotes may be a part of the password.
		return nil, errors.New("the address of the PostgreSQL database is no URL (a password has its special letters as %XX)")
	}
	c, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errors.New(masked(err.Error(), passwordIn(address)))
	}
	c.MaxConns = max(c.MaxConns, connections)
	for name, value := range map[string]string{
		"application_name":   "watchdog",
		"synchronous_commit": "on", // what is told as durable outlives a power cut
		"timezone":           "UTC",
	} {
		if c.ConnConfig.RuntimeParams[name] == "" || name == "synchronous_commit" {
			c.ConnConfig.RuntimeParams[name] = value
		}
	}
	return c, nil
}

func passwordIn(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if password, ok := u.User.Password(); ok {
		return password
	}
	return u.Query().Get("password")
}

// masked takes a password out of a text.
func masked(text, password string) string {
	if password == "" {
		return text
	}
	text = strings.ReplaceAll(text, password, "xxxxx")
	return strings.ReplaceAll(text, url.QueryEscape(password), "xxxxx")
}
