// Package schema documents what the watchdog and its agents say to each other, for
// those who write an agent or a watchdog in another language: an AsyncAPI 3.0 document
// (asyncapi.json), a JSON Schema for each message (draft 7, directory json), and the
// same for people (messages.md).
//
// All of it is made from the types and comments of package hippodamia. What a schema
// requires is what Parse refuses to do without; a test asks it. After a change:
//
//	go generate ./taskservice/hippodamia/schema
//
// The tests hold the files against the types, the document against the schema of
// AsyncAPI, and every message against its schema.
package schema

import _ "embed"

//go:generate go test . -run TestTheFilesAreWhatTheTypesSay -update

// The documents.
var (
	//go:embed asyncapi.json
	AsyncAPI []byte
	//go:embed messages.md
	Messages []byte
)
