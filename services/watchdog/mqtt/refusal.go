package mqtt

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/eclipse/paho.mqtt.golang/packets"
)

// ErrRefused says that there is a broker, but that we and it do not accept each other:
// user, password, certificate, client id or access. Another attempt may only succeed
// when something has been changed.
var ErrRefused = errors.New("broker refused")

// refusal is a reason that is ErrRefused.
type refusal struct{ reason error }

func (r refusal) Error() string        { return ErrRefused.Error() + ": " + r.reason.Error() }
func (r refusal) Unwrap() error        { return r.reason }
func (r refusal) Is(target error) bool { return target == ErrRefused }

// judge tells a refusal from an absence.
func judge(err error) error {
	var certificate *tls.CertificateVerificationError
	var path *os.PathError
	switch {
	case errors.Is(err, packets.ErrorRefusedBadUsernameOrPassword), errors.Is(err, packets.ErrorRefusedNotAuthorised),
		errors.Is(err, packets.ErrorRefusedIDRejected), errors.Is(err, packets.ErrorRefusedBadProtocolVersion),
		errors.As(err, &certificate), errors.As(err, &path),
		isAlert(err):
		return refusal{plain{err}}
	}
	return plain{err}
}

// isAlert says whether the other end of a TLS connection told why it left, as crypto/tls
// has it.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// plain is an error without paho's own words in front.
type plain struct{ err error }

func (p plain) Error() string {
	return strings.TrimPrefix(p.err.Error(), packets.ErrorNetworkError.Error()+" : ")
}
func (p plain) Unwrap() error { return p.err }
