package rest

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
)

// ErrBeyond is given for an API that everybody could use.
var ErrBeyond = errors.New("it is beyond loopback, and nothing authenticates who calls: " +
	"give a secret (secret_file) or certificates (cert, key, ca), or allow it with plain_http")

// Beyond says whether an address to listen at can be reached from other hosts.
func Beyond(address string) (bool, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false, fmt.Errorf("listen %q: wanted is HOST:PORT", address)
	}
	if host == "localhost" {
		return false, nil
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.Unmap().IsLoopback(), nil
}

// LoadSecret reads a shared secret from a file, without the line's end.
func LoadSecret(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return "", fmt.Errorf("read secret: %s is empty", path)
	}
	if strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r > '~' }) || len(secret) > 1024 {
		return "", fmt.Errorf("read secret: %s has more in it than one line of printable characters", path)
	}
	return secret, nil
}

// LoadTLS reads a certificate, its key and the authority of all peers. The same
// configuration serves both directions: each shows its certificate, each wants one of the
// authority's.
func LoadTLS(cert, key, ca string) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("load certificate: %w", err)
	}
	text, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("load authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("load authority: there is no certificate in %s", ca)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		Certificates: []tls.Certificate{pair},
		ClientCAs:    pool,
		ClientAuth:   tls.RequireAndVerifyClientCert,
		// doc.go: no certificate could name an address that changes. That it is of the
		// authority is verified all the same, below.
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			return verify(s, pool)
		},
	}, nil
}

// verify checks the certificate of the other side, whichever it is, up to the authority.
func verify(s tls.ConnectionState, pool *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("peer shows no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range s.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: pool, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err
}

// knows says whether a request has the secret. What is compared is of one length, so that
// the time it takes tells nothing.
func knows(r *http.Request, secret string) bool {
	scheme, said, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(said))), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}
