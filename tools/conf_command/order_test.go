package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
)

const trio = "testdata/Context-Trio.xml"

func trioFile(t *testing.T) *conf.Context {
	t.Helper()
	file, err := conf.Load(trio)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// originalFrame is the message that the options of the original make, without
// the one thing that we add: header.request_id.
func originalFrame(t *testing.T, o original) []byte {
	t.Helper()
	return frameOf(t, o, "")
}

func frameOf(t *testing.T, o original, requestID string) []byte {
	t.Helper()
	o.given, o.output = true, "table"
	if o.topic == "" {
		o.topic = message.TopicProcess
	}
	if o.serviceID == "" {
		o.serviceID = none
	}
	if err := o.validate(); err != nil {
		t.Fatal(err)
	}
	var file *conf.Context
	if o.contextFile != "" {
		file = trioFile(t)
	}
	ord, err := o.order(file)
	if err != nil {
		t.Fatal(err)
	}
	h := ord.header
	h.Transaction, h.RequestID = testTransaction, requestID
	frame, err := ord.frame(h)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// The frames were recorded from the bus of the original.
func TestFramesAreThoseOfTheOriginal(t *testing.T) {
	file := func(o original) original {
		o.contextFile, o.useFile, o.serviceName = trio, true, "context"
		return o
	}
	tests := map[string]original{
		"start-all.frame":     file(original{action: "start", taskID: "all"}),
		"exit-all.frame":      file(original{action: "exit", taskID: "all"}),
		"restart-one.frame":   file(original{action: "restart", taskID: "ts001"}),
		"stop-one.frame":      file(original{action: "stop", taskID: "ts001"}),
		"state-request.frame": {options: options{endpoint: "tcp://127.0.0.1:1"}, action: "request", serviceName: "state"},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join("testdata/frames", name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(originalFrame(t, o))); diff != "" {
				t.Errorf("not the recorded frame (-recorded +ours):\n%s", diff)
			}
		})
	}
}

