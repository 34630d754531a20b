package exits

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/internal/fault"
	"mgd3/modes"
	"mgd3/stage"
	"mgd3/store"
	"mgd3/weights"
)

// TestDiagnose: errors that a test cannot bring about have their codes all the same.
func TestDiagnose(t *testing.T) {
	wrap := func(err error) error {
		return fmt.Errorf("class cat: %w", &fs.PathError{Op: "write", Path: "out/x", Err: err})
	}
	for _, c := range []struct {
		err  error
		code int
		hint string
	}{
		{wrap(syscall.ENOSPC), Output, "make room"},
		{wrap(syscall.EROFS), Output, "another --out"},
		{wrap(fs.ErrPermission), Output, "who may read and write it"},
		{fault.Of(fault.Input, wrap(syscall.EIO)), Output, "no fault of the file"},
		{fault.Of(fault.Input, wrap(syscall.EACCES)), Output, ""},
		{Unreadable(fmt.Errorf("%w: %w", dataset.ErrUnread, wrap(syscall.ENOENT))), Input, "put it back"},
		{Fail(Model, "take another", wrap(syscall.ESTALE)), Output, "no fault of the file"},
		{Fail(Hub, "", os.NewSyscallError("connect", syscall.ETIMEDOUT)), Hub, ""},
		{fault.Of(fault.Input, wrap(store.ErrUnreachable)), Output, "when the store answers"},
		{wrap(context.Canceled), Interrupted, "same command again"},
		{Fail(Model, "", wrap(context.Canceled)), Interrupted, "same command again"},
		{wrap(stage.ErrOther), Output, "another --out"},
		{wrap(stage.ErrBusy), Output, "wait"},
		{wrap(modes.ErrTooFew), Input, "--short-class repeat"},
		{wrap(weights.ErrFormat), Model, ""},
		{wrap(fmt.Errorf("%w: %w", weights.ErrFormat, weights.ErrKind)), Model, "damaged"},
		{wrap(engine.ErrBackend), Backend, "--backend cpu"},
		{Fail(Input, "", wrap(weights.ErrKind)), Input, "damaged"},
		{Fail(Usage, "read the manual", errors.New("x")), Usage, "read the manual"},
		{errors.New("x"), Failed, ""},
	} {
		code, hint := Diagnose(c.err)
		if code != c.code || !strings.Contains(hint, c.hint) || c.hint == "" && hint != "" {
			t.Errorf("%v: got %d, %q, want %d and a hint with %q", c.err, code, hint, c.code, c.hint)
		}
	}
}
