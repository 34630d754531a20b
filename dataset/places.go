package dataset

import (
	"fmt"
	"path"
	"slices"
)

// Places365 (https://places2.csail.mit.edu) is the folders data_256 or data_large, of /a/airfield/00000001.jpg, and
// val_256 or val_large, of Places365_val_00000001.jpg, and beside them
//
//	categories_places365.txt   "/a/airfield 0"
//	places365_val.txt          "Places365_val_00000001.jpg 165"

// placesFolder returns the first of the folders that is there.
func placesFolder(s *shelf, names ...string) (string, error) {
	i := slices.IndexFunc(names, s.has)
	if i < 0 {
		return "", fmt.Errorf("no folder of the images, want one of %s", shorten(names))
	}
	return names[i], nil
}

// categories calls do with the folder, the class and the number of each scene.
func (s *shelf) categories(do func(dir, class, number string) error) error {
	return s.lines("categories_places365.txt", "", func(w []string) error {
		if len(w) != 2 {
			return fmt.Errorf("has %d words, want 2", len(w))
		}
		dir, class, err := scene(w[0])
		if err != nil {
			return err
		}
		return do(dir, class, w[1])
	})
}

func placesTrain(s *shelf, _ OpenOptions) ([]entry, error) {
	top, err := placesFolder(s, "data_256", "data_256_standard", "data_large", "data_large_standard")
	if err != nil {
		return nil, err
	}
	var entries []entry
	err = s.categories(func(dir, class, _ string) error {
		more := s.allIn(path.Join(top, dir), class)
		if len(more) == 0 {
			return fmt.Errorf("no images in the folder %q", path.Join(top, dir))
		}
		entries = append(entries, more...)
		return nil
	})
	return entries, err
}

func placesVal(s *shelf, _ OpenOptions) ([]entry, error) {
	top, err := placesFolder(s, "val_256", "val_large")
	if err != nil {
		return nil, err
	}
	classes := map[string]string{}
	if err := s.categories(func(_, class, number string) error { classes[number] = class; return nil }); err != nil {
		return nil, err
	}
	return s.byLines("places365_val.txt", "", 2, func(w []string) (entry, error) {
		class, ok := classes[w[1]]
		if !ok {
			return entry{}, fmt.Errorf("no category %s", w[1])
		}
		return entry{path.Join(top, w[0]), class}, nil
	})
}
