package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Bug is a panic.
type Bug struct{ Value any }

func (b *Bug) Error() string { return fmt.Sprintf("internal error: %v", b.Value) }

// Interruptible calls run with a context that ends by Ctrl-C, SIGTERM and, but under nohup, SIGHUP. If run does not
// return within grace after that, it is left as it is, and the error is the context's. A panic is a [*Bug].
func Interruptible(grace time.Duration, run func(context.Context) error) error {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as it is under nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	// room for one, so that a run that is left behind does not wait for somebody to read its error
	done := make(chan error, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- &Bug{r}
			}
		}()
		done <- run(ctx)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return err
	case <-time.After(grace):
		return ctx.Err()
	}
}
