package words

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"testing"
)

// wrapped is an error with the text of another.
type wrapped struct{ error }

func (w wrapped) Unwrap() error { return w.error }

// TestPlain: what a system call says of a file becomes what was wanted of it, wherever in an error it is.
func TestPlain(t *testing.T) {
	at := func(op, path string, err error) error { return &fs.PathError{Op: op, Path: path, Err: err} }
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("x"), "x"},
		{at("open", "a/b.json", syscall.ENOENT), `there is no file or folder "a/b.json"`},
		{fmt.Errorf("set: %w", at("stat", "a", fs.ErrNotExist)), `set: there is no file or folder "a"`},
		{at("open", "~/a", syscall.ENOENT), `there is no file or folder "~/a": the shell puts your home in the place ` +
			`of ~ only where a word begins, want "$HOME/a"`},
		{at("mkdir", "file.txt/", syscall.EEXIST), `"file.txt" is a file, want a folder`},
		{at("open", "file.txt/x", syscall.ENOTDIR), `"file.txt/x": a file is where a folder is wanted`},
		{fmt.Errorf("x: %w", at("stat", "a", syscall.ELOOP)),
			`x: "a" is a link that leads back to itself, by way of other links perhaps; want a file or a folder`},
		{at("read", "dir", syscall.EISDIR), `"dir" is a folder, want a file`},
		{at("open", "secret", syscall.EACCES), `"secret": no permission to open it`},
		{at("mkdir", "secret", syscall.EPERM), `"secret": no permission to make it`},
		{fmt.Errorf("class %q: %w", "dog", at("write", "out/x", syscall.ENOSPC)),
			`class "dog": "out/x": no space left on device`},
		{&os.LinkError{Op: "rename", Old: "t", New: "out/x", Err: syscall.EROFS}, `"out/x": read-only file system`},
		{errors.Join(at("open", "a", syscall.ENOENT), at("open", "b", syscall.ENOENT)),
			"there is no file or folder \"a\"\nthere is no file or folder \"b\""},
		{wrapped{fmt.Errorf("x: %w", at("lstat", "a b", syscall.ENOENT))},
			`x: there is no file or folder "a b"`},
	} {
		if got := Plain(c.err); got != c.want {
			t.Errorf("%v: got %q, want %q", c.err, got, c.want)
		}
	}
}
