package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/store"
)

// Where a command takes the address of a bucket, by flags and by commands; "" is its arguments. All else is on disk.
var inBuckets = map[string][]string{
	"data":         nil, // all that have the flag
	"test":         nil,
	"set":          nil,
	"train":        nil,
	"teacher-data": nil,
	"latents":      nil,
	"real":         nil,
	"out": {"distill", "encode", "modes", "sample", "merge", "evaluate", "sheet", "slurm", "kubernetes", "baseline",
		"compare", "sweep", "rank", "relabel", "glyphs"},
	"record": {"task"},
	"":       {"verify", "export", "inspect", "merge", "sheet", "status", "cancel"},
}

// Addresses makes paths of the addresses among a command's arguments and flags. Its error is a [*Mistake].
func Addresses(cmd *cobra.Command, args []string) error {
	if cmd.Name() != "task" { // its arguments are the command line of another process
		if err := paths(cmd, "", args); err != nil {
			return err
		}
	}
	var errFlag error
	// From here on an address is a path as any other: only package store tells the two apart.
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values := list.GetSlice()
			if err := paths(cmd, f.Name, values); err != nil {
				errFlag = err
			} else if slices.ContainsFunc(values, hasPath) {
				errFlag = list.Replace(values)
			}
			return
		}
		value := []string{f.Value.String()}
		if err := paths(cmd, f.Name, value); err != nil {
			errFlag = err
		} else if hasPath(value[0]) || value[0] != f.Value.String() {
			errFlag = f.Value.Set(value[0])
		}
	})
	return errFlag
}

// paths makes paths of the addresses among the values of a flag, which may be NAME=ADDRESS.
func paths(cmd *cobra.Command, flag string, values []string) error {
	for i, value := range values {
		name, path, err := toPath(value)
		hint := "docs/data.md and docs/runs.md say what may be in a bucket, and how it is named"
		if err == nil && store.Is(path) && !takesBucket(cmd, flag) {
			err, hint = fmt.Errorf("%q is in a bucket, want a path on disk", store.Shown(path)), onDisk(cmd, flag)
		}
		if err != nil && flag != "" {
			err = fmt.Errorf("--%s: %w", flag, err)
		}
		if err != nil {
			return mistake(hint, err)
		}
		values[i] = name + path
	}
	return nil
}

// toPath makes a path of the address of a value, which may be behind NAME=.
func toPath(value string) (name, path string, err error) {
	// an address may have = itself, in its query
	if n, a, ok := strings.Cut(value, "="); ok && store.IsAddress(a) && !store.IsAddress(value) {
		name, value = n+"=", a
	}
	path, err = store.Parse(value)
	return name, path, err
}

// onDisk says why a flag wants a path on disk, and what to do.
func onDisk(cmd *cobra.Command, flag string) string {
	switch {
	case flag == "out" && cmd.HasParent() && slices.Contains([]string{"train", "convert", "pull"}, cmd.Parent().Name()),
		flag == "out" && cmd.Name() == "convert":
		return "networks are written and read on a disk: name a folder there, and copy it to the bucket by the " +
			"store's own tool"
	case flag == "out" && cmd.Name() == "export":
		return "write it to a disk, and copy it to the bucket by the store's own tool"
	case flag == "out":
		return "name a folder on a disk"
	}
	return "weights are mapped from a disk, and settings read from one: copy it there by the store's own tool"
}

func takesBucket(cmd *cobra.Command, flag string) bool {
	commands, ok := inBuckets[flag]
	return ok && (commands == nil || slices.Contains(commands, cmd.Name()))
}

func hasPath(value string) bool { return store.Again(value) != value }

// Shown writes addresses in the place of the paths that stand for them.
type Shown struct{ io.Writer }

func (s Shown) Write(p []byte) (int, error) {
	if !store.Used() {
		return s.Writer.Write(p)
	}
	if _, err := io.WriteString(s.Writer, store.Shown(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Fd is that of a file, by which a terminal is known; no file has the largest.
func (s Shown) Fd() uintptr {
	if f, ok := s.Writer.(interface{ Fd() uintptr }); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}
