package main

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/review"
	"mgd3/serve"
	"mgd3/sets"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	options
	port  int
	apply string
	real  sets.Spec
	serve.Options
}

// serveCmd is "mgd3 serve". It listens on this machine alone, and the address has a word that the page must know:
// decisions are no one else's.
func (e *env) serveCmd() *cobra.Command {
	var o serveOptions
	o.networks, o.sampling = &networkFlags{}, &samplingFlags{}
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Show the images of a set in a browser, any number of them, and how far a run is; decide about images",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir, o.flags = args[0], cmd.Flags()
			if o.apply == "" {
				return e.serve(cmd.Context(), o)
			}
			a, err := review.Apply(cmd.Context(), o.Dir, o.apply, e.warnText)
			if err != nil {
				return fail(exitInput, "", err)
			}
			return e.show(a, a.Text)
		},
	}
	f := cmd.Flags()
	f.IntVar(&o.port, "port", 0, "`PORT` of 127.0.0.1; 0 takes a free one")
	f.BoolVar(&o.Edit, "edit", false, "let the page decide about images (keep, reject, replace), and with --model "+
		"make one again; decisions lie beside DIR, in DIR-review")
	f.StringVar(&o.apply, "apply", "", "write the set that was decided on to `DIR`, and end")
	f.StringVar(&o.real.Path, "data", "", "the real images, as given to distill, to show beside")
	f.StringVar(&o.real.Split, "split", "", "`NAME` of the part to take of --data; default as given to distill")
	f.StringVar(&o.Latents, "latents", "", "`DIR` of the real images' latents; default DIR/latents")
	cli.Heading(f, "Serving")
	o.networks.add(f)
	return cmd
}

// serve ends by Ctrl-C, which is no failure of it, but is told as of every command.
func (e *env) serve(ctx context.Context, o serveOptions) error {
	if o.port < 0 || o.port > 65535 {
		return fail(exitUsage, "", fmt.Errorf("--port is %d, want 0 to 65535", o.port))
	}
	if err := o.OpenReal(ctx, &e.sets, o.real); err != nil {
		return ofSet(err)
	}
	if o.networks.model != "" || o.networks.Denoiser != "" {
		q := e.request(&o.options)
		// opened when somebody asks for an image, since it may take a minute
		o.Open = func(ctx context.Context) (*distill.Run, func(), error) { return q.Again(ctx, o.Dir) }
	}
	// before the set is read: a port that is taken is known at once, and 0 becomes the one that is printed
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", o.port))
	if err != nil {
		return fail(exitOutput, "use another --port", err)
	}
	o.Addr = l.Addr().String()
	s, cut, err := serve.New(o.Options)
	if err != nil {
		return fail(exitInput, "", errors.Join(err, l.Close()))
	}
	defer s.Close()
	review.WarnCut(cut, e.warnText)
	if s.Nothing() {
		e.warn("%q has nothing of a run: the page stays empty until one is made into it", o.Dir)
	}
	fmt.Fprintln(e.stdout, s.URL())
	if err := s.Serve(ctx, l); err != nil {
		return err
	}
	return ctx.Err()
}
