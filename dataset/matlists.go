package dataset

import (
	"errors"
	"fmt"
	"slices"
)

// Lists of images in MAT-files, which some sets have in place of text.

// mat reads a MAT-file beside the images.
func (s *shelf) mat(name string) (map[string]matVar, error) {
	data, err := s.read(name)
	if err != nil {
		return nil, err
	}
	vars, err := readMat(data)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", name, err)
	}
	return vars, nil
}

// intsIn returns the numbers of one variable.
func intsIn(vars map[string]matVar, file, name string) ([]int, error) {
	v, ok := vars[name]
	if !ok {
		return nil, fmt.Errorf("%q: has no %q", file, name)
	}
	list, err := v.ints()
	if err != nil {
		return nil, fmt.Errorf("%q: %w", file, err)
	}
	return list, nil
}

// flowers: "labels" in imagelabels.mat are the classes, from 1, of the images 1, 2, …; ids in setid.mat are the images
// of a split. The classes have no names there.
func flowers(ids string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, o OpenOptions) ([]entry, error) {
		marks, err := s.mat("imagelabels.mat")
		if err != nil {
			return nil, err
		}
		labels, err := intsIn(marks, "imagelabels.mat", "labels")
		if err != nil {
			return nil, err
		}
		sets, err := s.mat("setid.mat")
		if err != nil {
			return nil, err
		}
		images, err := intsIn(sets, "setid.mat", ids)
		if err != nil || len(labels) == 0 {
			return nil, errors.Join(err)
		}
		names, err := namesOf(o, "")
		if err != nil {
			return nil, err
		}
		names = names.fromOne(int64(slices.Max(labels)))
		var entries []entry
		for _, n := range images {
			if n < 1 || n > len(labels) {
				return nil, fmt.Errorf("%q: image %d, want 1 to %d", "setid.mat", n, len(labels))
			}
			class, err := names.class(int64(labels[n-1]))
			if err != nil {
				return nil, err
			}
			entries = append(entries, entry{fmt.Sprintf("jpg/image_%05d.jpg", n), class})
		}
		return entries, nil
	}
}

// cars: "annotations" are structs with the file's name and the class, from 1, in order of "class_names" in
// cars_meta.mat.
func cars(folder string, files ...string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, _ OpenOptions) ([]entry, error) {
		i := slices.IndexFunc(files, s.has)
		if i < 0 {
			return nil, fmt.Errorf("no file %q, which says the classes of the images", files[0])
		}
		meta, err := s.mat("devkit/cars_meta.mat")
		if err != nil {
			return nil, err
		}
		names := meta["class_names"].cells
		vars, err := s.mat(files[i])
		if err != nil {
			return nil, err
		}
		fields := vars["annotations"].fields
		images, classes := fields["fname"], fields["class"]
		if len(images) == 0 || len(images) != len(classes) {
			return nil, fmt.Errorf("%q: want structs with fname and class", files[i])
		}
		var entries []entry
		for j, image := range images {
			name, err := image.text()
			if err != nil {
				return nil, fmt.Errorf("%q: %w", files[i], err)
			}
			class, err := oneOf(names, classes[j])
			if err != nil {
				return nil, fmt.Errorf("%q: image %q: %w", files[i], name, err)
			}
			entries = append(entries, entry{folder + "/" + name, class})
		}
		return entries, nil
	}
}

// oneOf returns the name of a number from 1.
func oneOf(names []matVar, number matVar) (string, error) {
	n, err := number.ints()
	if err != nil {
		return "", err
	}
	if len(n) != 1 || n[0] < 1 || n[0] > len(names) {
		return "", fmt.Errorf("class %v, want 1 to %d", n, len(names))
	}
	return names[n[0]-1].text()
}

// dogs: "file_list" are cells with "n02085620-Chihuahua/n02085620_5927.jpg"; the folder is the class.
func dogs(file string) func(*shelf, OpenOptions) ([]entry, error) {
	return func(s *shelf, _ OpenOptions) ([]entry, error) {
		vars, err := s.mat(file)
		if err != nil {
			return nil, err
		}
		var entries []entry
		for _, cell := range vars["file_list"].cells {
			name, err := cell.text()
			if err != nil {
				return nil, fmt.Errorf("%q: %w", file, err)
			}
			e, err := classFolder("Images", name)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", file, err)
			}
			entries = append(entries, e)
		}
		return entries, nil
	}
}

// synsets returns the WordNet ids of ImageNet's classes by their numbers in the devkit.
func synsets(s *shelf, file string) (map[string]string, error) {
	vars, err := s.mat(file)
	if err != nil {
		return nil, err
	}
	fields := vars["synsets"].fields
	numbers, ids := fields["ILSVRC2012_ID"], fields["WNID"]
	if len(ids) == 0 || len(ids) != len(numbers) {
		return nil, fmt.Errorf("%q: want structs with ILSVRC2012_ID and WNID", file)
	}
	byNumber := map[string]string{}
	for i, id := range ids {
		n, err := numbers[i].ints()
		if err != nil || len(n) != 1 {
			return nil, fmt.Errorf("%q: want one number for each class", file)
		}
		if byNumber[fmt.Sprint(n[0])], err = id.text(); err != nil {
			return nil, fmt.Errorf("%q: %w", file, err)
		}
	}
	return byNumber, nil
}
