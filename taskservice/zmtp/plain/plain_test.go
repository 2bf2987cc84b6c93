package plain_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"zmicroservices/taskservice/zmtp"
	"zmicroservices/taskservice/zmtp/plain"
)

var kermit = plain.Credentials{User: "kermit", Password: "green"}

func check(user, password string) error {
	if user != kermit.User || password != kermit.Password {
		return errors.New("no")
	}
	return nil
}

func socketType(s string) zmtp.Metadata {
	return zmtp.Metadata{{Name: zmtp.SocketTypeProperty, Value: []byte(s)}}
}

// halves runs both halves against each other until one is done or fails.
func halves(t *testing.T, c plain.Credentials, o plain.ServerOptions) (server *plain.Server, clientErr, serverErr error) {
	t.Helper()
	server = plain.NewServer(o)
	client, err := plain.NewClient(c, socketType("SUB"))
	if err != nil {
		t.Fatal(err)
	}
	serverDone, clientDone := false, false
	for frame, toServer := client.Open(), true; len(frame) > 0; toServer = !toServer {
		_, body, _, err := zmtp.SplitFrame(frame)
		if err != nil {
			t.Fatal(err)
		}
		name, data, err := zmtp.ParseCommand(body)
		if err != nil {
			t.Fatal(err)
		}
		if toServer {
			frame, _, serverDone, serverErr = server.Receive(name, data)
		} else {
			frame, _, clientDone, clientErr = client.Receive(name, data)
		}
	}
	if (clientErr == nil) != clientDone || (serverErr == nil) != serverDone {
		t.Errorf("client done %v, %v; server done %v, %v", clientDone, clientErr, serverDone, serverErr)
	}
	return server, clientErr, serverErr
}

func TestThePasswordLetsIn(t *testing.T) {
	server, err1, err2 := halves(t, kermit, plain.ServerOptions{Check: check, Metadata: socketType("PUB")})
	if err1 != nil || err2 != nil || server.Key() != "kermit" {
		t.Errorf("user %q, %v, %v", server.Key(), err1, err2)
	}
}

func TestNothingElseLetsIn(t *testing.T) {
	for name, row := range map[string]struct {
		c plain.Credentials
		o plain.ServerOptions
	}{
		"another password": {plain.Credentials{User: "kermit", Password: "Green"}, plain.ServerOptions{Check: check}},
		"another user":     {plain.Credentials{User: "piggy", Password: "green"}, plain.ServerOptions{Check: check}},
		"nobody":           {plain.Credentials{}, plain.ServerOptions{Check: check}},
		"no check":         {kermit, plain.ServerOptions{}},
	} {
		server, err1, err2 := halves(t, row.c, row.o)
		if !errors.Is(err1, plain.ErrDenied) || !errors.Is(err2, plain.ErrDenied) || server.Key() != "" {
			t.Errorf("%s: user %q, %v, %v", name, server.Key(), err1, err2)
		}
	}
}

func TestAServerTakesCommandsInTheirOrderOnly(t *testing.T) {
	hello := "\x06kermit\x05green"
	for name, commands := range map[string][][2]string{
		"no HELLO":         {{"INITIATE", ""}},
		"HELLO twice":      {{"HELLO", hello}, {"HELLO", hello}},
		"torn":             {{"HELLO", hello[:9]}},
		"nothing in it":    {{"HELLO", ""}},
		"too much":         {{"HELLO", hello + "x"}},
		"torn metadata":    {{"HELLO", hello}, {"INITIATE", "\x01"}},
		"after a failure":  {{"HELLO", "\x01x\x01x"}, {"HELLO", hello}},
		"ready by itself":  {{"READY", ""}},
		"gives up":         {{"HELLO", hello}, {"ERROR", "\x03bye"}},
		"gives up, torn":   {{"ERROR", "\x09bye"}},
		"after its INIT..": {{"HELLO", hello}, {"INITIATE", ""}, {"INITIATE", ""}},
	} {
		server := plain.NewServer(plain.ServerOptions{Check: check})
		var err error
		for _, c := range commands {
			_, _, _, err = server.Receive([]byte(c[0]), []byte(c[1]))
		}
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestAPasswordIsNotShown(t *testing.T) {
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("made", "as", kermit)
	if shown := logged.String() + fmt.Sprintf("%v %+v %#v %s", kermit, kermit, kermit, kermit); strings.Contains(shown, "green") {
		t.Error(shown)
	}
	if _, err := plain.NewClient(plain.Credentials{User: strings.Repeat("x", 256)}, nil); err == nil {
		t.Error("a user of 256 bytes")
	}
}

func FuzzServer(f *testing.F) {
	f.Add([]byte("HELLO"), []byte("\x06kermit\x05green"))
	f.Add([]byte("INITIATE"), []byte{})
	f.Fuzz(func(t *testing.T, name, data []byte) {
		server := plain.NewServer(plain.ServerOptions{})
		if _, _, done, err := server.Receive(name, data); done || err == nil {
			t.Fatal("let in")
		}
	})
}
