package main

import (
	"io"
	"sync"

	"mgd3/stage/atomicfile"
)

// sink is standard output. It remembers the first error of a write, so that a command whose words were lost does
// not end as if all were well, whoever printed them.
type sink struct {
	mu  sync.Mutex
	to  io.Writer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.to.Write(p)
	if err != nil {
		s.err = atomicfile.Failed("standard output", err)
	}
	return n, s.err
}

// failure returns the error of the first write that failed.
func (s *sink) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fail(exitOutput, "what the command printed is not complete", s.err)
}
