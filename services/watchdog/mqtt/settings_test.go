package mqtt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/taskservice"
)

func TestSettingsAreReadFromTheConfiguration(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("sesame\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := FromConfig(taskservice.Config{Values: map[string]any{
		"device_action": "watchdog", "mqtt": "mqtt://broker", "mqtt_user": "dog", "mqtt_password_file": secret, "mqtt_qos": "2", "mqtt_keepalive": "90",
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(&Broker{URL: "mqtt://broker", User: "dog", PasswordFile: secret, QoS: 2, KeepAlive: 90 * time.Second}, b); d != "" {
		t.Error(d)
	}
	if password, err := b.password(); err != nil || password != "sesame" {
		t.Error(password, err)
	}
	if b, err := FromConfig(taskservice.Config{Values: map[string]any{"database": "x"}}); err != nil || b != nil {
		t.Error(b, err)
	}
}

func TestAWrongSettingIsNamed(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for values, want := range map[string]string{
		"mqtt=http://x":                                       "http is neither mqtt nor mqtts",
		"mqtt=broker":                                         "wanted is mqtt://host",
		"mqtt=mqtt://x:port":                                  "wanted is mqtt://host",
		"mqtt=mqtt://:1883":                                   "the host is missing",
		"mqtt=mqtt://x/topic":                                 "nothing follows the port",
		"mqtt=mqtt://u:sesame@x":                              "use mqtt_user and mqtt_password_file",
		"mqtt=mqtt://u:ses%ame@x":                             "wanted is mqtt://host",
		"mqtt=mqtt://x mqtt_qos=3":                            "mqtt_qos 3: it is 0, 1 or 2",
		"mqtt=mqtt://x mqtt_qos=high":                         `mqtt_qos "high": it is 0, 1 or 2`,
		"mqtt=mqtt://x mqtt_keepalive=soon":                   `mqtt_keepalive "soon": it is a time`,
		"mqtt=mqtt://x mqtt_keepalive=20h":                    "mqtt_keepalive 20h0m0s",
		"mqtt=mqtt://x mqtt_usr=y":                            "mqtt_usr is none of mqtt, mqtt_user",
		"mqtt_user=y":                                         "mqtt_user without mqtt",
		"mqtt=mqtt://x mqtt_ca=y":                             "are for mqtts://",
		"mqtt=mqtts://x mqtt_cert=y":                          "mqtt_cert and mqtt_key belong together",
		"mqtt=mqtts://x mqtt_ca=" + dir + "/none":             "read mqtt_ca",
		"mqtt=mqtts://x mqtt_ca=" + file("ca", "x", 0o600):    "there is no certificate",
		"mqtt=mqtt://x mqtt_password_file=/x":                 "without mqtt_user",
		"mqtt=mqtt://x mqtt_user=y mqtt_password_file=/x/y":   "no such file",
		"mqtt=mqtt://x mqtt_user=y mqtt_password_file=" + dir: "no regular file",
		"mqtt=mqtt://x mqtt_user=y mqtt_password_file=" + file("open", "sesame", 0o604):      "is open to everybody (mode 0604)",
		"mqtt=mqtt://x mqtt_user=y mqtt_password_file=" + file("blank", "\nsesame", 0o600):   "is empty",
		"mqtt=mqtt://x mqtt_user=y mqtt_password_file=" + file("nothing", "", 0o600):         "is empty",
		"mqtt=mqtts://x mqtt_key=" + file("k", "sesame", 0o600) + " mqtt_cert=" + dir + "/k": "read mqtt_cert and mqtt_key",
	} {
		given := map[string]string{}
		for _, pair := range strings.Fields(values) {
			name, value, _ := strings.Cut(pair, "=")
			given[name] = value
		}
		_, err := ParseSettings(given)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ses") {
			t.Errorf("%s: %v", values, err)
		}
	}
	for _, c := range []taskservice.Config{
		{Values: map[string]any{"mqtt": []any{"mqtt://a", "mqtt://b"}}},
		{Values: map[string]any{"mqtt": "x"}},
	} {
		if _, err := FromConfig(c); err == nil {
			t.Error(err)
		}
	}
}

func TestThePasswordMayComeByTheEnvironment(t *testing.T) {
	t.Setenv(PasswordVariable, "sesame")
	b, err := ParseSettings(map[string]string{"mqtt": "mqtt://x", "mqtt_user": "dog"})
	if err != nil {
		t.Fatal(err)
	}
	if password, err := b.password(); err != nil || password != "sesame" {
		t.Error(password, err)
	}
	if password, err := (Broker{URL: "mqtt://x"}).password(); err != nil || password != "" {
		t.Error("a password without a user")
	}
}

func TestAPasswordInTheClearIsKnown(t *testing.T) {
	for url, want := range map[string]bool{
		"mqtt://127.0.0.1": false, "mqtt://localhost": false, "mqtt://[::1]:1883": false, "mqtts://broker": false,
		"mqtt://broker": true, "mqtt://192.0.2.1": true,
	} {
		if got := (Broker{URL: url, User: "dog"}).open(); got != want {
			t.Errorf("%s: %v", url, got)
		}
	}
}
