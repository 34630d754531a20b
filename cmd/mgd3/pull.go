package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/weights/hub"
)

// pullOptions are the flags of pull.
type pullOptions struct {
	include                      []string
	mirror                       string
	offline, accept, check, list bool
}

// pullCmd is "mgd3 pull". It is the only command that asks the hub; the others take paths and addresses.
func (e *env) pullCmd() *cobra.Command {
	var o pullOptions
	cmd := &cobra.Command{
		Use:   "pull [NAME | ORG/NAME[@REVISION]]",
		Short: "Fetch a model or an image set from the hub",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || o.list {
				return printAll(e, hub.Table, func(w io.Writer) error { return terminal.WriteKnown(w, hub.Table) })
			}
			return e.pull(cmd.Context(), &o, args[0])
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.include, "include", nil, "take the files that match `GLOB`, in place of those that the "+
		"name stands for; * is any text, slashes too; can be repeated")
	f.StringVar(&o.mirror, "mirror", "", "ask the hub at `URL`; default HF_ENDPOINT, or the hub itself")
	// on by default where HF_HUB_OFFLINE says so, as in other programs with the same cache
	f.BoolVar(&o.offline, "offline", hub.Offline(), "no network: print the folder of what is in the cache")
	f.BoolVar(&o.accept, "accept-licence", false, "you have read the licence and accept it")
	f.BoolVar(&o.check, "check", false, "hash the files that are in the cache too; damaged ones are fetched again")
	f.BoolVar(&o.list, "list", false, "list what has a name")
	return cmd
}

// pull prints the folder of a repository, once it is whole.
func (e *env) pull(ctx context.Context, o *pullOptions, name string) error {
	k, err := hub.Resolve(name, o.include)
	if err != nil {
		return fail(exitUsage, "", err)
	}
	c, err := hub.New()
	if err == nil && o.mirror != "" {
		err = c.SetEndpoint(o.mirror)
	}
	if err != nil {
		return exits.OfHub(c, k.Repo, err)
	}
	// files have the names of their hashes in the cache, so that hashing them again is for a disk that is not trusted
	c.Check, c.Report = o.check, e.progress().Download
	s, err := c.Pull(ctx, k, hub.Pulling{Offline: o.offline,
		Accept: func() error { return e.consent(k, c.Page(k.Repo), o.accept) },
		Begin: func(s *hub.Snapshot) {
			files, bytes := s.Missing()
			e.say("%d of %d files, %s, to %s", files, len(s.Files), terminal.Size(bytes), c.Cache)
		}})
	if err != nil {
		return exits.OfHub(c, k.Repo, err)
	}
	return e.pulled(k, s)
}

// consent states the licence, and asks whether it is accepted where it is a narrow one.
func (e *env) consent(k hub.Known, page string, accepted bool) error {
	if k.Licence == "" {
		e.say("%s: its page names the licence: %s", k.Repo, page)
		return nil
	}
	// Without a terminal nobody can answer: a narrow licence then needs the flag.
	var stdin io.Reader
	if terminal.Is(os.Stdin) {
		stdin = os.Stdin
	}
	return terminal.Accept(e.stderr, stdin, k, page, accepted)
}

// pulled prints the folder, alone on stdout so that a shell can put it in a command.
func (e *env) pulled(k hub.Known, s *hub.Snapshot) error {
	dir := filepath.Join(s.Dir, k.Folder)
	if e.json {
		return json.NewEncoder(e.stdout).Encode(struct {
			Name   string     `json:"name"`
			Repo   hub.Repo   `json:"repo"`
			Commit string     `json:"commit"`
			Path   string     `json:"path"`
			Files  []hub.File `json:"files"`
		}{k.Name, k.Repo, s.Commit, dir, s.Files})
	}
	// for people; in a $(…) the note would be between two commands
	if k.Flag != "" && terminal.Is(e.stdout) {
		e.say("to use it: %s $(mgd3 pull %s)", k.Flag, k.Name)
	}
	_, err := fmt.Fprintln(e.stdout, dir)
	return err
}
