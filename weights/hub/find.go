package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"mgd3/internal/foreign"
)

const (
	headerETag = "X-Linked-Etag"
	headerSize = "X-Linked-Size"
)

// File is one file of a repository.
type File struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
	Hash string `json:"hash"` // SHA-256, or SHA-1 of the git blob, in hex
	Have bool   `json:"-"`    // it is in the cache
}

// Snapshot is a revision of a repository, as far as it is wanted.
type Snapshot struct {
	Repo   Repo
	Commit string
	Files  []File
	Dir    string // the folder in the cache; there after Fetch
	info   []byte // what the hub said
}

// Missing returns how many files, and bytes, are not in the cache.
func (s *Snapshot) Missing() (files int, bytes int64) {
	for _, f := range s.Files {
		if !f.Have {
			files, bytes = files+1, bytes+f.Size
		}
	}
	return files, bytes
}

// Want says which files of a repository to take.
type Want struct {
	// Patterns of which a name must match one; * is any text, slashes too, as in Python's client. None
	// takes all. Each must match a file.
	Include []string
	// Lean leaves out what is there twice: x.bin, x.pt, x.ckpt and the like beside x.safetensors, x.fp16.* and
	// x.non_ema.* beside x.*, and shards beside a whole file; see lean.go.
	Lean bool
}

// Find asks the hub for the files of a repository, with their sizes and hashes, and looks which of them are
// in the cache. Nothing is written. It asks once for the list and once for each file.
func (c *Client) Find(ctx context.Context, r Repo, want Want) (*Snapshot, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	s := &Snapshot{Repo: r}
	names, err := c.list(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	if err := clash(names); err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	if names, err = want.choose(names); err != nil {
		return nil, fmt.Errorf("%s: %w", r, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: %s has no files", ErrNotFound, r)
	}
	s.Dir = c.snapshotDir(s)
	for _, name := range names {
		f, err := c.head(ctx, s, name)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", r, name, err)
		}
		if f.Have, err = c.have(ctx, s, f); err != nil {
			return nil, err
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// maxInfo is more than the hub says of any repository: its lists end at some ten thousands of files.
const maxInfo = 64 << 20

// list returns the names of all files, and notes the commit.
func (c *Client) list(ctx context.Context, s *Snapshot) (names []string, err error) {
	address := fmt.Sprintf("%s/api/%ss/%s/revision/%s", c.Endpoint, s.Repo.Kind, s.Repo.ID,
		url.PathEscape(s.Repo.Revision))
	err = c.attempts(ctx, c.tellAgain(""), 0, func() (int64, error) {
		resp, err := c.ask(ctx, http.MethodGet, address, nil)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		s.info, err = io.ReadAll(io.LimitReader(resp.Body, maxInfo+1))
		return 0, err
	})
	if err != nil {
		return nil, err
	}
	s.Commit, names, err = parseInfo(s.info)
	if err == nil && commitForm.MatchString(s.Repo.Revision) && s.Commit != s.Repo.Revision {
		return nil, fmt.Errorf("%w: commit %s", ErrCorrupt, s.Commit)
	}
	return names, err
}

// parseInfo reads the hub's answer. Names that would leave the folder are refused, all of them.
func parseInfo(data []byte) (commit string, names []string, err error) {
	var info struct {
		SHA      string `json:"sha"`
		Siblings []struct {
			Name string `json:"rfilename"`
		} `json:"siblings"`
	}
	if len(data) > maxInfo {
		return "", nil, fmt.Errorf("%w: a list of files of more than %d bytes", ErrCorrupt, maxInfo)
	}
	if d := foreign.Describe(data[:min(len(data), foreign.HeadSize)], int64(len(data))); d != "" {
		return "", nil, fmt.Errorf("%w: its list of files: it is %s", ErrCorrupt, d)
	}
	if err := json.Unmarshal(data, &info); err != nil {
		return "", nil, fmt.Errorf("%w: its list of files of %d bytes is not the JSON that it should be", ErrCorrupt,
			len(data))
	}
	if !commitForm.MatchString(info.SHA) {
		return "", nil, fmt.Errorf("%w: its list of files names the commit %.50q, want 40 hex digits", ErrCorrupt,
			info.SHA)
	}
	for _, f := range info.Siblings {
		if !safePath(f.Name) {
			return "", nil, fmt.Errorf("%w: a file of the name %.200q", ErrCorrupt, f.Name)
		}
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return info.SHA, slices.Compact(names), nil
}

// clash finds a name that is a file and the folder of another, which no disk can hold.
func clash(names []string) error {
	files := map[string]bool{}
	for _, name := range names {
		files[name] = true
	}
	for _, name := range names {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if files[dir] {
				return fmt.Errorf("%w: the file %q, and a file %q below it", ErrCorrupt, dir, name)
			}
		}
	}
	return nil
}

// choose returns the names that are wanted.
func (w Want) choose(names []string) ([]string, error) {
	if len(w.Include) == 0 {
		return w.lean(names), nil
	}
	chosen := map[string]bool{}
	for _, pattern := range w.Include {
		found := false
		for _, name := range names {
			ok, err := match(pattern, name)
			if err != nil {
				return nil, fmt.Errorf("%w: pattern %q", ErrName, pattern)
			}
			if ok {
				chosen[name], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("%w: no file is %s, there are %s", ErrNotFound, pattern, some(names))
		}
	}
	return w.lean(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !chosen[name] })), nil
}

// match is path.Match with slashes like other letters.
func match(pattern, name string) (bool, error) {
	flat := strings.NewReplacer("/", "\x01")
	return path.Match(flat.Replace(pattern), flat.Replace(name))
}

// some names the first of many.
func some(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s, and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// fileURL is where the hub has a file.
func (c *Client) fileURL(s *Snapshot, name string) string {
	parts := strings.Split(name, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return fmt.Sprintf("%s/%s/resolve/%s/%s", c.Endpoint, s.Repo.path(), s.Commit, strings.Join(parts, "/"))
}

// head asks for the size and hash of a file.
func (c *Client) head(ctx context.Context, s *Snapshot, name string) (f File, err error) {
	err = c.attempts(ctx, c.tellAgain(name), 0, func() (int64, error) {
		resp, err := c.ask(ctx, http.MethodHead, c.fileURL(s, name), nil)
		if err != nil {
			return 0, err
		}
		defer resp.Body.Close()
		f, err = fileOf(name, resp)
		return 0, err
	})
	return f, err
}

// fileOf reads size and hash from the headers.
func fileOf(name string, resp *http.Response) (File, error) {
	f := File{Name: name, Size: resp.ContentLength}
	tag := first(resp.Header.Get(headerETag), resp.Header.Get("ETag"))
	f.Hash = strings.ToLower(strings.Trim(strings.TrimPrefix(tag, "W/"), `"`))
	if !hashForm.MatchString(f.Hash) {
		return f, permanent{fmt.Errorf("%w: the ETag %.100q, want a hash to hold the file against", ErrCorrupt, tag)}
	}
	if linked := resp.Header.Get(headerSize); linked != "" {
		size, err := strconv.ParseInt(linked, 10, 64)
		if err != nil {
			return f, permanent{fmt.Errorf("%w: the size %.50q", ErrCorrupt, linked)}
		}
		f.Size = size
	}
	if f.Size < 0 {
		return f, permanent{fmt.Errorf("%w: no size of the file", ErrCorrupt)}
	}
	return f, nil
}

// tellAgain returns what tells the user that something failed and is tried again.
func (c *Client) tellAgain(file string) func(error) {
	return func(err error) { c.report(Event{File: file, Note: err.Error()}) }
}
