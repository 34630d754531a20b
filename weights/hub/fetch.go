package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Fetch brings the files of a snapshot that are not in the cache there, one after the other, and then makes
// its folder. Whatever interrupts it, what is there has its name only if it is whole, and the next Fetch
// takes up what is not.
func (c *Client) Fetch(ctx context.Context, s *Snapshot) error {
	g := fetching{Client: c, s: s}
	for _, f := range s.Files {
		g.event.Total += f.Size
		if f.Have {
			g.event.Kept += f.Size
		}
	}
	g.event.Done = g.event.Kept
	for i := range s.Files {
		f := &s.Files[i]
		if f.Have {
			continue
		}
		g.file, g.event.File, g.base = *f, f.Name, g.event.Done
		if err := g.fetch(ctx); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Repo, f.Name, err)
		}
		if f.Have = true; g.event.Done != g.base+f.Size { // another program has fetched it
			g.at(f.Size)
		}
	}
	unlock, err := g.lock(ctx, "links")
	if err != nil {
		return err
	}
	defer unlock()
	return c.link(s)
}

// fetching is one Fetch at work.
type fetching struct {
	*Client
	s     *Snapshot
	file  File  // at work
	base  int64 // bytes of all files before it
	event Event
}

// at tells that n bytes of the file are there.
func (g *fetching) at(n int64) {
	g.event.Done = g.base + n
	g.report(g.event)
}

// again tells that something failed and is tried again.
func (g *fetching) again(err error) {
	e := g.event
	e.Note = err.Error()
	g.report(e)
}

// fetch brings one file, unless another program does while we wait for it.
func (g *fetching) fetch(ctx context.Context) error {
	blob := g.blobPath(g.s.Repo, g.file.Hash)
	if err := os.MkdirAll(filepath.Dir(blob), 0o755); err != nil {
		return err
	}
	unlock, err := g.lock(ctx, g.file.Hash)
	if err != nil {
		return err
	}
	defer unlock()
	if have, err := g.have(ctx, g.s, g.file); have || err != nil {
		return err
	}
	return g.fill(ctx, blob)
}

// lock keeps other programs from a file, or the links, of the repository.
func (g *fetching) lock(ctx context.Context, name string) (unlock func(), err error) {
	path := filepath.Join(g.Cache, ".locks", g.s.Repo.folder(), name+".lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	l := flock.New(path)
	locked, err := l.TryLock()
	if err == nil && !locked {
		g.again(errors.New("another program is at it, waiting"))
		_, err = l.TryLockContext(ctx, 200*time.Millisecond)
	}
	return func() { _ = l.Unlock() }, err
}

// fill downloads the file beside its place, checks it, and puts it there. If a file of which a part was there
// before is wrong at the end, the part may be to blame: then it is fetched as a whole, once.
func (g *fetching) fill(ctx context.Context, blob string) error {
	part := blob + ".incomplete"
	for {
		there, err := g.there(part)
		if err != nil {
			return err
		}
		err = g.attempts(ctx, g.again, there, func() (int64, error) { return g.part(ctx, part) })
		if errors.Is(err, ErrCorrupt) {
			return errors.Join(err, os.Remove(part))
		}
		if err != nil {
			return err
		}
		sum, err := sumFile(ctx, part, g.file.Hash)
		if err != nil {
			return err
		}
		if sum == g.file.Hash {
			return os.Rename(part, blob)
		}
		err = fmt.Errorf("%w: the file's hash is %s, want %s", ErrCorrupt, sum, g.file.Hash)
		if removed := os.Remove(part); removed != nil || there == 0 {
			return errors.Join(err, removed)
		}
		g.again(err)
	}
}

// there is how much of a file an earlier attempt has left; too much is nothing.
func (g *fetching) there(part string) (int64, error) {
	info, err := os.Stat(part)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, err
	case info.Size() > g.file.Size || !info.Mode().IsRegular():
		return 0, os.Remove(part)
	}
	return info.Size(), nil
}

// part asks for the bytes that are not there and returns how many are there afterwards.
func (g *fetching) part(ctx context.Context, path string) (far int64, err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return 0, permanent{err}
	}
	defer func() {
		if closed := errors.Join(file.Sync(), file.Close()); err == nil && closed != nil {
			err = permanent{closed}
		}
	}()
	have, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, permanent{err}
	}
	if have == g.file.Size {
		return have, nil
	}
	resp, err := g.open(ctx, have)
	if errors.Is(err, errRange) {
		return 0, errors.Join(err, file.Truncate(0))
	}
	if err != nil {
		return have, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent && have > 0 { // the whole file
		if have, err = file.Seek(0, io.SeekStart); err != nil {
			return 0, permanent{err}
		}
		if err := file.Truncate(0); err != nil {
			return 0, permanent{err}
		}
	}
	return g.copy(file, resp, have)
}

// open asks for the file from byte have on, and checks that the answer is that.
func (g *fetching) open(ctx context.Context, have int64) (*http.Response, error) {
	header := map[string]string{}
	if have > 0 {
		header["Range"] = fmt.Sprintf("bytes=%d-", have)
	}
	resp, err := g.ask(ctx, http.MethodGet, g.fileURL(g.s, g.file.Name), header)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusPartialContent {
		if err := checkRange(resp.Header.Get("Content-Range"), have, g.file.Size); err != nil {
			resp.Body.Close()
			return nil, permanent{err}
		}
	}
	return resp, nil
}

// checkRange makes sure that "bytes FROM-TO/SIZE" begins where we asked, in a file of the size it has.
func checkRange(s string, from, size int64) error {
	span, total, _ := strings.Cut(strings.TrimPrefix(s, "bytes "), "/")
	begin, _, _ := strings.Cut(span, "-")
	if n, err := strconv.ParseInt(begin, 10, 64); err != nil || n != from {
		return fmt.Errorf("%w: the bytes %.100q, want those from %d on", ErrCorrupt, s, from)
	}
	if n, err := strconv.ParseInt(total, 10, 64); total != "*" && (err != nil || n != size) {
		return fmt.Errorf("%w: a file of %.50q bytes, want %d", ErrCorrupt, total, size)
	}
	return nil
}

// copy appends an answer to the file, of which have bytes are there.
func (g *fetching) copy(file *os.File, resp *http.Response, have int64) (far int64, err error) {
	left := g.file.Size - have
	if n := resp.ContentLength; n >= 0 && n != left {
		return have, permanent{fmt.Errorf("%w: a file of %d bytes, want %d", ErrCorrupt, have+n, g.file.Size)}
	}
	buffer := make([]byte, 1<<18)
	for far = have; ; {
		n, err := resp.Body.Read(buffer)
		if int64(n) > g.file.Size-far {
			return far, permanent{fmt.Errorf("%w: a file longer than %d bytes", ErrCorrupt, g.file.Size)}
		}
		if _, err := file.Write(buffer[:n]); err != nil {
			return far, permanent{err}
		}
		if far += int64(n); n > 0 {
			g.at(far)
		}
		switch {
		case err == io.EOF && far == g.file.Size:
			return far, nil
		case err == io.EOF:
			return far, fmt.Errorf("%w: it ends after %d of %d bytes", ErrNetwork, far, g.file.Size)
		case err != nil:
			return far, fmt.Errorf("after %d of %d bytes: %w", far, g.file.Size, err)
		}
	}
}
