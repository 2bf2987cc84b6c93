package hippodamia

import (
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// The value is a promise to every database there is.
func TestTheGIDOfAnIdentityNeverChanges(t *testing.T) {
	r := OnboardingRequest{Type: "modbus", Name: "pump", Host: "edge7", ConfigID: "context001/ts001"}
	const want = "8398cfb3-33c6-5ecf-9404-a962fe1250d8"
	if got := GID(r); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	again := r
	again.UUID, again.PID, again.Version, again.GID = "u", 7, "2", "g"
	if GID(again) != want {
		t.Error("a start more is another microservice")
	}
}

func TestDifferentIdentitiesHaveDifferentGIDs(t *testing.T) {
	part := rapid.StringMatching(`[a1:,/]{0,4}`)
	rapid.Check(t, func(t *rapid.T) {
		draw := func() OnboardingRequest {
			return OnboardingRequest{Type: part.Draw(t, "type"), Name: part.Draw(t, "name"), Host: part.Draw(t, "host"), ConfigID: part.Draw(t, "config_id")}
		}
		a, b := draw(), draw()
		if (a == b) != (GID(a) == GID(b)) {
			t.Errorf("%+v and %+v: %s, %s", a, b, GID(a), GID(b))
		}
		if u, err := uuid.Parse(GID(a)); err != nil || u.Version() != 5 {
			t.Errorf("%s: %v", u, err)
		}
	})
}
