// Package crashpoint lets a test kill this process at a named point of its work:
// between what was decided and what was written, between what was sent and what was
// acknowledged. Without the build tag `crashpoint` there is nothing of it: Here is
// empty and inlined. With the tag it is SIGKILL at the nth passing of the point that
// the environment names:
//
//	go build -tags crashpoint ./tools/service_context
//	ZMS_CRASHPOINT='spawn sent:17' service_context --start Context.xml
//
// The points: `spawn asked`, `spawn sent`, `stop asked`, `stop sent`, `journal written`,
// `journal committed`, `events acknowledged`, `provider ready`, `keeper resumed`. It
// never does anything but end the process.
package crashpoint
