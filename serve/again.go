package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"mgd3/distill"
	"mgd3/review"
)

// wanted says how an image is to be made again.
type wanted struct {
	Image int  `json:"image"`
	Mode  *int `json:"mode"` // of its class; that which it has if it is not given
	distill.Change
}

// Job is an image that is being made again, or the last one that was.
type Job struct {
	ID       int               `json:"id"`
	Image    int               `json:"image"`
	Step     int               `json:"step"`
	Steps    int               `json:"steps"`
	Previews int               `json:"previews"` // numbers of /preview/K, the first steps first
	Ended    bool              `json:"ended"`
	Error    string            `json:"error,omitempty"`
	Made     *review.Candidate `json:"made,omitempty"`
}

const mostPreviews = 12 // looks at an image on its way, evenly over the steps; each costs a decoding

// jobs makes images again, one at a time: networks fill the memory, and the last job is what pages ask about. mu guards
// all but run and free, which the goroutine of the job at work has to itself; close waits for it before it frees.
type jobs struct {
	mu       sync.Mutex
	job      *Job // at work, or the last one; nil before the first
	previews [][]byte
	stop     context.CancelFunc
	ended    chan struct{} // of the last job
	closed   bool

	run  *distill.Run // opened with the first job
	free func()
}

// now is a copy of the job; nil if there was none.
func (j *jobs) now() *Job {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.job == nil {
		return nil
	}
	job := *j.job
	return &job
}

// preview is the k-th look at the image on its way.
func (j *jobs) preview(k int) []byte {
	j.mu.Lock()
	defer j.mu.Unlock()
	if k < 0 || k >= len(j.previews) {
		return nil
	}
	return j.previews[k]
}

// cancel ends a job, if it is the one at work.
func (j *jobs) cancel(id int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.job != nil && j.job.ID == id && !j.job.Ended {
		j.stop()
	}
}

// close ends the job at work, and closes the networks.
func (j *jobs) close() {
	j.mu.Lock()
	j.closed = true
	stop, ended := j.stop, j.ended
	j.mu.Unlock()
	if stop != nil {
		stop()
		<-ended
	}
	if j.free != nil {
		j.free()
	}
}

var errBusy = errors.New("another image is being made; wait, or cancel that")

// again begins to make an image again. What is not given is as the image was made: seed, mode and settings of the run.
// So an unchanged request gives the bytes of the image.
func (s *Server) again(a wanted) answer {
	im, ok := s.image(strconv.Itoa(a.Image))
	if !ok {
		return refuse(http.StatusNotFound, errors.New("there is no such image"))
	}
	if s.Open == nil {
		return refuse(http.StatusConflict, errors.New("the networks are not known: start mgd3 serve with --model"))
	}
	was, err := distill.SampledWith(s.Dir)
	if err != nil {
		return refuse(http.StatusConflict, fmt.Errorf("the run's stages are not there: %w", err))
	}
	if a.Seed == nil { // of a pool the image that was kept: the others need not be drawn again
		a.Seed, was.PoolOf, was.Choose, was.Teacher = &im.Seed, 0, "", ""
	}
	settings, err := a.Of(was)
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	l := s.listing.Load()
	to := distill.Again{Class: l.manifest.Classes[l.images[a.Image].class].Name, Mode: im.Mode, Settings: settings}
	if a.Mode != nil {
		to.Mode = *a.Mode
	}
	job, err := s.jobs.begin(a.Image, func(ctx context.Context) (review.Candidate, error) { return s.make(ctx, to) },
		s.watch.changed)
	if err != nil {
		return refuse(http.StatusConflict, err)
	}
	return inJSON(http.StatusAccepted, job)
}

// begin starts a job, unless one is at work, which is errBusy; told is called when it has ended. The job outlives the
// request that began it: only cancel and close end it.
func (j *jobs) begin(image int, do func(context.Context) (review.Candidate, error), told func()) (Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.job != nil && !j.job.Ended {
		return Job{}, errBusy
	}
	id := 1
	if j.job != nil {
		id = j.job.ID + 1
	}
	ctx, stop := context.WithCancel(context.Background())
	j.job, j.previews, j.stop, j.ended = &Job{ID: id, Image: image}, nil, stop, make(chan struct{})
	go func(ended chan struct{}) {
		defer close(ended)
		defer stop()
		c, err := safely(ctx, do)
		j.mu.Lock()
		j.job.Ended = true
		switch {
		case errors.Is(err, context.Canceled):
			j.job.Error = "cancelled"
		case err != nil:
			j.job.Error = err.Error()
		default:
			j.job.Made = &c
		}
		j.mu.Unlock()
		told()
	}(j.ended)
	return *j.job, nil
}

// safely makes an error of a panic: a job must not end the server.
func safely(ctx context.Context, do func(context.Context) (review.Candidate, error)) (c review.Candidate, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("this failed: %v", p)
		}
	}()
	return do(ctx)
}

// make makes an image again, and keeps it beside the run, where a decision can name it. The first one opens the
// networks, which stay open.
func (s *Server) make(ctx context.Context, a distill.Again) (c review.Candidate, err error) {
	j := &s.jobs
	if j.run == nil {
		if j.run, j.free, err = s.Open(ctx); err != nil {
			return c, err
		}
	}
	run := *j.run
	run.Out = s.Dir
	steps, err := a.Settings.StepCount()
	if err != nil {
		return c, err
	}
	a.Every = (steps + mostPreviews - 1) / mostPreviews
	a.See = func(step, steps int, png []byte) error {
		j.mu.Lock()
		j.previews = append(j.previews, png)
		j.job.Step, j.job.Steps, j.job.Previews = step+1, steps, len(j.previews)
		j.mu.Unlock()
		s.watch.changed()
		return ctx.Err()
	}
	d, err := run.Again(ctx, a)
	if err != nil {
		return c, err
	}
	return s.journal.Add(a.Class, d)
}
