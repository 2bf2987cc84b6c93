package access

import (
	"context"
	"errors"
	"fmt"
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

// named is which file that is. A flag counts more than a variable.
func (p Proof) named() (curveKey, login string) {
	if p.curveKey == "" && p.login == "" {
		return os.Getenv("ZMS_CURVE"), os.Getenv("ZMS_PLAIN")
	}
	return p.curveKey, p.login
}

// Into reads the files that are named.
func (p Proof) Into(o *bus.Options) (err error) {
	curveKey, login := p.named()
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

// Unheard is why a question of ours may have no answer, if our key's file says that it
// only listens; else "". What counts is the server's copy, so it is told when nobody has
// answered, and nothing is refused for it.
func (p Proof) Unheard() string {
	curveKey, _ := p.named()
	if curveKey == "" {
		return ""
	}
	c, err := keys.Load(curveKey)
	if err != nil || c.Role != keys.Observe {
		return ""
	}
	return fmt.Sprintf("; the key %q has the role %s, and what such say is heard by nobody", c.Name, c.Role)
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
