package hippodamia

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Namespace is where gids come from (RFC 9562, 5.5); it is itself the UUID v5 of
// "hippodamia" in the namespace of nothing, and never changes.
var Namespace = uuid.NewSHA1(uuid.Nil, []byte("hippodamia"))

// GID is the gid of whoever sends this request: the UUID v5 of type, name, host and
// config_id. Nothing has to be remembered for it, so a microservice has the same one
// after every onboarding, by every watchdog, with or without its database. A process,
// a version or a start more are the same microservice; another host or configuration
// is another one.
//
// The four are joined as netstrings ("6:modbus,4:pump,"), so that no two identities
// give the same text.
func GID(r OnboardingRequest) string {
	var name strings.Builder
	for _, part := range []string{r.Type, r.Name, r.Host, r.ConfigID} {
		name.WriteString(strconv.Itoa(len(part)))
		name.WriteByte(':')
		name.WriteString(part)
		name.WriteByte(',')
	}
	return uuid.NewSHA1(Namespace, []byte(name.String())).String()
}
