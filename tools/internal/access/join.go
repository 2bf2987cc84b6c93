package access

import (
	"context"
	"fmt"
	"os"

	"zmicroservices/conf"
	"zmicroservices/taskservice/bus"
)

// Join comes to both ends of a bus, as one that listens and publishes. Errors are those
// of Listen. queue is how many messages may wait in each direction.
func Join(ctx context.Context, who Proof, frontend, backend string, queue int) (*bus.Bus, error) {
	ctx, cancel := context.WithTimeout(ctx, JoinTime)
	defer cancel()
	o := bus.Options{Frontend: frontend, Backend: backend, Queue: queue}
	if err := who.Into(&o); err != nil {
		return nil, err
	}
	for _, endpoint := range []string{frontend, backend} {
		if err := Knock(ctx, endpoint); err != nil {
			return nil, err
		}
	}
	b, err := bus.Dial(ctx, o)
	if err != nil {
		return nil, Unjoined(ctx, err)
	}
	return b, nil
}

// Ends are where to listen and where to publish by a Context file. It is content with one
// whose tasks are wrong, as FrontEnd is.
func Ends(path string) (frontend, backend string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", fmt.Errorf("read context file: %w", err)
	}
	defer f.Close()
	file, err := conf.Parse(path, f)
	if file != nil && file.FrontEndEndpoint != "" && file.BackendEndpoint != "" {
		return file.FrontEndEndpoint, file.BackendEndpoint, nil
	}
	if err == nil {
		err = fmt.Errorf("%s: FrontEndEndpoint or BackendEndpoint is missing", path)
	}
	return "", "", err
}
