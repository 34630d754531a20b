package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// redirect follows the hub where it leads: a HEAD only within its host, as the hub's own headers name hash
// and size; never from an encrypted address to an open one; without the token to another host.
func redirect(req *http.Request, via []*http.Request) error {
	from := via[0].URL
	same := req.URL.Host == from.Host
	switch {
	case len(via) >= 10:
		return errors.New("more than 10 redirects")
	case from.Scheme == "https" && req.URL.Scheme != "https":
		return fmt.Errorf("leads from https to %s", req.URL.Scheme)
	case req.Method == http.MethodHead && !same:
		return http.ErrUseLastResponse
	case !same:
		req.Header.Del("Authorization")
	}
	return nil
}

// permanent marks errors that another attempt does not help.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// later is an error of a server that says when to come back.
type later struct {
	error
	after time.Duration
}

func (l later) Unwrap() error { return l.error }

// ask sends one request and returns the answer if it is a good one. Its body breaks off when the hub is
// silent for too long or ctx ends.
func (c *Client) ask(ctx context.Context, method, address string, header map[string]string) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	watch := &watched{
		silent: fmt.Errorf("%w: silent for %v", ErrNetwork, c.Silence),
		limit:  c.Silence,
		ctx:    ctx,
		cancel: cancel,
	}
	watch.timer = time.AfterFunc(c.Silence, func() { cancel(watch.silent) })
	req, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		watch.Close()
		return nil, permanent{fmt.Errorf("%w: %w", ErrName, err)}
	}
	req.Header.Set("User-Agent", "mgd3")
	req.Header.Set("Accept-Encoding", "identity") // sizes and ranges are those of the file
	if c.Token != "" && private(req.URL) {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		err = watch.explain(err)
		watch.Close()
		return nil, err
	}
	watch.body, resp.Body = resp.Body, watch
	if err := statusError(resp); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

// private reports whether nobody on the way to an address can read what is sent there.
func private(u *url.URL) bool {
	if u.Scheme == "https" || u.Hostname() == "localhost" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// watched is a body that must not be silent for too long.
type watched struct {
	body   io.ReadCloser // nil until the answer is there
	timer  *time.Timer
	limit  time.Duration
	silent error
	ctx    context.Context
	cancel context.CancelCauseFunc
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(w.limit)
	n, err := w.body.Read(p)
	w.timer.Stop()
	if err != nil && err != io.EOF {
		err = w.explain(err)
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	defer w.cancel(nil)
	if w.body == nil {
		return nil
	}
	return w.body.Close()
}

// explain says why a request failed: the caller's context, the hub's silence, or the network. The address
// is left out, as it may hold a signature.
func (w *watched) explain(err error) error {
	switch {
	case context.Cause(w.ctx) == w.silent:
		return w.silent
	case w.ctx.Err() != nil:
		return w.ctx.Err()
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.Canceled) { // a connection's own, not the caller's
		return fmt.Errorf("%w: %v", ErrNetwork, err)
	}
	return fmt.Errorf("%w: %w", ErrNetwork, err)
}

// statusError says what the hub means by a status.
func statusError(resp *http.Response) error {
	code, detail := resp.StatusCode, said(resp)
	switch {
	case code/100 == 2:
		return nil
	case code/100 == 3 && resp.Request.Method == http.MethodHead && resp.Header.Get(headerETag) != "":
		return nil
	case code == http.StatusNotFound, resp.Header.Get("X-Error-Code") == "RepoNotFound":
		return permanent{fmt.Errorf("%w: %s", ErrNotFound, detail)}
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return permanent{fmt.Errorf("%w: %s", ErrAccess, detail)}
	case code == http.StatusRequestedRangeNotSatisfiable:
		return errRange
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500:
		return later{fmt.Errorf("%w: %s", ErrNetwork, detail), retryAfter(resp)}
	default:
		return permanent{fmt.Errorf("%w: %s", ErrNetwork, detail)}
	}
}

// errRange is the answer to a Range that the file does not have.
var errRange = fmt.Errorf("%w: the file is shorter than what is there of it", ErrNetwork)

// said is the status, and what the hub says in words, if anything that a terminal may show.
func said(resp *http.Response) string {
	message := resp.Header.Get("X-Error-Message")
	message = strings.Map(func(c rune) rune {
		if c < ' ' || c > '~' {
			return -1
		}
		return c
	}, message)
	if len(message) > 300 {
		message = message[:300] + "..."
	}
	if message == "" {
		return fmt.Sprintf("status %d", resp.StatusCode)
	}
	return fmt.Sprintf("status %d, %q", resp.StatusCode, message)
}

// retryAfter is how long the hub asks us to wait, in seconds; dates are not read.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 24*3600)) * time.Second
}

// longestWait is how long we wait for a hub that asks us to: its limits count over five minutes.
const longestWait = 5 * time.Minute

// attempts calls try until it succeeds, or has failed c.Tries times in a row without progress, or for good.
// far is where it begins; try returns how far it came.
func (c *Client) attempts(ctx context.Context, note func(error), far int64, try func() (far int64, err error)) error {
	failed := 0
	for {
		now, err := try()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var wait later
		if errors.As(err, new(permanent)) || (errors.As(err, &wait) && wait.after > longestWait) {
			return err
		}
		if failed++; now > far {
			far, failed = now, 0
		}
		if failed >= c.Tries {
			return err
		}
		note(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(c.Pause<<min(max(failed-1, 0), 6), wait.after)):
		}
	}
}
