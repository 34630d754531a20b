//go:build unix

package cli

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestInterruptible: the error is the function's, a panic is a Bug, and a signal ends the function, or, where it does
// not heed the context, the waiting for it.
func TestInterruptible(t *testing.T) {
	own := errors.New("own")
	if err := Interruptible(time.Second, func(context.Context) error { return own }); err != own {
		t.Errorf("got %v, want the function's", err)
	}
	var bug *Bug
	err := Interruptible(time.Second, func(context.Context) error { panic("broken") })
	if !errors.As(err, &bug) || err.Error() != "internal error: broken" {
		t.Errorf("got %v, want a Bug", err)
	}
	interrupt := func() {
		if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
	err = Interruptible(time.Hour, func(ctx context.Context) error {
		interrupt()
		<-ctx.Done()
		return own
	})
	if err != own {
		t.Errorf("interrupted: got %v, want the function's", err)
	}
	never := make(chan struct{})
	defer close(never)
	err = Interruptible(0, func(context.Context) error {
		interrupt()
		<-never
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("deaf to the context: got %v, want that it was interrupted", err)
	}
}
