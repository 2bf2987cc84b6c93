package rest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

const anID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"

func TestACallIsReadToTheLetter(t *testing.T) {
	for _, body := range []string{
		`{"uuid":"` + anID + `"}`,
		` { "ip" : "10.0.0.7:8090", "uuid" : "` + anID + `" } `,
		`{"uuid":"` + strings.ToUpper(anID) + `","ip":"fd00::7"}`,
	} {
		if c, err := decodeCall([]byte(body)); err != nil || c.UUID.String() != anID {
			t.Errorf("%s: %+v %v", body, c, err)
		}
	}
	for body, want := range map[string]string{
		``: "no JSON object", `null`: "no JSON object", `[]`: "no JSON object", `"x"`: "no JSON object", `{`: "too early", `{"uuid"`: "field uuid is no JSON",
		`{}`: "uuid is missing", `{"uuid":5}`: "uuid is no text", `{"uuid":null}`: "uuid is no text", `{"uuid":"x"}`: "is none",
		`{"uuid":["` + anID + `"]}`:                 "uuid is no text",
		`{"UUID":"` + anID + `"}`:                   `"UUID" is unknown`,
		`{"uuid":"` + anID + `","port":1}`:          `"port" is unknown`,
		`{"uuid":"` + anID + `","uuid":"x"}`:        "comes twice",
		`{"uuid":"` + anID + `"} {}`:                "more behind",
		`{"uuid":"` + anID + `"}x`:                  "more behind",
		`{"uuid":"` + anID + `",}`:                  "no JSON",
		`{"uuid":"` + anID + `","ip":null}`:         "ip is no text",
		`{"uuid":"` + anID + `","ip":""}`:           "empty",
		`{"uuid":"` + anID + `","ip":"0.0.0.0"}`:    "nobody can be called",
		`{"uuid":"` + anID + `","ip":"a/b"}`:        "neither an IP",
		`{"uuid":"` + anID + `","ip":"10.0.0.7:0"}`: "no number from 1",
	} {
		if c, err := decodeCall([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v %v, want %q", body, c, err, want)
		}
	}
}

func TestAnAnswerOfAnyMakeIsReadAsFarAsItGoes(t *testing.T) {
	for _, body := range []string{``, `ok`, `null`, `[]`, `{"status":"ok"}`, `{"uuid":7,"ip":{},"consumers":"none"}`} {
		if a := decodeAnswer([]byte(body), 10); a.UUID != uuid.Nil || a.IP != "" || a.Consumers != nil {
			t.Errorf("%s: %+v", body, a)
		}
	}
	a := decodeAnswer([]byte(`{"uuid":"`+anID+`","ip":"10.0.0.1:80","more":1,"consumers":[
		{"uuid":"`+anID+`","ip":"10.0.0.2","last_seen":"2026-03-01T12:00:00Z","name":"x"},
		{"uuid":"`+anID+`","ip":"10.0.0.3","last_seen":1772366400.5},
		{"uuid":"x","ip":"10.0.0.4","last_seen":1}, {"uuid":"`+anID+`","ip":"::","last_seen":1}, {"uuid":"`+anID+`","ip":"10.0.0.5"}, {},
		{"uuid":"`+anID+`","ip":"10.0.0.6","last_seen":"2026-03-01T12:00:00"}]}`), 10)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if a.UUID.String() != anID || a.IP != "10.0.0.1" || len(a.Consumers) != 3 {
		t.Fatalf("%+v", a)
	}
	if c := a.Consumers; !c[0].LastSeen.Equal(at) || !c[1].LastSeen.Equal(at.Add(time.Second/2)) || !c[2].LastSeen.Equal(at) {
		t.Errorf("%+v", c)
	}
	if a := decodeAnswer([]byte(`{"consumers":[`+strings.Repeat(`{"uuid":"`+anID+`","ip":"10.0.0.3","last_seen":1},`, 99)+`{}]}`), 10); len(a.Consumers) != 10 {
		t.Errorf("%d consumers of 10 at most", len(a.Consumers))
	}
}

func FuzzDecodeCall(f *testing.F) {
	f.Add([]byte(`{"uuid":"` + anID + `","ip":"10.0.0.7:8090"}`))
	f.Add([]byte(`{"uuid":"` + anID + `","uuid":{"a":[1,2]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if c, err := decodeCall(body); err == nil && c.UUID == uuid.Nil {
			t.Errorf("%q is a call of nobody", body)
		}
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add([]byte(`{"uuid":"` + anID + `","ip":"10.0.0.7:8090","consumers":[{"uuid":"` + anID + `","ip":"10.0.0.3","last_seen":1}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, c := range decodeAnswer(body, 5).Consumers {
			if c.UUID == uuid.Nil || c.IP == "" {
				t.Errorf("%q has %+v", body, c)
			}
		}
	})
}
