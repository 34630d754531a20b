package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// refused wants the code of the output, and a file of the run by its name.
func (r *round) refused(code int, text string) error {
	if err := sane(code, text); err != nil {
		return err
	}
	if code != 5 || !strings.Contains(text, r.out) {
		return fmt.Errorf("ended with %d, want 5 and a file below the output folder: %s", code, text)
	}
	return nil
}

// room judges a run on a disk that may be too small for it: it ends well, or is refused.
func (r *round) room(code int, text string) error {
	if code == 0 {
		r.counts["enough room"]++
		return nil
	}
	r.counts["refused"]++
	return r.refused(code, text)
}

// limit lets no file grow beyond a size, as a quota does.
func (r *round) limit() error {
	script := fmt.Sprintf(`ulimit -f %d; trap "" XFSZ; exec "$@"`, r.IntN(12)) // blocks of 512 bytes
	code, text := r.run(nil, append([]string{"sh", "-c", script, "sh", r.mgd3}, r.command(r.out)...))
	if err := r.room(code, text); err != nil {
		return err
	}
	return r.same()
}

// mounted mounts a file system in memory at the round's folder, with options, and takes it away after do.
func (r *round) mounted(options string, do func() error) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("%w: only root can mount", errSkipped)
	}
	if err := mount("-t", "tmpfs", "-o", options, "tmpfs", r.dir); err != nil {
		return fmt.Errorf("%w: %v", errSkipped, err)
	}
	err := do()
	if errOff := exec.Command("umount", r.dir).Run(); errOff != nil && err == nil {
		err = fmt.Errorf("umount: %w", errOff)
	}
	return err
}

func mount(args ...string) error {
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	return nil
}

// full runs on a disk that becomes full, and on a larger one then.
func (r *round) full() error {
	return r.mounted(fmt.Sprintf("size=%dk", 4*(1+r.IntN(40))), func() error {
		code, text := r.mgd3Run(nil, r.command(r.out)...)
		if err := r.room(code, text); err != nil {
			return err
		}
		if err := mount("-o", "remount,size=64m", r.dir); err != nil {
			return err
		}
		return r.same()
	})
}

// readonly makes the disk of a whole run, or of a part of one, read-only.
func (r *round) readonly() error {
	return r.mounted("size=64m", func() error {
		if err := os.CopyFS(r.out, os.DirFS(filepath.Join(r.work, "whole"))); err != nil {
			return err
		}
		whole := r.IntN(2) == 0
		if !whole {
			parts := []string{"manifest.json", "images/dog/0001.png", "samples/dog/0001.safetensors", "samples",
				"modes", "modes/dog.safetensors", "latents",
				"latents/owl.safetensors", "images"}
			if err := os.RemoveAll(filepath.Join(r.out, parts[r.IntN(len(parts))])); err != nil {
				return err
			}
		}
		if err := mount("-o", "remount,ro", r.dir); err != nil {
			return err
		}
		code, text := r.mgd3Run(nil, r.command(r.out)...)
		if whole {
			r.counts["whole"]++
			if code != 0 {
				return fmt.Errorf("a whole run: %d: %s", code, text)
			}
			return r.isSame()
		}
		r.counts["a part"]++
		if err := r.refused(code, text); err != nil {
			return err
		}
		if err := mount("-o", "remount,rw", r.dir); err != nil {
			return err
		}
		return r.same()
	})
}

// times gives the files of a run, whole or killed, times in the future and the past.
func (r *round) times() error {
	whole := r.IntN(2) == 0
	if whole {
		if err := os.CopyFS(r.out, os.DirFS(filepath.Join(r.work, "whole"))); err != nil {
			return err
		}
	} else if code, text := r.mgd3Run(send(syscall.SIGKILL, r.moment(r.took)), r.command(r.out)...); code != 0 &&
		code != -1 {
		return fmt.Errorf("ended with %d: %s", code, text)
	}
	err := filepath.WalkDir(r.dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := time.Now().Add(time.Duration(r.NormFloat64() * float64(10*365*24*time.Hour)))
		return os.Chtimes(path, at, at)
	})
	if err != nil {
		return err
	}
	before, err := inodes(r.out)
	if err != nil {
		return err
	}
	if err := r.same(); err != nil {
		return err
	}
	after, err := inodes(r.out)
	if err != nil {
		return err
	}
	if whole {
		r.counts["whole"]++
		for name, inode := range before {
			if after[name] != inode {
				return fmt.Errorf("%s was made again", name)
			}
		}
	} else {
		r.counts["killed"]++
	}
	return nil
}

// inodes are of all files that are not hidden: a file that is written again has another.
func inodes(dir string) (map[string]uint64, error) {
	files := map[string]uint64{}
	err := walk(dir, func(path string) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			files[path] = stat.Ino
		}
		return nil
	})
	return files, err
}
