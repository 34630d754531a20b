package main

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"mgd3/internal/fixtures/storetest"
)

// bucket is machines on a run in a bucket, whose store goes wrong: in the ways that heal by another try, and now and
// then its credentials are refused, which ends a process with code 5.
func (r *round) bucket() error {
	for name, value := range storetest.Environ {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	s, stop := storetest.Start()
	defer stop()
	var wrong, refused int // both with the store's lock held
	s.Fault = r.faults(&wrong, &refused)
	for _, command := range r.stages(s.Address("out")) {
		if err := r.together(r.shared(command, termInBucket)); err != nil {
			return fmt.Errorf("%s: %w", command[0], err)
		}
	}
	s.Lock()
	s.Fault = nil
	r.counts["store errors"], r.counts["refusals"] = wrong, refused
	s.Unlock()
	code, text := r.mgd3Run(nil, r.command(s.Address("out"))...)
	if err := sane(code, text); err != nil || code != 0 {
		return fmt.Errorf("the next run: %d, %v: %s", code, err, text)
	}
	got := map[string]string{}
	s.Lock()
	for key, data := range s.Objects {
		if name := strings.TrimPrefix(key, "out/"); name == "manifest.json" || strings.HasPrefix(name, "images/") {
			got[name] = fmt.Sprintf("%x", sha256.Sum256(data))
		}
	}
	s.Unlock()
	if err := equal(got, r.want); err != nil {
		return err
	}
	if code, text := r.mgd3Run(nil, "verify", s.Address("out")); code != 0 {
		return fmt.Errorf("verify: %d: %s", code, text)
	}
	return nil
}

// faults are those of a store: one request in some is answered wrongly, one in many hundreds refused.
func (r *round) faults(wrong, refused *int) func() storetest.Fault {
	random := rand.New(rand.NewPCG(r.Uint64(), 0))
	one := 10 + r.IntN(90)
	return func() storetest.Fault {
		switch {
		case random.IntN(600) == 0:
			*refused++
			return storetest.Expired
		case random.IntN(one) == 0:
			*wrong++
			return storetest.Ways[random.IntN(len(storetest.Ways))]
		}
		return storetest.None
	}
}
