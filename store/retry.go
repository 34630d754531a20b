package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"
)

// What a store does not do, because it is busy, broken or cut off, is tried again, after a time that doubles from
// firstWait to longestWait, half of it by chance so that a thousand tasks do not come together; until patience is over.
var (
	firstWait   = 100 * time.Millisecond
	longestWait = 15 * time.Second
	patience    = 3 * time.Minute
)

// timeFor is how long one try may take that moves so many bytes: a connection that hangs is given up.
func timeFor(bytes int64) time.Duration {
	const slowest = 64 << 10 // bytes a second
	return tryTime + time.Duration(bytes/slowest)*time.Second
}

var tryTime = 30 * time.Second

// heals reports whether another try may go better.
func heals(err error) bool {
	if errors.As(err, new(failure)) || kindOf(err) != nil {
		return false
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound, gcerrors.AlreadyExists, gcerrors.InvalidArgument, gcerrors.FailedPrecondition,
		gcerrors.Unimplemented:
		return false
	}
	return !slices.Contains([]string{"NotImplemented", "MethodNotAllowed", "EntityTooLarge", "KeyTooLongError"},
		codeOf(err))
}

// try does something with a bucket that moves so many bytes, again where that may help. do must do all of it anew.
// The error is as [bucket.failed] says.
func (b *bucket) try(ctx context.Context, key string, bytes int64,
	do func(ctx context.Context, opened *blob.Bucket) error) error {
	opened, err := b.open()
	if err != nil {
		return err
	}
	begun, wait := time.Now(), firstWait
	for {
		once, cancel := context.WithTimeout(ctx, timeFor(bytes))
		err := do(once, opened)
		cancel()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !heals(err) || time.Since(begun)+wait > patience:
			return b.failed(key, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		}
		wait = min(2*wait, longestWait)
	}
}
