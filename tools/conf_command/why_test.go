package main

import "testing"

func TestWhy(t *testing.T) {
	file := localFile(t)
	p := startLocal(t, file)
	program(t, "why", file, "ts001").expect(t, 1, "", "error: nothing is known of ts001: no transaction in the journal has it\n")
	p.remember()

	r := program(t, "why", file, "ts001")
	r.expect(t, 0, "", "")
	golden(t, "why.table", r.out)

	r = program(t, "why", file, "ts001", "--transaction", testTransaction, "-o", "json")
	r.expect(t, 0, "", "")
	golden(t, "why.json", r.out)

	program(t, "why", file, "ts001", "--transaction", "T2").expect(t, 1, "", "error: nothing is known of ts001 in transaction T2\n")
	program(t, "why", file, "ts003", "-o", "json").expect(t, 1, "", "nothing is known of ts003")
	program(t, "why", file, "ts9").expect(t, 2, "", `there is no task "ts9"`)
	if frames := p.published(); len(frames) > 0 {
		t.Errorf("a question left a trace on the bus: %q", frames)
	}
}

func TestWhyIsAskedOfOneTaskService(t *testing.T) {
	for _, ids := range [][]string{nil, {"all"}, {"ts001", "ts002"}} {
		program(t, append([]string{"why", localFile(t)}, ids...)...).expect(t, 2, "", "error: why tells of one task service")
	}
}

func TestWhyAndHistoryInColour(t *testing.T) {
	file := localFile(t)
	startLocal(t, file).remember()
	for _, args := range [][]string{{"why", file, "ts001"}, {"history", file}} {
		var out, err shared
		w := testWorld(&out, &err)
		w.colour = true
		if code := run(t.Context(), args, w); code != 0 {
			t.Fatal(err.String())
		}
		golden(t, args[0]+".colour", out.String())
	}
}

func TestHelpHasExamples(t *testing.T) {
	for _, verb := range []string{"why", "history", "logs", "bus", "record"} {
		r := program(t, verb, "--help")
		r.expect(t, 0, "conf_command "+verb+" conf/Context-EchoAction.xml", "")
		golden(t, verb+".help", r.out)
	}
}
