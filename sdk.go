// Package zmicroservices carries the sources of the SDK, package taskservice,
// for create_service: what it generates must build where the binary is installed
// and this checkout is not. It has no other purpose, and no other user.
//
// # Why here
//
// An embed directive reaches only what lies below its own package. In package
// taskservice it would put the sources into every task service.
package zmicroservices

import "embed"

// Sources has go.mod, go.sum, LICENSE and the tree of taskservice, tests
// included: an embed directive cannot leave them out, who writes the tree does.
//
//go:embed go.mod go.sum LICENSE taskservice
var Sources embed.FS
