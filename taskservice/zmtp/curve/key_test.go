package curve_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"zmicroservices/taskservice/zmtp/curve"
)

// The test vectors of zmq_curve(7), which all of ZeroMQ's languages share.
func TestKeysAsOfTheManual(t *testing.T) {
	for secret, public := range map[string]string{
		"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
		"JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6": "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
	} {
		s, err := curve.ParseSecret(secret)
		if err != nil {
			t.Fatal(err)
		}
		k, err := s.Public()
		if err != nil || k.String() != public || s.Text() != secret {
			t.Errorf("%s has the public key %s, want %s, %v", secret, k, public, err)
		}
	}
}

func TestASecretIsNotShown(t *testing.T) {
	p := pair(t)
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "pair", p, "secret", p.Secret, "pointer", &p.Secret)
	shown := logged.String() + fmt.Sprintf("%v %+v %#v %x %s %d %q", p, p, p, p.Secret, p.Secret, p, p)
	for _, form := range []string{p.Secret.Text(), fmt.Sprintf("%x", p.Secret[:4]), fmt.Sprintf("%d", p.Secret[:4])[1:12]} {
		if strings.Contains(shown, form) {
			t.Errorf("%s is in %s", form, shown)
		}
	}
}

func TestWhatIsNoKey(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "0 characters",
		strings.Repeat("0", 39):       "39 characters",
		strings.Repeat("0", 39) + "~": "character 40 is none of Z85",
		strings.Repeat("#", 40):       "characters 1 to 5 are no number of 32 bits",
	} {
		if _, err := curve.ParseKey(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
