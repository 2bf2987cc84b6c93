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

// What points of small order share with a secret is known to everybody.
func TestAWeakKeyIsSeen(t *testing.T) {
	// https://cr.yp.to/ecdh.html#validate
	for _, weak := range []curve.Key{{}, {1}, {
		0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
		0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0,
	}} {
		if !weak.IsWeak() {
			t.Errorf("%x passes for a key", weak)
		}
	}
	if p := pair(t); p.Public.IsWeak() {
		t.Errorf("%s is said to be weak", p.Public)
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
