package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob"
)

// info is what is known of an object, or of a folder of them.
type info struct {
	name   string
	size   int64
	time   time.Time
	md5    []byte // as the store has it; nil if it has none
	folder bool
}

func (i info) Name() string               { return i.name }
func (i info) Size() int64                { return i.size }
func (i info) ModTime() time.Time         { return i.time }
func (i info) IsDir() bool                { return i.folder }
func (i info) Sys() any                   { return nil }
func (i info) Info() (fs.FileInfo, error) { return i, nil }
func (i info) Type() fs.FileMode          { return i.Mode().Type() }

func (i info) Mode() fs.FileMode {
	if i.folder {
		return fs.ModeDir | 0o755
	}
	return 0o644
}

// ID changes when a file does: the MD5 of an object where its store has it, else the time of the last change.
func ID(of fs.FileInfo) string {
	if i, ok := of.(info); ok && len(i.md5) > 0 {
		return hex.EncodeToString(i.md5)
	}
	return strconv.FormatInt(of.ModTime().UnixNano(), 10)
}

// Stat is [os.Stat]. In a bucket a folder is there if something is in it; the bucket itself always is.
func Stat(path string) (fs.FileInfo, error) {
	b, key, ok := find(path)
	if !ok {
		return os.Stat(path)
	}
	if key != "" {
		i, err := b.stat(context.Background(), key)
		if err == nil {
			return i, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	folder := info{name: filepath.Base(path), folder: true}
	objects, err := b.page(context.Background(), key, 1)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 && key != "" {
		return nil, &fs.PathError{Op: "stat", Path: b.address(key), Err: fs.ErrNotExist}
	}
	return folder, nil
}

// stat is that of an object.
func (b *bucket) stat(ctx context.Context, key string) (i info, err error) {
	err = b.try(ctx, key, 0, func(ctx context.Context, opened *blob.Bucket) error {
		a, err := opened.Attributes(ctx, key)
		if err == nil {
			i = info{name: path.Base(key), size: a.Size, time: a.ModTime, md5: a.MD5}
		}
		return err
	})
	return i, err
}

// folderOf is what the keys in a folder begin with.
func folderOf(key string) string {
	if key == "" {
		return ""
	}
	return key + "/"
}

// page returns the first few objects below a folder.
func (b *bucket) page(ctx context.Context, key string, most int) (objects []*blob.ListObject, err error) {
	err = b.try(ctx, key, 0, func(ctx context.Context, opened *blob.Bucket) (err error) {
		objects, _, err = opened.ListPage(ctx, blob.FirstPageToken, most, &blob.ListOptions{Prefix: folderOf(key)})
		if err == io.EOF {
			err = nil
		}
		return err
	})
	return objects, err
}

// each calls do with all objects below a folder, in byte order of their keys: at any depth, or those that lie in it
// and its folders. It is a request for each thousand of them.
func (b *bucket) each(ctx context.Context, key string, deep bool, do func(i info, rel string) error) error {
	const most = 1000
	options := &blob.ListOptions{Prefix: folderOf(key), Delimiter: "/"}
	if deep {
		options.Delimiter = ""
	}
	for token := blob.FirstPageToken; len(token) > 0; {
		var objects []*blob.ListObject
		var next []byte
		err := b.try(ctx, key, 0, func(ctx context.Context, opened *blob.Bucket) (err error) {
			objects, next, err = opened.ListPage(ctx, token, most, options)
			if err == io.EOF {
				err = nil
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range objects {
			rel := strings.TrimPrefix(o.Key, options.Prefix)
			if rel == "" || deep && strings.HasSuffix(rel, "/") { // what stands for a folder in consoles
				continue
			}
			rel = strings.TrimSuffix(rel, "/")
			if !fs.ValidPath(rel) {
				return fmt.Errorf("%q: the key is no path, want no part of it empty, a dot or two dots",
					b.address(o.Key))
			}
			if err := do(info{path.Base(rel), o.Size, o.ModTime, o.MD5, o.IsDir}, rel); err != nil {
				return err
			}
		}
		token = next
	}
	return nil
}

// ReadDir is [os.ReadDir]. In a bucket a folder without anything in it is an [fs.ErrNotExist].
func ReadDir(path string) ([]fs.DirEntry, error) {
	b, key, ok := find(path)
	if !ok {
		return os.ReadDir(path)
	}
	var entries []fs.DirEntry
	err := b.each(context.Background(), key, false, func(i info, _ string) error {
		entries = append(entries, i)
		return nil
	})
	if err == nil && len(entries) == 0 && key != "" {
		_, err = Stat(path) // one that is there, empty, or nothing
	}
	return entries, err
}

// List returns the files below a folder, at any depth, by their paths in it, with slashes. A folder that is not there
// is an [fs.ErrNotExist].
func List(ctx context.Context, dir string) (files []string, err error) {
	if b, key, ok := find(dir); ok {
		err = b.each(ctx, key, true, func(_ info, rel string) error {
			files = append(files, rel)
			return nil
		})
		if err == nil && len(files) == 0 {
			_, err = Stat(dir)
		}
		return files, err
	}
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err = errors.Join(err, ctx.Err()); err != nil || entry.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		files = append(files, filepath.ToSlash(rel))
		return err
	})
	return files, err
}
