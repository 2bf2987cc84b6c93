//go:build natsdemo

package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/spf13/cobra"

	"zmicroservices/tools/internal/exit"
)

// demos are the verbs that are only there with the build tag natsdemo.
func demos(w world) []*cobra.Command { return []*cobra.Command{newNATSDemo(w)} }

// newNATSDemo runs a nats-server in this process. It is no server to rely on: it asks
// nobody who they are, so it stays on loopback.
func newNATSDemo(w world) *cobra.Command {
	var listen, dir string
	cmd := &cobra.Command{
		Use:   "nats_demo",
		Short: "Run a NATS server for demonstrations, on loopback",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return runNATSDemo(cmd.Context(), w, listen, dir) },
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:4222", "`HOST:PORT` on loopback; port 0 is any free one")
	cmd.Flags().StringVar(&dir, "store", "", "`directory` of its streams (default: a temporary one, removed at the end)")
	return cmd
}

func runNATSDemo(ctx context.Context, w world, listen, dir string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("--listen %s: a server that asks nobody who they are stays on loopback; nats-server is for the rest", listen)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	o := &server.Options{Host: host, Port: int(number), JetStream: true, StoreDir: dir, NoSigs: true, NoLog: true}
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	if dir == "" {
		if o.StoreDir, err = os.MkdirTemp("", "nats-demo"); err != nil {
			return exit.Failed("run NATS: %w", err)
		}
		defer os.RemoveAll(o.StoreDir)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return exit.Failed("run NATS: %w", err)
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return exit.Failed("run NATS: it does not listen on %s: the port may be in use", listen)
	}
	fmt.Fprintln(w.out, s.ClientURL())
	<-ctx.Done()
	return nil
}
