// Bucket copies files between a disk and a bucket, for bench/buckets.sh, by package store:
//
//	bucket get s3://lab/run DIR     all objects below the address, but hidden ones, into a folder
//	bucket put FILE s3://lab/x      a file, or the files of a folder, to an address
//	bucket list s3://lab/run        the keys below the address, hidden ones too
//	bucket race s3://lab/lock N     N conditional puts at once: how many were done, which is to be 1
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"mgd3/store"
	_ "mgd3/store/clouds"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bucket:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	for i := range args {
		path, err := store.Parse(args[i])
		if err != nil {
			return err
		}
		args[i] = path
	}
	switch {
	case len(args) == 3 && args[0] == "get":
		return get(args[1], args[2])
	case len(args) == 3 && args[0] == "put":
		return put(args[1], args[2])
	case len(args) == 2 && args[0] == "list":
		names, err := store.List(context.Background(), args[1])
		fmt.Println(strings.Join(names, "\n"))
		return err
	case len(args) == 3 && args[0] == "race":
		n, err := strconv.Atoi(args[2])
		if err != nil {
			return err
		}
		return race(args[1], n)
	}
	return fmt.Errorf("want get, put, list or race")
}

func put(from, to string) error {
	if info, err := os.Stat(from); err != nil || info.IsDir() {
		names, err := store.List(context.Background(), from)
		for _, name := range names {
			if err == nil {
				err = put(filepath.Join(from, name), filepath.Join(to, name))
			}
		}
		return err
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return store.Put(to, func(w io.Writer) error { _, err := w.Write(data); return err })
}

func get(from, to string) error {
	names, err := store.List(context.Background(), from)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasPrefix(filepath.Base(name), ".") || strings.Contains(name, "/.") || name[0] == '.' {
			continue
		}
		const most = 1 << 30
		data, err := store.Read(filepath.Join(from, name), most)
		if err != nil {
			return err
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func race(path string, n int) error {
	var done atomic.Int64
	var group sync.WaitGroup
	errs := make(chan error, n)
	for i := range n {
		group.Go(func() {
			put, err := store.PutNew(path, []byte(strconv.Itoa(i)))
			if err != nil {
				errs <- err
			}
			if put {
				done.Add(1)
			}
		})
	}
	group.Wait()
	close(errs)
	fmt.Println(done.Load())
	return <-errs
}
