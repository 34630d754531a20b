package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"mgd3/engine"
	"mgd3/stage/atomicfile"
)

// Result is one measurement, one line of JSON: the fields of the other programs' lines, then ours.
type Result struct {
	Load    string  `json:"load"`
	Batch   int     `json:"batch"`
	Seconds float64 `json:"seconds"`    // of one run
	PerItem float64 `json:"per_item_s"` // seconds / batch
	Threads int     `json:"threads"`
	Other   string  `json:"program,omitempty"`     // name and version, in lines of other programs
	Torch   string  `json:"torch,omitempty"`       // version, in lines of bench/gpu_torch.py
	ONNX    string  `json:"onnxruntime,omitempty"` // version, in lines of older programs
	Backend string  `json:"backend,omitempty"`
	In      string  `json:"precision,omitempty"` // in lines of other programs; ours have it in the backend's name
	Failed  string  `json:"failed,omitempty"`    // why there are no figures
	GFLOP   float64 `json:"gflop_per_item,omitempty"`
	Speed   float64 `json:"gflops,omitempty"`     // GFLOP per second
	Share   float64 `json:"peak_share,omitempty"` // of the speed of multiply-adds alone on as many threads
	PeakMiB float64 `json:"peak_mib,omitempty"`   // resident memory of the process at its most, where the system tells
}

// result is what a run of the load in so many seconds means.
func (l Load) result(seconds float64) Result {
	r := Result{Load: l.Name, Batch: l.Batch, Seconds: round(seconds, 6), PerItem: round(seconds/float64(l.Batch), 7)}
	if l.GFLOP > 0 {
		r.GFLOP = round(l.GFLOP, 3)
		r.Speed = round(l.GFLOP*float64(l.Batch)/seconds, 1)
	}
	return r
}

// Of sets the share of the machine's peak in GFLOP/s; 0 is a peak that is not known.
func (r *Result) Of(peak float64) {
	if peak > 0 {
		r.Share = round(r.Speed/peak, 3)
	}
}

func round(v float64, digits int) float64 {
	unit := math.Pow10(digits)
	return math.Round(v*unit) / unit
}

// Program names what made the measurement.
func (r Result) Program() string {
	switch {
	case r.Other != "":
		return r.Other
	case r.Torch != "":
		return "PyTorch " + r.Torch
	case r.ONNX != "":
		return "ONNX Runtime " + r.ONNX
	}
	return "mgd3 " + r.Backend
}

// Precision is what the measurement was made in.
func (r Result) Precision() string {
	if r.In != "" {
		return r.In
	}
	if _, in, ok := strings.Cut(r.Backend, " in "); ok { // as engine.Engine.Name has it
		return in
	}
	return string(engine.Float32)
}

// Read reads results, one JSON object a line. Lines of other objects are refused.
func Read(r io.Reader) ([]Result, error) {
	var results []Result
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var result Result
		if err := json.Unmarshal(lines.Bytes(), &result); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if result.Load == "" || !(result.PerItem > 0) && result.Failed == "" {
			return nil, fmt.Errorf("line %d: want an object with load, and per_item_s or failed", n)
		}
		results = append(results, result)
	}
	return results, lines.Err()
}

var (
	// ErrFile marks files that cannot be read.
	ErrFile = errors.New("no file of results")
	// ErrLine marks files that hold something else than results.
	ErrLine = errors.New("no result")
)

// unreadable is an [ErrFile] with the text of its cause.
type unreadable struct{ error }

func (e unreadable) Unwrap() error { return e.error }

func (e unreadable) Is(target error) bool { return target == ErrFile }

// notResults is an [ErrLine] with the text of its cause.
type notResults struct{ error }

func (e notResults) Unwrap() error { return e.error }

func (e notResults) Is(target error) bool { return target == ErrLine }

// ReadFiles reads files of results. An error of what is in one is an [ErrLine], any other an [ErrFile].
func ReadFiles(paths []string) ([]Result, error) {
	var all []Result
	for _, path := range paths {
		file, err := atomicfile.Open(path)
		if err != nil {
			return nil, unreadable{err}
		}
		results, err := Read(file)
		file.Close()
		if err != nil {
			return nil, notResults{fmt.Errorf("%s: %w", path, err)}
		}
		all = append(all, results...)
	}
	return all, nil
}
