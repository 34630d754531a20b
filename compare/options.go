// Package compare judges sets by what networks learn from them.
//
//	Compare     all methods of package baseline, all networks, several sets of each      a table
//	Sweep       settings around the published ones, by held-out training images          tables and plots
//	Auto        λ and the stop for one set of images, by held-out training images        the settings
//	Evaluation  given sets, distilled or real, on a test set                             tables and curves
//
// One set is trained on once, with the seed of the set as that of the training too, and several sets of a method make a
// mean and a deviation: "three generated sets × one training each". Evaluation alone trains several times on one set.
//
// Networks are tested on a test set to report, and on training images held out to choose: what is chosen on test images
// says nothing about others.
package compare

import (
	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/stage"
)

// Options say what Compare compares.
type Options struct {
	baseline.Maker // makes the sets; Compare sets its Report

	Test     *dataset.Set      // what the networks are tested on, with the classes of Train in their order
	IPCs     []int             // images per class, in the order in which the columns are worked on
	Methods  []baseline.Method // the rows
	Given    []Given           // further rows: sets that somebody made
	Sets     int               // sets, and so trainings, of each method and number of images
	Nets     []string          // as evaluate.New takes them; a table for each
	Protocol string            // a preset of package evaluate
	Changes  []string          // of the preset, as evaluate.Protocol.With takes them
	Teacher  *evaluate.Teacher // of protocols with soft labels

	// FullLimit takes that many images of each class for full, the first by file name; 0 takes all.
	FullLimit int

	Flags map[string][]string // of mgd3 compare, as given, for the page; nil leaves its commands out

	Report func(Event) // told of progress, from one goroutine at a time; may be nil
}

// Event says how a comparison goes on: it has one of Making, Training and Score.
type Event struct {
	Set      string          `json:"set"`                // which set it is about
	Making   *stage.Event    `json:"making,omitempty"`   // the set is being made
	Training *evaluate.Event `json:"training,omitempty"` // a network is being trained on it
	Score    *evaluate.Score `json:"score,omitempty"`    // it has been, or had been before
	Done     int             `json:"done,omitempty"`     // trainings that are over
	Total    int             `json:"total,omitempty"`    // trainings of the comparison
}

func (o *Options) report(e Event) {
	if o.Report != nil {
		o.Report(e)
	}
}
