package conf

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// contextOf is the text of a Context file with the given task services.
func contextOf(services ...string) string {
	return `<?xml version="1.0" encoding="UTF-8"?>
<Context>
  <FrontEndEndpoint>tcp://127.0.0.1:5556</FrontEndEndpoint>
  <BackendEndpoint>tcp://127.0.0.1:5557</BackendEndpoint>
  <FrontBind>tcp://*:5557</FrontBind>
  <BackendBind>tcp://*:5556</BackendBind>
  <ContextID>context001</ContextID>
  <TaskLogName>Test</TaskLogName>
` + strings.Join(services, "") + "</Context>\n"
}

// taskOf is the text of a task service; configuration and ours are XML.
func taskOf(id, instance, configuration string, ours ...string) string {
	return fmt.Sprintf(`  <TaskService id="%s" topic="process" instance="%s" serviceType="Process">
    %s
    <Task>
      <description>a test</description>
      <message>
        <header><action>start</action><service_name>test_%[1]s</service_name></header>
        <content><configuration>%[4]s</configuration></content>
      </message>
      <state type="on_start">
        <on_fail><action>restart</action><call>%[1]s</call></on_fail>
      </state>
    </Task>
  </TaskService>
`, id, instance, strings.Join(ours, ""), configuration)
}

func load(t testing.TB, text string) *Context {
	t.Helper()
	c, err := check("own.xml", strings.NewReader(text), DefaultBounds())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asMeant compares what was meant, not where it was written.
var asMeant = cmp.Options{
	cmpopts.IgnoreTypes(Pos{}),
	cmpopts.IgnoreUnexported(Context{}, Task{}, Process{}),
	cmpopts.EquateEmpty(),
}

// tool finds a program that a test needs as its judge.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	packages := map[string]string{"xmllint": "libxml2-utils", "python3": "python3", "sh": "dash"}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: apt-get install %s", name, packages[name])
	}
	t.Skipf("%s is missing: apt-get install %s", name, packages[name])
	return ""
}
