package keys

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"zmicroservices/taskservice/zmtp/curve"
)

// The ends of the two files of a certificate's name.
const (
	PublicSuffix = ".key"
	SecretSuffix = ".key_secret"
)

// Certificate is a key pair, or its public half, and what is said of its owner.
type Certificate struct {
	Grant
	Public curve.Key
	Secret curve.Secret // zero in a public half
	Server curve.Key    // of a client's: the server's key; zero if it is not said
}

// New makes a certificate with a new pair.
func New(g Grant) (Certificate, error) {
	pair, err := curve.NewPair()
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{Grant: g, Public: pair.Public, Secret: pair.Secret}, nil
}

// Load reads either half. A file with a secret in it is refused if others than
// its owner may read it.
func Load(path string) (Certificate, error) {
	f, err := readFile(path)
	if err != nil {
		return Certificate{}, fmt.Errorf("load certificate: %w", err)
	}
	c, err := parse(f, path)
	if err != nil {
		return Certificate{}, fmt.Errorf("load certificate: %s: %w", path, err)
	}
	return c, nil
}

func parse(f file, path string) (Certificate, error) {
	values, err := parseZPL(f.text)
	if err != nil {
		return Certificate{}, err
	}
	var c Certificate
	name := values["metadata/name"]
	if name == "" {
		name = strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), SecretSuffix), PublicSuffix)
	}
	if c.Grant, err = parseGrant(name, values["metadata/role"], values["metadata/services"]); err != nil {
		return Certificate{}, fmt.Errorf("metadata: %w", err)
	}
	if c.Public, err = curve.ParseKey(values["curve/public-key"]); err != nil {
		return Certificate{}, fmt.Errorf("public-key: %w", err)
	}
	if c.Public.IsWeak() {
		return Certificate{}, errors.New("public-key: anybody can pass for its owner")
	}
	if text := values["metadata/server-key"]; text != "" {
		if c.Server, err = curve.ParseKey(text); err != nil {
			return Certificate{}, fmt.Errorf("server-key: %w", err)
		}
	}
	if text := values["curve/secret-key"]; text != "" {
		if err := f.private(); err != nil {
			return Certificate{}, err
		}
		if c.Secret, err = curve.ParseSecret(text); err != nil {
			return Certificate{}, fmt.Errorf("secret-key: %w", err)
		}
		// libzmq would shake hands with a wrong pair, and fail without a word.
		if public, err := c.Secret.Public(); err != nil || public != c.Public {
			return Certificate{}, errors.New("public-key and secret-key are no pair")
		}
	}
	return c, nil
}

// Pair is the key pair; an error says that only the public half is here.
func (c Certificate) Pair() (curve.Pair, error) {
	if c.Secret.IsZero() {
		return curve.Pair{}, fmt.Errorf("certificate of %s: no secret-key in it; is %s meant?", c.Name, c.Name+SecretSuffix)
	}
	return curve.Pair{Public: c.Public, Secret: c.Secret}, nil
}

// Credentials are what a client of a bus needs.
func (c Certificate) Credentials() (curve.Credentials, error) {
	pair, err := c.Pair()
	if err != nil {
		return curve.Credentials{}, err
	}
	if c.Server.IsZero() {
		return curve.Credentials{}, fmt.Errorf("certificate of %s: no server-key in its metadata", c.Name)
	}
	return curve.Credentials{Pair: pair, Server: c.Server}, nil
}

// LoadCredentials is Load and Credentials.
func LoadCredentials(path string) (*curve.Credentials, error) {
	c, err := Load(path)
	if err != nil {
		return nil, err
	}
	credentials, err := c.Credentials()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &credentials, nil
}

// CreatePublic writes the half to give away, 0644. A file that is there already
// is left alone: errors.Is(err, fs.ErrExist).
func (c Certificate) CreatePublic(path string) error {
	c.Secret = curve.Secret{}
	text, err := c.text()
	if err == nil {
		err = create(path, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	return nil
}

// CreateSecret writes the half to keep, 0600, as CreatePublic does.
func (c Certificate) CreateSecret(path string) error {
	_, err := c.Pair()
	if err != nil {
		return err
	}
	text, err := c.text()
	if err == nil {
		err = create(path, text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("write certificate: %w", err)
	}
	return nil
}

// text is the certificate as a file.
func (c Certificate) text() (string, error) {
	var b strings.Builder
	half, advice := "Public", "Give it to whoever shall know the owner of the key."
	if !c.Secret.IsZero() {
		half, advice = "Secret", "Keep it from everybody else: who reads it is its owner."
	}
	fmt.Fprintf(&b, "#   ZeroMQ CURVE %s Certificate\n#   %s\n\nmetadata\n", half, advice)
	values := [][2]string{{"name", c.Name}}
	if !c.Server.IsZero() || c.Role != Observe { // a server has no role
		values = append(values, [2]string{"role", c.Role.String()}, [2]string{"services", strings.Join(c.Services, " ")})
	}
	if !c.Server.IsZero() {
		values = append(values, [2]string{"server-key", c.Server.String()})
	}
	for _, v := range values {
		if strings.ContainsAny(v[1], "\r\n\"'") {
			return "", fmt.Errorf("%s %.64q: no line ends or quotes", v[0], v[1])
		}
		if v[1] != "" {
			appendZPL(&b, v[0], v[1])
		}
	}
	b.WriteString("curve\n")
	appendZPL(&b, "public-key", c.Public.String())
	if !c.Secret.IsZero() {
		appendZPL(&b, "secret-key", c.Secret.Text())
	}
	return b.String(), nil
}

// Text is the certificate as it stands in a file, for who keeps it otherwise than
// CreatePublic and CreateSecret do. An error names a value that no file can hold.
func (c Certificate) Text() (string, error) { return c.text() }
