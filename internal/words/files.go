package words

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

// Plain is an error's text, with what its file operations say put into words: "open x: no such file or directory"
// says which system call failed, and not what was expected.
func Plain(err error) string {
	text := err.Error()
	for _, e := range leaves(err) {
		var op, path string
		var cause error
		switch e := e.(type) {
		case *fs.PathError:
			op, path, cause = e.Op, e.Path, e.Err
		case *os.LinkError:
			op, path, cause = e.Op, e.New, e.Err
		default:
			continue
		}
		text = strings.ReplaceAll(text, e.Error(), ofFile(op, strings.TrimSuffix(path, "/"), cause))
	}
	return text
}

// leaves returns all errors that err is made of.
func leaves(err error) []error {
	switch e := err.(type) {
	case *fs.PathError, *os.LinkError:
		return []error{e}
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return leaves(inner)
		}
	case interface{ Unwrap() []error }:
		var all []error
		for _, inner := range e.Unwrap() {
			all = append(all, leaves(inner)...)
		}
		return all
	}
	return nil
}

func ofFile(op, path string, cause error) string {
	switch {
	case errors.Is(cause, fs.ErrNotExist) && strings.HasPrefix(path, "~/"):
		return fmt.Sprintf("there is no file or folder %q: the shell puts your home in the place of ~ only where a "+
			"word begins, want %q", path, "$HOME"+path[1:])
	case errors.Is(cause, fs.ErrNotExist):
		return fmt.Sprintf("there is no file or folder %q", path)
	case errors.Is(cause, syscall.ENOTDIR):
		return fmt.Sprintf("%q: a file is where a folder is wanted", path)
	case errors.Is(cause, syscall.ELOOP):
		return fmt.Sprintf("%q is a link that leads back to itself, by way of other links perhaps; want a file "+
			"or a folder", path)
	case errors.Is(cause, syscall.EISDIR):
		return fmt.Sprintf("%q is a folder, want a file", path)
	case op == "mkdir" && errors.Is(cause, fs.ErrExist):
		return fmt.Sprintf("%q is a file, want a folder", path)
	case errors.Is(cause, fs.ErrPermission):
		return fmt.Sprintf("%q: no permission to %s it", path, map[string]string{"mkdir": "make", "open": "open",
			"stat": "look at", "lstat": "look at"}[op])
	}
	return fmt.Sprintf("%q: %v", path, cause)
}
