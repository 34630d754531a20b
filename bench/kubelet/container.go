package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// node is the machine that pods run on.
type node struct {
	program, claims, work string
	env                   []string // of all pods
}

// container is a running pod.
type container struct {
	root   string
	mounts []string
	cmd    *exec.Cmd
	log    *os.File
	ended  chan struct{}
}

// start lays out the root of a pod, as an image FROM scratch has it, and starts its process there. It is the first of a
// PID namespace: all that it started ends with it.
func (n node) start(ctx context.Context, a api, p pod) (*container, error) {
	c := &container{root: filepath.Join(n.work, p.Metadata.UID), ended: make(chan struct{})}
	if err := n.lay(c, p); err != nil {
		_, errClose := c.close()
		return nil, errors.Join(err, errClose)
	}
	own := p.Spec.Containers[0]
	var err error
	if c.log, err = os.Create(c.root + ".log"); err != nil {
		return nil, err
	}
	c.cmd = exec.Command("/mgd3", own.Args...)
	c.cmd.Path, c.cmd.Dir, c.cmd.Err = "/mgd3", "/", nil // it is below the root, where exec does not look
	c.cmd.Stdout, c.cmd.Stderr = c.log, c.log
	c.cmd.Env = append([]string{"HOSTNAME=" + p.Metadata.Name}, n.env...)
	for _, e := range own.EnvFrom {
		env, err := a.secret(ctx, p.Metadata.Namespace, e.Secret.Name)
		if err != nil {
			return nil, err
		}
		c.cmd.Env = append(c.cmd.Env, env...)
	}
	for _, e := range own.Env {
		value := e.Value
		if e.ValueFrom != nil {
			if value, err = p.field(e.ValueFrom.FieldRef.FieldPath); err != nil {
				return nil, err
			}
		}
		c.cmd.Env = append(c.cmd.Env, e.Name+"="+value)
	}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Cloneflags: syscall.CLONE_NEWPID, Setsid: true}
	if err := c.cmd.Start(); err != nil {
		_, errClose := c.close()
		return nil, errors.Join(err, errClose)
	}
	go func() { defer close(c.ended); _ = c.cmd.Wait() }()
	return c, nil
}

// field is what a fieldRef of an environment means.
func (p pod) field(path string) (string, error) {
	kind, rest, ok := strings.Cut(path, "['")
	name, ok2 := strings.CutSuffix(rest, "']")
	switch {
	case ok && ok2 && kind == "metadata.labels":
		return p.Metadata.Labels[name], nil
	case ok && ok2 && kind == "metadata.annotations":
		return p.Metadata.Annotations[name], nil
	case path == "metadata.name":
		return p.Metadata.Name, nil
	}
	return "", fmt.Errorf("a fieldRef to %q", path)
}

func (n node) lay(c *container, p pod) error {
	for _, dir := range []string{"proc", "dev", "tmp"} {
		if err := os.MkdirAll(filepath.Join(c.root, dir), 0o755); err != nil {
			return err
		}
	}
	if err := errors.Join(os.Link(n.program, filepath.Join(c.root, "mgd3")),
		syscall.Mknod(filepath.Join(c.root, "dev", "null"), syscall.S_IFCHR|0o666, 1<<8|3)); err != nil {
		return err
	}
	if err := c.mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	from, empty := map[string]string{}, map[string]string{}
	for _, v := range p.Spec.Volumes {
		if v.EmptyDir != nil {
			empty[v.Name] = tmpfsSize.Replace("size=" + v.EmptyDir.Limit)
			continue
		}
		from[v.Name] = v.HostPath.Path
		if v.Claim.Name != "" {
			from[v.Name] = filepath.Join(n.claims, v.Claim.Name)
		}
	}
	for _, m := range p.Spec.Containers[0].Mounts {
		if size, ok := empty[m.Name]; ok { // in memory, so that its limit is kept to the byte
			if err := c.mount("tmpfs", m.Path, "tmpfs", 0, size); err != nil {
				return err
			}
			continue
		}
		if err := c.mount(from[m.Name], m.Path, "", syscall.MS_BIND, ""); err != nil {
			return err
		}
		if m.ReadOnly {
			if err := syscall.Mount("", filepath.Join(c.root, m.Path), "", syscall.MS_BIND|syscall.MS_REMOUNT|
				syscall.MS_RDONLY, ""); err != nil {
				return err
			}
		}
	}
	return nil
}

// tmpfsSize makes a limit as Kubernetes has it one of tmpfs.
var tmpfsSize = strings.NewReplacer("Ki", "k", "Mi", "m", "Gi", "g")

func (c *container) mount(from, to, kind string, flags uintptr, options string) error {
	at := filepath.Join(c.root, to)
	if err := os.MkdirAll(at, 0o755); err != nil {
		return err
	}
	if err := syscall.Mount(from, at, kind, flags, options); err != nil {
		return fmt.Errorf("mount %q at %q: %w", from, to, err)
	}
	c.mounts = append(c.mounts, at)
	return nil
}

func (c *container) kill() { _ = c.cmd.Process.Kill() }

// stop asks the process to end, and kills it ten seconds later.
func (c *container) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		c.kill()
	}
}

// close takes the root away, and returns the exit code as an engine gives it.
func (c *container) close() (code int, err error) {
	for i := len(c.mounts) - 1; i >= 0; i-- {
		err = errors.Join(err, syscall.Unmount(c.mounts[i], syscall.MNT_DETACH))
	}
	if err == nil {
		err = os.RemoveAll(c.root)
	}
	if c.log != nil {
		err = errors.Join(err, c.log.Close())
	}
	if c.cmd == nil || c.cmd.ProcessState == nil {
		return 0, err
	}
	if status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), err
	}
	return c.cmd.ProcessState.ExitCode(), err
}
