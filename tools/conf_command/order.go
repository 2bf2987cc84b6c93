package main

import (
	"zmicroservices/conf"
	"zmicroservices/taskservice/message"
)

// order is one message to be sent, whole but for its transaction and request_id.
type order struct {
	topic    string
	header   message.Header
	frame    func(message.Header) ([]byte, error) // the message, once the header is whole
	answered bool                                 // whether a provider answers it

	// For the report: what the file knows of the task services, and which of
	// them the order names; nil: all.
	file  *conf.Context
	named []*conf.Task
}

// wholeFile commands the tasks of a file as they stand in it: the original's
// message without --use_file.
func wholeFile(file *conf.Context, h message.Header) order {
	return contextCommand(file, nil, h, func(message.Header) map[string]any { return file.Raw })
}

// everything commands what runs, whatever any file says: a stop names nobody.
func everything(file *conf.Context, h message.Header) order {
	return contextCommand(file, nil, h, func(message.Header) map[string]any { return map[string]any{} })
}

// chosenTasks commands some tasks of a file, nil for all: the original's message
// with --use_file. With marked the header inside each task says whose it is.
func chosenTasks(file *conf.Context, chosen []*conf.Task, marked bool, h message.Header) order {
	return contextCommand(file, chosen, h, func(h message.Header) map[string]any {
		return configurationOf(file, chosen, marked, h)
	})
}

func contextCommand(file *conf.Context, named []*conf.Task, h message.Header, configuration func(message.Header) map[string]any) order {
	return order{
		topic:    message.TopicContext,
		header:   h,
		answered: true,
		file:     file,
		named:    named,
		frame: func(h message.Header) ([]byte, error) {
			return message.Command{Header: h, Configuration: configuration(h), HasConfiguration: true}.Frame()
		},
	}
}

// configurationOf is content.configuration with these tasks: of the file's own
// elements only the seven that the original picks.
func configurationOf(file *conf.Context, chosen []*conf.Task, marked bool, h message.Header) map[string]any {
	configuration := map[string]any{}
	for _, key := range []string{"FrontEndEndpoint", "BackendEndpoint", "FrontBind", "BackendBind", "TaskLogName", "ContextID"} {
		if v, found := file.Raw[key]; found {
			configuration[key] = v
		}
	}
	wanted := map[string]bool{}
	for _, t := range chosen {
		wanted[t.ID] = true
	}
	all, _ := file.Raw["TaskService"].([]any) // Context.Raw promises a list
	list := []any{}
	for _, v := range all {
		task, ok := v.(map[string]any)
		if !ok {
			continue // an empty element, of which the loader has complained
		}
		id, _ := task["id"].(string)
		if chosen == nil || wanted[id] {
			list = append(list, withHeader(task, id, marked, h))
		}
	}
	for _, t := range chosen {
		if t.Replica > 1 { // which the file does not have by this id
			list = append(list, withHeader(t.Raw, t.ID, marked, h))
		}
	}
	configuration["TaskService"] = list
	return configuration
}

// withHeader is a task object with the command's action in its own header. A
// task without a header, as a <command> may be, stays without.
func withHeader(task map[string]any, id string, marked bool, h message.Header) map[string]any {
	object, at := deepCopy(task), map[string]any(nil)
	for _, key := range []string{"Task", "message", "header"} {
		within := object
		if at != nil {
			within = at
		}
		next, ok := within[key].(map[string]any)
		if !ok {
			return object
		}
		at = next
	}
	at["action"] = h.Action
	if marked {
		at["service_id"] = id
		at["transaction"] = h.Transaction
	}
	return object
}

// deepCopy copies objects; lists and texts are shared, since nobody writes them.
func deepCopy(object map[string]any) map[string]any {
	c := make(map[string]any, len(object))
	for k, v := range object {
		if o, ok := v.(map[string]any); ok {
			v = deepCopy(o)
		}
		c[k] = v
	}
	return c
}

// directly commands one task service, past the provider: the message goes to the
// service, and the provider hears it. Only what a provider acts on is answered.
func directly(topic string, h message.Header) order {
	return order{
		topic:    topic,
		header:   h,
		answered: topic == message.TopicProcess && (h.Action == "start" || h.Action == "stop" || h.Action == "restart"),
		frame: func(h message.Header) ([]byte, error) {
			return message.Frame(topic, map[string]any{
				"Task": map[string]any{"message": map[string]any{"header": headerObject(h)}},
			})
		},
	}
}

// onBehalf says something on the bus in the name of a task service.
func onBehalf(topic string, status map[string]any, h message.Header) order {
	return order{
		topic:  topic,
		header: h,
		frame: func(h message.Header) ([]byte, error) {
			return message.Frame(topic, map[string]any{
				"header": headerObject(h), "content": map[string]any{"status": status},
			})
		},
	}
}

// question asks the provider for something about a transaction.
func question(configuration map[string]any, h message.Header) order {
	return order{
		topic:    message.TopicState,
		header:   h,
		answered: true,
		frame: func(h message.Header) ([]byte, error) {
			return message.State{Header: h, Content: map[string]any{"configuration": configuration}}.Frame()
		},
	}
}

// headerObject is a header as the original's conf_command writes it, on every
// topic with service_transaction.
func headerObject(h message.Header) map[string]any {
	o := map[string]any{
		"action":              h.Action,
		"service_id":          h.ServiceID,
		"service_name":        h.ServiceName,
		"service_transaction": h.Transaction,
	}
	if h.RequestID != "" {
		o["request_id"] = h.RequestID
	}
	return o
}
