package access

import (
	"context"
	"errors"
	"os"

	"github.com/spf13/pflag"

	"zmicroservices/taskservice/bus"
	"zmicroservices/taskservice/keys"
	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/curve"
	zmtpplain "zmicroservices/taskservice/zmtp/plain"
	"zmicroservices/tools/internal/exit"
)

// Proof is by what we prove to a bus who we are, if it wants to know.
type Proof struct {
	curveKey string
	login    string
}

// Register adds the flags.
func (p *Proof) Register(f *pflag.FlagSet) {
	f.StringVar(&p.curveKey, "curve_key", "", "CURVE: file of our key pair, as keygen makes it (also $ZMS_CURVE)")
	f.StringVar(&p.login, "plain_login", "", "PLAIN: file with the one line USER:PASSWORD (also $ZMS_PLAIN)")
}

// Into reads the files that are named. A flag counts more than a variable.
func (p Proof) Into(o *bus.Options) (err error) {
	curveKey, login := p.curveKey, p.login
	if curveKey == "" && login == "" {
		curveKey, login = os.Getenv("ZMS_CURVE"), os.Getenv("ZMS_PLAIN")
	}
	switch {
	case curveKey != "" && login != "":
		return errors.New("--curve_key and --plain_login: a bus wants the one or the other")
	case curveKey != "":
		o.Curve, err = keys.LoadCredentials(curveKey)
	case login != "":
		o.Plain, err = keys.LoadLogin(login)
	}
	return err
}

// Unjoined tells who is not let in from a bus that is not there.
func Unjoined(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, curve.ErrDenied), errors.Is(err, zmtpplain.ErrDenied), errors.Is(err, curve.ErrBox):
		return exit.Failed("%w", err)
	case errors.Is(err, zmtp.ErrMechanism):
		return exit.Failed("%w (--curve_key and --plain_login say who we are)", err)
	}
	return absent(ctx, err)
}
