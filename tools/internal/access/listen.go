package access

import (
	"context"
	"fmt"
	"os"
	"time"

	"zmicroservices/conf"
	"zmicroservices/taskservice/bus"
)

// JoinTime bounds the wait for a forwarder to have us.
const JoinTime = 10 * time.Second

// Listen joins the bus at an endpoint for subscribers. A bus that is not there is an
// error of exit code 3, one that refuses us of 1.
func Listen(ctx context.Context, who Proof, endpoint string, topics []string) (*bus.Bus, error) {
	ctx, cancel := context.WithTimeout(ctx, JoinTime)
	defer cancel()
	o := bus.Options{Frontend: endpoint, Topics: topics}
	if err := who.Into(&o); err != nil {
		return nil, err
	}
	if err := Knock(ctx, endpoint); err != nil {
		return nil, err
	}
	b, err := bus.Dial(ctx, o)
	if err != nil {
		return nil, Unjoined(ctx, err)
	}
	return b, nil
}

// FrontEnd is where to listen by a Context file. It is content with one whose tasks
// are wrong: only an address is wanted of it.
func FrontEnd(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read context file: %w", err)
	}
	defer f.Close()
	file, err := conf.Parse(path, f)
	if file != nil && file.FrontEndEndpoint != "" {
		return file.FrontEndEndpoint, nil
	}
	if err == nil {
		err = fmt.Errorf("%s: there is no FrontEndEndpoint", path)
	}
	return "", err
}
