package mqtt

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// PasswordVariable is the environment variable of the password, where there is no file.
const PasswordVariable = "ZMS_MQTT_PASSWORD"

// Broker is where the broker is, and who we are to it. It holds no secret, but names the
// files of them.
type Broker struct {
	URL          string // mqtt://host[:1883] or mqtts://host[:8883]
	User         string
	PasswordFile string        // its first line; without it $ZMS_MQTT_PASSWORD, if there is a User
	CA           string        // PEM file of who may have signed the broker's certificate; "" is the system's
	Cert, Key    string        // PEM files of ours, if the broker wants one
	QoS          int           // 0, 1 or 2, of what we send and subscribe to
	ClientID     string        // "" is a new one each time, for which the broker keeps nothing while we are away
	KeepAlive    time.Duration // the longest silence; 0 is DefaultKeepAlive
}

// What a Broker has unless something else is said.
const (
	DefaultQoS       = 1
	DefaultKeepAlive = 30 * time.Second
)

// dialTime bounds a connection attempt: TCP, TLS and MQTT.
const dialTime = 10 * time.Second

// address is what URL says.
type address struct {
	host   string // as the certificate has it
	dial   string // host:port
	secure bool
}

func (b Broker) address() (address, error) {
	// A URL that does not parse may be one with a password in it: the error must not show it.
	u, err := url.Parse(b.URL)
	switch {
	case err != nil || u.Host == "":
		return address{}, errors.New("broker: wanted is mqtt://host[:port] or mqtts://host[:port]")
	case u.User != nil:
		return address{}, errors.New("broker: user and password do not belong into the URL, which ps and logs show: use mqtt_user and mqtt_password_file")
	case u.Scheme != "mqtt" && u.Scheme != "mqtts":
		return address{}, fmt.Errorf("broker %s: %s is neither mqtt nor mqtts", b.URL, u.Scheme)
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return address{}, fmt.Errorf("broker %s: nothing follows the port", b.URL)
	case u.Hostname() == "":
		return address{}, fmt.Errorf("broker %s: the host is missing", b.URL)
	}
	a := address{host: u.Hostname(), secure: u.Scheme == "mqtts"}
	port := u.Port()
	switch {
	case port == "" && a.secure:
		port = "8883"
	case port == "":
		port = "1883"
	}
	a.dial = net.JoinHostPort(a.host, port)
	return a, nil
}

// Address is where URL leads, as host:port.
func (b Broker) Address() (string, error) {
	a, err := b.address()
	return a.dial, err
}

// validate also reads the files, so that a wrong one is known before there is a broker.
func (b Broker) validate() error {
	a, err := b.address()
	if err != nil {
		return err
	}
	switch {
	case b.QoS < 0 || b.QoS > 2:
		return fmt.Errorf("mqtt_qos %d: it is 0, 1 or 2", b.QoS)
	case b.KeepAlive < 0 || b.KeepAlive > 0 && b.KeepAlive < time.Second || b.KeepAlive > 65535*time.Second:
		return fmt.Errorf("mqtt_keepalive %v: it is 1 s to 65,535 s", b.KeepAlive)
	case len(b.ClientID) > 65535 || strings.ContainsRune(b.ClientID, 0):
		return errors.New("mqtt_client_id is too long, or has a NUL in it")
	case b.PasswordFile != "" && b.User == "":
		return errors.New("mqtt_password_file without mqtt_user: MQTT has no password without a user")
	case (b.Cert == "") != (b.Key == ""):
		return errors.New("mqtt_cert and mqtt_key belong together")
	case !a.secure && (b.CA != "" || b.Cert != ""):
		return fmt.Errorf("mqtt_ca, mqtt_cert and mqtt_key are for mqtts://, not for %s", b.URL)
	}
	if _, err := b.password(); err != nil {
		return err
	}
	if a.secure {
		if _, err := b.tls(a); err != nil {
			return err
		}
	}
	return nil
}

// password reads it. A file that others can read is refused, as ssh does with keys.
func (b Broker) password() (string, error) {
	if b.User == "" {
		return "", nil
	}
	if b.PasswordFile == "" {
		return os.Getenv(PasswordVariable), nil
	}
	f, err := os.Open(b.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("read password: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return "", fmt.Errorf("read password: %w", err)
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("read password: %s is no regular file", b.PasswordFile)
	case info.Mode().Perm()&0o007 != 0:
		return "", fmt.Errorf("read password: %s is open to everybody (mode %04o): chmod o-rwx", b.PasswordFile, info.Mode().Perm())
	case info.Size() > 65536:
		return "", fmt.Errorf("read password: %s has %d bytes, MQTT takes 65,535", b.PasswordFile, info.Size())
	}
	text := make([]byte, info.Size())
	n, err := f.Read(text)
	if err != nil && n == 0 {
		return "", fmt.Errorf("read password: %s is empty", b.PasswordFile)
	}
	line, _, _ := strings.Cut(string(text[:n]), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" {
		return "", fmt.Errorf("read password: the first line of %s is empty", b.PasswordFile)
	}
	return line, nil
}

func (b Broker) tls(a address) (*tls.Config, error) {
	c := &tls.Config{ServerName: a.host, MinVersion: tls.VersionTLS12}
	if b.CA != "" {
		pem, err := os.ReadFile(b.CA)
		if err != nil {
			return nil, fmt.Errorf("read mqtt_ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read mqtt_ca: there is no certificate in %s", b.CA)
		}
	}
	if b.Cert != "" {
		pair, err := tls.LoadX509KeyPair(b.Cert, b.Key)
		if err != nil {
			return nil, fmt.Errorf("read mqtt_cert and mqtt_key: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// dial opens a connection, secured if it is to be, from which no payload of more than
// max+1 bytes comes.
func (b Broker) dial(ctx context.Context, max int) (net.Conn, error) {
	a, err := b.address()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", a.dial)
	if err != nil {
		return nil, err
	}
	if !a.secure {
		return clip(conn, max), nil
	}
	c, err := b.tls(a)
	if err != nil {
		conn.Close()
		return nil, err
	}
	secured := tls.Client(conn, c)
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return clip(alerted{secured}, max), nil
}

// alerted is a secured connection whose writer is told why the broker has hung up. In TLS
// 1.3 the broker judges our certificate after our handshake is over; a write then fails
// for a reset, and the alert that says why waits to be read.
type alerted struct{ *tls.Conn }

func (a alerted) Write(p []byte) (int, error) {
	n, err := a.Conn.Write(p)
	if err != nil && a.SetReadDeadline(time.Now().Add(time.Second)) == nil {
		if _, why := a.Read(make([]byte, 1)); isAlert(why) {
			return n, why
		}
	}
	return n, err
}

// open says whether a password would travel for everybody to read.
func (b Broker) open() bool {
	a, err := b.address()
	if err != nil || a.secure || b.User == "" || a.host == "localhost" {
		return false
	}
	ip := net.ParseIP(a.host)
	return ip == nil || !ip.IsLoopback()
}
