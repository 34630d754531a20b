package dataset

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// The validation images of ImageNet (ILSVRC2012) lie in one folder; their classes are
//
//	LOC_val_solution.csv                    "ILSVRC2012_val_00048981,n03995372 85 1 499 272", of Kaggle
//	ILSVRC2012_validation_ground_truth.txt  the numbers of the images' classes, in order; meta.mat has their WordNet
//	                                        ids
//	val.txt, synsets.txt                    "ILSVRC2012_val_00000001.JPEG 65", and the ids of the classes 0, 1, …, of
//	                                        Caffe
//
// Where a script has moved them into folders of classes, these count.

// flatVal tells whether the images are still in one folder.
func (s *shelf) flatVal(dir string) bool { return len(s.list(dir).images) > 0 }

func kaggleVal(s *shelf, _ OpenOptions) ([]entry, error) {
	if dir := kaggle + "/val"; !s.flatVal(dir) {
		return s.byFolders(dir, "")
	}
	var entries []entry
	err := s.lines("LOC_val_solution.csv", ",", func(w []string) error {
		if w[0] == "ImageId" {
			return nil
		}
		if len(w) < 2 || len(strings.Fields(w[1])) == 0 {
			return fmt.Errorf("want an image and its class")
		}
		entries = append(entries, entry{kaggle + "/val/" + w[0] + ".JPEG", strings.Fields(w[1])[0]})
		return nil
	})
	return entries, err
}

func devkitVal(s *shelf, _ OpenOptions) ([]entry, error) {
	if !s.flatVal("val") {
		return s.byFolders("val", "")
	}
	ids, err := synsets(s, devkit+"/meta.mat")
	if err != nil {
		return nil, err
	}
	n := 0
	return s.byLines(devkit+"/ILSVRC2012_validation_ground_truth.txt", "", 1, func(w []string) (entry, error) {
		n++
		class, ok := ids[w[0]]
		if !ok {
			return entry{}, fmt.Errorf("no class %q in meta.mat", w[0])
		}
		return entry{path.Join("val", fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", n)), class}, nil
	})
}

func caffeVal(s *shelf, _ OpenOptions) ([]entry, error) {
	if !s.flatVal("val") {
		return s.byFolders("val", "")
	}
	var ids []string
	if err := s.lines("synsets.txt", "", func(w []string) error { ids = append(ids, w[0]); return nil }); err != nil {
		return nil, err
	}
	return s.byLines("val.txt", "", 2, func(w []string) (entry, error) {
		n, err := strconv.Atoi(w[1])
		if err != nil || n < 0 || n >= len(ids) {
			return entry{}, fmt.Errorf("label %q, want 0 to %d", w[1], len(ids)-1)
		}
		return entry{path.Join("val", w[0]), ids[n]}, nil
	})
}
