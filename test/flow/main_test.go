package flow

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"zmicroservices/test/harness"
)

// A task service that publishes: the topic, how often a second, how many in all.
const (
	topicVariable = "FLOW_TOPIC"
	rateVariable  = "FLOW_RATE"
	countVariable = "FLOW_COUNT"
)

func TestMain(m *testing.M) {
	harness.Main(m, map[string]func() error{"publish": publish})
}

// publish is the service. When it has sent all it lives on in silence.
func publish() error {
	rate, err := strconv.Atoi(os.Getenv(rateVariable))
	if err != nil {
		return err
	}
	count, err := strconv.Atoi(os.Getenv(countVariable))
	if err != nil {
		return err
	}
	c, err := harness.NewPublisher(os.Getenv("ZMS_BACKEND"))
	if err != nil {
		return err
	}
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range count {
		if err := c.Send(fmt.Appendf(nil, "%s @@@ {\"n\":%d}", os.Getenv(topicVariable), i)); err != nil {
			return err
		}
		<-tick.C
	}
	select {} // until it is ended
}

// publisher is that task service.
func publisher(t *testing.T, id, topic string, rate, count int, expect string) harness.Task {
	return harness.Task{
		ID: id, Command: harness.Self(t), Limits: expect,
		Env: map[string]string{
			harness.RoleVariable: "publish", topicVariable: topic, rateVariable: strconv.Itoa(rate), countVariable: strconv.Itoa(count),
		},
	}
}
