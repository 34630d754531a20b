package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"mgd3/serve"
)

func (e *env) serveCmd() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Show the images of a set in a browser, any number of them, and how far a run is",
		Args:  cobra.ExactArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return e.serve(cmd.Context(), args[0], port) },
	}
	cmd.Flags().IntVar(&port, "port", 0, "`PORT` of 127.0.0.1; 0 takes a free one")
	return cmd
}

func (e *env) serve(ctx context.Context, dir string, port int) error {
	if port < 0 || port > 65535 {
		return fail(exitUsage, "", fmt.Errorf("--port is %d, want 0 to 65535", port))
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fail(exitOutput, "use another --port", err)
	}
	s, err := serve.New(dir, l.Addr().String())
	if err != nil {
		return fail(exitInput, "", errors.Join(err, l.Close()))
	}
	fmt.Fprintln(e.stdout, s.URL())
	if err := s.Serve(ctx, l); err != nil {
		return err
	}
	return ctx.Err()
}
