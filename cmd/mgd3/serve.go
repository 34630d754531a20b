package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"mgd3/distill"
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

func (e *env) serveCmd() *cobra.Command {
	var o serveOptions
	o.networks, o.sampling = &networkFlags{}, &samplingFlags{}
	cmd := &cobra.Command{
		Use:   "serve DIR",
		Short: "Show the images of a set in a browser, any number of them, and how far a run is; decide about images",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Dir, o.flags = args[0], cmd.Flags()
			if o.apply != "" {
				return e.applyReview(cmd.Context(), o)
			}
			return e.serve(cmd.Context(), o)
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
	o.networks.add(f)
	return cmd
}

func (e *env) serve(ctx context.Context, o serveOptions) error {
	if o.port < 0 || o.port > 65535 {
		return fail(exitUsage, "", fmt.Errorf("--port is %d, want 0 to 65535", o.port))
	}
	m, err := distill.ReadManifest(o.Dir)
	if err == nil && o.real.Path != "" {
		o.real.Split = cmp.Or(o.real.Split, m.Settings.Encode.Split)
		if o.Real, err = e.sets.Alike(ctx, o.real, m.ClassNames()); err != nil {
			return ofSet(err)
		}
		defer o.Real.Close()
	}
	if o.networks.model != "" || o.networks.Denoiser != "" {
		o.Open = func(ctx context.Context) (*distill.Run, func(), error) {
			var err error
			if o.settings.Sample, err = distill.SampledWith(o.Dir); err != nil {
				return nil, nil, err
			}
			o.run.dryRun = true // nothing of the run is written
			r, err := e.request(&o.options).Open(ctx)
			if err != nil {
				return nil, nil, err
			}
			return r.Run, r.Close, nil
		}
	}
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
	e.warnCut(cut)
	fmt.Fprintln(e.stdout, s.URL())
	if err := s.Serve(ctx, l); err != nil {
		return err
	}
	return ctx.Err()
}

func (e *env) warnCut(cut int) {
	if cut > 0 {
		e.warnText(fmt.Sprintf("a decision that was not finished, of %d bytes, was cut off the journal", cut))
	}
}

// applyReview writes the set that was decided on.
func (e *env) applyReview(ctx context.Context, o serveOptions) error {
	j, cut, err := review.OpenJournal(o.Dir)
	if err != nil {
		return fail(exitInput, "", err)
	}
	defer j.Close()
	e.warnCut(cut)
	notes, err := j.Write(ctx, o.apply)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	e.sayAll(notes)
	m, err := distill.ReadManifest(o.apply)
	if err != nil {
		return err
	}
	r := m.Reviewed
	return e.show(r, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s: %d of %d images, %d replaced, %d kept by decision\n", o.apply,
			r.Images-len(r.Rejected), r.Images, r.Replaced, r.Kept)
		return err
	})
}
