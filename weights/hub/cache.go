package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mgd3/stage/atomicfile"
)

// folder is the name of a repository's folder in the cache.
func (r Repo) folder() string {
	return string(r.Kind) + "s--" + strings.ReplaceAll(r.ID, "/", "--")
}

func (c *Client) repoDir(r Repo) string { return filepath.Join(c.Cache, r.folder()) }

func (c *Client) snapshotDir(s *Snapshot) string {
	return filepath.Join(c.repoDir(s.Repo), "snapshots", s.Commit)
}

func (c *Client) blobPath(r Repo, hash string) string {
	return filepath.Join(c.repoDir(r), "blobs", hash)
}

func (c *Client) refPath(r Repo) string {
	return filepath.Join(c.repoDir(r), "refs", filepath.FromSlash(r.Revision))
}

func (c *Client) infoPath(r Repo) string {
	return filepath.Join(c.repoDir(r), "info", filepath.FromSlash(r.Revision))
}

// have reports whether a file is in the cache: with its size, and with c.Check with its hash.
func (c *Client) have(ctx context.Context, s *Snapshot, f File) (bool, error) {
	path := c.blobPath(s.Repo, f.Hash)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() {
		return false, fmt.Errorf("%s: is not a file", path)
	}
	if info.Size() != f.Size || !c.Check {
		return info.Size() == f.Size, nil
	}
	sum, err := sumFile(ctx, path, f.Hash)
	return sum == f.Hash, err
}

// sumFile returns the hash of a file, of the kind of want.
func sumFile(ctx context.Context, path, want string) (string, error) {
	file, err := atomicfile.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", err
	}
	var sum hash.Hash
	if len(want) == 2*sha1.Size {
		sum = sha1.New()
		fmt.Fprintf(sum, "blob %d\x00", info.Size())
	} else {
		sum = sha256.New()
	}
	buffer := make([]byte, 1<<20)
	for {
		n, err := file.Read(buffer)
		sum.Write(buffer[:n])
		if err == io.EOF {
			return hex.EncodeToString(sum.Sum(nil)), nil
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return "", err
		}
	}
}

// link gives the files of a snapshot their names, notes what the hub said, and last the commit of the revision.
func (c *Client) link(s *Snapshot) error {
	if err := c.free(s); err != nil {
		return err
	}
	for _, f := range s.Files {
		if err := linkBlob(filepath.Join(s.Dir, filepath.FromSlash(f.Name)), c.blobPath(s.Repo, f.Hash)); err != nil {
			return err
		}
	}
	if err := atomicfile.Write(c.infoPath(s.Repo),
		func(w io.Writer) error { _, err := w.Write(s.info); return err }); err != nil {
		return err
	}
	if s.Repo.Revision == s.Commit {
		return nil
	}
	return atomicfile.Write(c.refPath(s.Repo),
		func(w io.Writer) error { _, err := io.WriteString(w, s.Commit); return err })
}

// free makes sure, before the first link is made, that nothing else is where links and their folders will.
func (c *Client) free(s *Snapshot) error {
	for _, f := range s.Files {
		name := filepath.Join(s.Dir, filepath.FromSlash(f.Name))
		if info, err := os.Lstat(name); err == nil && info.IsDir() {
			return fmt.Errorf("%s: is a folder, want the place of a file: remove it", name)
		}
		for dir := filepath.Dir(name); len(dir) >= len(s.Dir); dir = filepath.Dir(dir) {
			if info, err := os.Lstat(dir); err == nil && !info.IsDir() {
				return fmt.Errorf("%s: is a file, want a folder: remove it", dir)
			}
		}
	}
	return nil
}

// linkBlob makes name a link to the blob, relative as in Python's cache; where the system has no such links,
// a second name of the same file.
func linkBlob(name, blob string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(name), blob)
	if err != nil {
		return err
	}
	if old, err := os.Readlink(name); err == nil && old == target {
		return nil
	}
	tmp := name + ".link"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if os.Symlink(target, tmp) != nil {
		if err := os.Link(blob, tmp); err != nil {
			return err
		}
	}
	return os.Rename(tmp, name)
}

// maxRef is how many bytes the file of a revision's commit may have.
const maxRef = 1 << 10

// Cached returns what the cache has of a repository, without the network. Files that are wanted and not there
// are an error. Where only Python's client has been, its list of files is not known; then each pattern must
// match a file that is there.
func (c *Client) Cached(ctx context.Context, r Repo, want Want) (*Snapshot, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	s := &Snapshot{Repo: r, Commit: r.Revision}
	if !commitForm.MatchString(r.Revision) {
		data, err := atomicfile.Read(c.refPath(r), maxRef)
		s.Commit = strings.TrimSpace(string(data))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s: %w", ErrOffline, r, err)
		}
		if err != nil || !commitForm.MatchString(s.Commit) {
			return nil, fmt.Errorf("%w: %s (%s)", ErrOffline, r, c.repoDir(r))
		}
	}
	s.Dir = c.snapshotDir(s)
	names, err := c.cachedNames(s)
	if err != nil {
		return nil, err
	}
	if names, err = want.choose(names); err != nil {
		return nil, fmt.Errorf("%w: %s (%s): %w", ErrOffline, r, s.Dir, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: %s (%s)", ErrOffline, r, s.Dir)
	}
	for _, name := range names {
		f, err := c.cachedFile(ctx, s, name)
		if err != nil {
			return nil, err
		}
		s.Files = append(s.Files, f)
	}
	return s, nil
}

// cachedNames lists the files of a snapshot as the hub did, or else those that are there.
func (c *Client) cachedNames(s *Snapshot) (names []string, err error) {
	data, err := atomicfile.Read(c.infoPath(s.Repo), atomicfile.MostText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if commit, names, err := parseInfo(data); err == nil && commit == s.Commit {
			return names, nil
		}
	}
	err = filepath.WalkDir(s.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(s.Dir, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// cachedFile looks at a file of a snapshot in the cache. The blob's name is its hash.
func (c *Client) cachedFile(ctx context.Context, s *Snapshot, name string) (File, error) {
	path := filepath.Join(s.Dir, filepath.FromSlash(name))
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return File{}, fmt.Errorf("%w: %s: %s", ErrOffline, s.Repo, name)
	}
	f := File{Name: name, Size: info.Size(), Have: true}
	if target, err := filepath.EvalSymlinks(path); err == nil && hashForm.MatchString(filepath.Base(target)) {
		f.Hash = filepath.Base(target)
	}
	if c.Check && f.Hash != "" {
		sum, err := sumFile(ctx, path, f.Hash)
		if err != nil {
			return f, err
		}
		if sum != f.Hash {
			return f, fmt.Errorf("%w: %s: %s is damaged in the cache: has %s, want %s", ErrCorrupt, s.Repo, name, sum,
				f.Hash)
		}
	}
	return f, nil
}
