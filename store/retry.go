package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
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
func (b *bucket) heals(err error) bool {
	if errors.As(err, new(failure)) || b.kindOf(err) != nil {
		return false
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound, gcerrors.AlreadyExists, gcerrors.InvalidArgument, gcerrors.FailedPrecondition,
		gcerrors.Unimplemented:
		return false
	}
	return codeOf(err) != "NotImplemented" && (!final(b.statusOf(err)) || slices.Contains(passing, codeOf(err)))
}

// final reports whether a status says that the same request will never be answered otherwise.
func final(status int) bool {
	return status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooEarly &&
		status != http.StatusTooManyRequests
}

// passing are codes of S3 which say, with statuses of 400 and 409, that a connection was too slow or broke, or that
// another was at the same object.
var passing = []string{"RequestTimeout", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch",
	"OperationAborted", "ConditionalRequestConflict"}

// try does something with a bucket that moves so many bytes, again where that may help. do must do all of it anew.
// The error is as [bucket.failed] says. That something is not there is believed where the bucket is known to be.
func (b *bucket) try(ctx context.Context, key string, bytes int64,
	do func(ctx context.Context, opened *blob.Bucket) error) error {
	err := b.retry(ctx, key, bytes, do)
	if errors.Is(err, fs.ErrNotExist) && !b.there.Load() {
		if missing := b.seen(ctx, key); missing != nil {
			err = missing
		}
	}
	if err == nil {
		b.there.Store(true)
	}
	return err
}

// seen is nil if there is such a bucket: stores answer a question for the head of an object in the same way, without
// words, whether it or the whole bucket is missing. It lists no more than a key, as some may list that alone.
func (b *bucket) seen(ctx context.Context, key string) error {
	err := b.retry(ctx, key, 0, func(ctx context.Context, opened *blob.Bucket) error {
		_, _, err := opened.ListPage(ctx, blob.FirstPageToken, 1, &blob.ListOptions{Prefix: key})
		if err == io.EOF {
			return nil
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return failure{fmt.Sprintf("%q: %v", b.address(""), ErrBucket), ErrBucket, b.scheme}
	}
	b.there.Store(err == nil)
	return err
}

// retry is try of a bucket that is there.
func (b *bucket) retry(ctx context.Context, key string, bytes int64,
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
		case !b.heals(err) || time.Since(begun)+wait > patience:
			return b.failed(key, err)
		}
		b.tell(begun, err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + rand.N(wait/2+1)):
		}
		wait = min(2*wait, longestWait)
	}
}

// Tell has a line said while a store is waited for; what is said of one bucket comes not more often than each tellEach.
// It returns what ends that.
func Tell(say func(line string)) (stop func()) {
	telling.Lock()
	defer telling.Unlock()
	telling.say = say
	return func() {
		telling.Lock()
		defer telling.Unlock()
		telling.say = nil
	}
}

var telling struct {
	sync.Mutex
	say func(line string)
}

var tellAfter, tellEach = 3 * time.Second, time.Minute

// tell says that something is tried again since a while, and why.
func (b *bucket) tell(begun time.Time, err error) {
	telling.Lock()
	defer telling.Unlock()
	if telling.say == nil || time.Since(begun) < tellAfter || time.Since(b.told) < tellEach {
		return
	}
	b.told = time.Now()
	telling.say(fmt.Sprintf("%q does not do what it is asked for, tried again for up to %v: %s", b.address(""),
		patience, shown(err)))
}
