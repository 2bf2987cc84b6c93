package taskservice

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"zmicroservices/taskservice/message"
)

// The environment that a provider gives to every process it starts.
const (
	envTask        = "ZMS_TASK" // transaction/task/incarnation
	envServiceID   = "ZMS_SERVICE_ID"
	envTransaction = "ZMS_TRANSACTION"
	envContextID   = "ZMS_CONTEXT_ID"
	envFrontend    = "ZMS_FRONTEND"
	envBackend     = "ZMS_BACKEND"
	envConfig      = "ZMS_CONFIG" // the task object as JSON
	envStateDir    = "ZMS_STATE_DIR"
	envCurve       = "ZMS_CURVE"     // path of a certificate; only on a bus with CURVE
	envNotify      = "NOTIFY_SOCKET" // sd_notify(3); only with a probe by notice

	envWire        = "ZMS_WIRE"           // original: nothing that the original did not say
	envConfigID    = "ZMS_CONFIG_ID"      // which configuration this is, for the watchdog
	envPing        = "ZMS_PING_INTERVAL"  // 60s
	envAlive       = "ZMS_ALIVE_INTERVAL" // 1h
	envWatchPrefix = "ZMS_WATCH_PREFIX"   // hippodamia
)

// envOfATask are the variables that nobody has who is not a task service.
var envOfATask = []string{envTask, envServiceID, envTransaction, envFrontend, envBackend, envConfig}

// FromEnv reads a Config from an environment (os.Environ()). Its error names
// everything that is missing or wrong at once.
func FromEnv(environ []string) (Config, error) {
	env := map[string]string{}
	for _, entry := range environ {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	var problems []error
	need := func(key string) string {
		if env[key] == "" {
			problems = append(problems, fmt.Errorf("%s is missing", key))
		}
		return env[key]
	}
	c := Config{
		TaskID:      need(envServiceID),
		Transaction: need(envTransaction),
		Frontend:    need(envFrontend),
		Backend:     need(envBackend),
		ContextID:   env[envContextID],
		StateDir:    env[envStateDir],

		Curve:        env[envCurve],
		NotifySocket: env[envNotify],
	}
	var err error
	if c.Watch, err = watchFrom(env); err != nil {
		problems = append(problems, err)
	}
	if task := env[envTask]; task != "" {
		n, err := incarnation(task)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", envTask, err))
		}
		c.Incarnation = n
	}
	if text := need(envConfig); text != "" {
		object, err := message.Decode([]byte(text))
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", envConfig, err))
		}
		c.read(object)
	}
	if len(problems) > 0 {
		return Config{}, fmt.Errorf("read environment: %w", errors.Join(problems...))
	}
	return c, nil
}

func incarnation(task string) (uint64, error) {
	parts := strings.Split(task, "/")
	if len(parts) < 3 {
		return 0, fmt.Errorf("%q is not transaction/task/incarnation", task)
	}
	n, err := strconv.ParseUint(parts[len(parts)-1], 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q does not end in the number of an incarnation", task)
	}
	return n, nil
}

// read takes what the task object says. What is missing in it stays empty: the
// provider has checked the object, and a task may not need all of it.
func (c *Config) read(object map[string]any) {
	c.Object = object
	c.Instance, _ = object["instance"].(string)
	task := inner(object, "Task")
	c.StateType, _ = inner(task, "state")["type"].(string)
	msg := inner(task, "message")
	c.ServiceName, _ = inner(msg, "header")["service_name"].(string)
	c.Values = inner(inner(msg, "content"), "configuration")
	c.DeviceAction = c.String("device_action")
	c.Version = c.String("version")
}

// inner is o[key] as an object; nil, which reads as empty, if it is none.
func inner(o map[string]any, key string) map[string]any {
	child, _ := o[key].(map[string]any)
	return child
}