// What the recordings have not, in words.
func TestOrdersSayWhatTheirOptionsMean(t *testing.T) {
	ids := func(configuration map[string]any) []string {
		var ids []string
		list, _ := configuration["TaskService"].([]any)
		for _, v := range list {
			ids = append(ids, word(v.(map[string]any)["id"]))
		}
		return ids
	}
	all := []string{"ts001", "ts002", "ts003"}
	endpoint := options{endpoint: "tcp://127.0.0.1:1"}
	withFile := options{contextFile: trio}
	tests := map[string]struct {
		o       original
		header  message.Header
		tasks   []string
		marked  bool // the tasks' own headers name them
		hasConf bool
	}{
		"README start: the whole file": {
			original{options: withFile, serviceName: "context", serviceID: "context001", action: "start"},
			message.Header{Action: "start", ServiceID: "context001", ServiceName: "context"}, all, false, true,
		},
		"README stop: no tasks, which is all": {
			original{options: withFile, serviceName: "context", serviceID: "context001", action: "stop"},
			message.Header{Action: "stop", ServiceID: "context001", ServiceName: "context"}, nil, false, true,
		},
		"README restart without a service_id": {
			original{options: withFile, serviceName: "context", action: "restart"},
			message.Header{Action: "restart", ServiceID: "context001", ServiceName: "context"}, all, false, true,
		},
		"use_file without a task_id: all": {
			original{options: withFile, useFile: true, serviceName: "context", serviceID: "elsewhere", action: "stop"},
			message.Header{Action: "stop", ServiceID: "context001", ServiceName: "context"}, all, true, true,
		},
		"use_file with ts000: all": {
			original{options: withFile, useFile: true, taskID: "ts000", serviceName: "context", action: "start"},
			message.Header{Action: "start", ServiceID: "context001", ServiceName: "context"}, all, true, true,
		},
		"use_file with the ContextID: all": {
			original{options: withFile, useFile: true, taskID: "context001", serviceName: "context", action: "start"},
			message.Header{Action: "start", ServiceID: "context001", ServiceName: "context"}, all, true, true,
		},
		"service all: stop what runs": {
			original{options: endpoint, serviceName: "all", serviceID: "context001", action: "stop"},
			message.Header{Action: "stop", ServiceID: "context001", ServiceName: "all"}, nil, false, true,
		},
		"service all: restart what runs": {
			original{options: withFile, serviceName: "all", action: "restart"},
			message.Header{Action: "restart", ServiceID: "context001", ServiceName: "all"}, all, false, true,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, payload, err := message.Split(originalFrame(t, tt.o))
			if err != nil {
				t.Fatal(err)
			}
			got, err := message.ParseCommand(payload)
			if err != nil {
				t.Fatal(err)
			}
			tt.header.Transaction = testTransaction
			if got.Header != tt.header || got.HasConfiguration != tt.hasConf {
				t.Errorf("header %+v, want %+v", got.Header, tt.header)
			}
			if diff := cmp.Diff(tt.tasks, ids(got.Configuration)); diff != "" {
				t.Errorf("tasks (-want +got):\n%s", diff)
			}
			for _, v := range asList(got.Configuration["TaskService"]) {
				task := v.(map[string]any)
				header := task["Task"].(map[string]any)["message"].(map[string]any)["header"].(map[string]any)
				if marked := header["service_id"] == task["id"] && header["transaction"] == testTransaction; marked != tt.marked {
					t.Errorf("header within the task %v: marked %v, want %v", header, marked, tt.marked)
				}
			}
		})
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

func TestOrdersLeaveTheFileAsItIs(t *testing.T) {
	file := trioFile(t)
	before := deepCopy(file.Raw)
	_, err := chosenTasks(file, nil, true, message.Header{Action: "stop"}).frame(message.Header{Action: "stop", Transaction: "T"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, file.Raw); diff != "" {
		t.Errorf("the file changed:\n%s", diff)
	}
}

func TestDirectOrder(t *testing.T) {
	frame := originalFrame(t, original{
		options:     options{endpoint: "tcp://127.0.0.1:1"},
		serviceName: "sniffer", serviceID: "ts010", action: "stop",
	})
	const want = `process @@@ {
    "Task": {
        "message": {
            "header": {
                "action": "stop",
                "service_id": "ts010",
                "service_name": "sniffer",
                "service_transaction": "5HGAHZ3WPZUI71PACRPP"
            }
        }
    }
}`
	if diff := cmp.Diff(want, string(frame)); diff != "" {
		t.Error(diff)
	}
}

func TestDirectOrderFindsTheServiceByItsName(t *testing.T) {
	o := original{options: options{contextFile: trio}, serviceName: "one_shot", serviceID: none, action: "stop", topic: "process"}
	ord, err := o.order(trioFile(t))
	if err != nil || ord.header.ServiceID != "ts002" || !ord.answered || ord.named[0].ID != "ts002" {
		t.Errorf("order %+v, error %v", ord.header, err)
	}
	o.action = "updated"
	if ord, err := o.order(trioFile(t)); err != nil || ord.answered {
		t.Errorf("nobody answers updated: %v %v", ord.answered, err)
	}
}

func TestTopOrder(t *testing.T) {
	frame := originalFrame(t, original{
		options:     options{endpoint: "tcp://127.0.0.1:1"},
		serviceName: "state", action: "top", serviceID: "ignored",
		openConnections: true, useService: true, serviceType: "pub", serviceFreq: 1, serviceEndpoint: "tcp://127.0.0.1:6558",
	})
	const want = `state @@@ {
    "content": {
        "configuration": {
            "memory_maps": false,
            "open_connections": true,
            "opened_files": false,
            "service": {
                "endpoint": "tcp://127.0.0.1:6558",
                "frequency_s": 1.0,
                "type": "pub"
            }
        }
    },
    "header": {
        "action": "top",
        "service_id": "",
        "service_name": "state",
        "service_transaction": "5HGAHZ3WPZUI71PACRPP"
    }
}`
	if diff := cmp.Diff(want, string(frame)); diff != "" {
		t.Error(diff)
	}
}

func TestControlOrder(t *testing.T) {
	frame := originalFrame(t, original{
		options:     options{endpoint: "tcp://127.0.0.1:1"},
		serviceName: "sniffer", serviceID: "ts004", action: "updated", topic: "control",
		deviceAction: "track_found", result: "success",
	})
	_, payload, err := message.Split(frame)
	if err != nil {
		t.Fatal(err)
	}
	c, err := message.ParseControl(payload)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"device_action": "track_found", "result": "success"}
	if diff := cmp.Diff(want, c.Status); diff != "" || c.Header.Action != "updated" {
		t.Errorf("%v %s", c.Header, diff)
	}
}
