package conf_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"zmicroservices/conf"
)

func Example() {
	own, err := conf.Load("testdata/good/trio.xml")
	if err != nil {
		fmt.Println(err) // one mistake a line
		return
	}
	message := `{"TaskService": [{"id": "ts001"}, {"id": "ts009", "instance": "sh", "Process": {"command": "id"}}]}`
	d := json.NewDecoder(strings.NewReader(message))
	d.UseNumber()
	var configuration map[string]any
	if err := d.Decode(&configuration); err != nil {
		fmt.Println(err)
		return
	}
	asked, err := conf.FromMessage(configuration)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, t := range asked.Tasks {
		task, err := conf.Admit(own, t, conf.Allowance{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(task.ID, task.ServiceName, task.Announce(), task.Transitions[0].Action)
	}
	// Output:
	// ts001 echo_action self restart
	// task ts009: a message may not bring a <Process>, <limit> or <expect> of its own; put it into testdata/good/trio.xml, which is read when the provider begins, or start the provider with --allow_commands
}

func ExampleParse() {
	_, err := conf.Parse("demo.xml", strings.NewReader("<Context>\n  <transitions windw=\"10\"/>\n  </TaskService>\n</Context>"))
	fmt.Println(err)
	// Output:
	// demo.xml:3:3: </TaskService> closes nothing: the element open here is <Context>, opened at 1:1; remove the tag or open <TaskService> before it
}
