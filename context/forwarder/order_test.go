package forwarder

import (
	"fmt"
	"testing"
)

// TestNobodySeesTheAnswerBeforeTheQuestion has one subscriber that answers each
// question as fast as it can, on a connection of its own, while many look on: for
// every one of them the question comes first.
func TestNobodySeesTheAnswerBeforeTheQuestion(t *testing.T) {
	d := start(t, nil)
	answering := d.subscriber(t, "question")
	asking, reply := d.publisher(t, 0), d.publisher(t, 0)
	watching := make([]*client, 30)
	for i := range watching {
		watching[i] = d.subscriber(t, "question", "answer")
	}
	const rounds = 500
	done := make(chan struct{})
	go func() { // ends when all questions are answered
		defer close(done)
		for range rounds {
			reply.say("answer" + answering.hear()[0][len("question"):])
		}
	}()
	for i := range rounds {
		asking.say(fmt.Sprintf("question %d", i))
		for _, c := range watching {
			c.hears(fmt.Sprintf("question %d", i))
			c.hears(fmt.Sprintf("answer %d", i))
		}
	}
	<-done
}
