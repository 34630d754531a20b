package dataset

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
)

// Sets of other programs name the folders of their classes by the labels: 0, 1, …, 10; new000 (SRe2L, RDED); class_0.

var numberedFolder = regexp.MustCompile(`^(\D*?)[-_ ]?([0-9]{1,6})$`)

// labelsOf returns the labels that folders are named by: numbers, with the same word before each. Others are no labels,
// nor are n01440764 and its like, which are of WordNet.
func labelsOf(folders []string) ([]int, bool) {
	labels := make([]int, len(folders))
	begin := ""
	for i, name := range folders {
		m := numberedFolder.FindStringSubmatch(name)
		if m == nil || m[1] == "n" || i > 0 && m[1] != begin {
			return nil, false
		}
		begin = m[1]
		labels[i], _ = strconv.Atoi(m[2]) // six digits at most
	}
	return labels, len(folders) > 0
}

// Numbered tells whether classes are named by numbers: 0, 1, 10, or new000, class_0 and the like.
func Numbered(names []string) bool {
	_, ok := labelsOf(names)
	return ok
}

// nameFolders names the classes whose folders are labels, if there are names for them: number 10 is the eleventh
// name, not the third in byte order. Folders that have these names already, or are no numbers, stay as they are.
func (s *Set) nameFolders(folders []string, o OpenOptions) ([]string, error) {
	if o.Names == nil {
		return folders, nil
	}
	unnamed := slices.DeleteFunc(slices.Clone(folders),
		func(name string) bool { return slices.Contains(o.Names, name) })
	labels, ok := labelsOf(folders)
	if !ok || len(unnamed) < len(folders) {
		if len(unnamed) > 0 {
			o.notes.add(passedNames, len(unnamed), unnamed[0])
		}
		return folders, nil
	}
	names, err := newLabelNames(o.Names, "the list of class names")
	if err != nil {
		return nil, err
	}
	if all := len(labels) == len(o.Names); all && slices.Min(labels) == 1 { // 1 to N, of which none is 0
		names = names.fromOne(int64(len(o.Names)))
		o.notes.add(takenFromOne, 1, folders[slices.Index(labels, 1)])
	}
	s.folderOf = map[string]string{}
	named := make([]string, len(folders))
	for i, folder := range folders {
		class, err := names.class(int64(labels[i]))
		if err != nil {
			return nil, fmt.Errorf("folder %q: %w", folder, err)
		}
		if other, twice := s.folderOf[class]; twice {
			return nil, fmt.Errorf("the folders %q and %q are the same label, %d", other, folder, labels[i])
		}
		s.folderOf[class] = folder
		named[i] = class
	}
	slices.Sort(named)
	return named, nil
}

// Folder returns the name of the folder that a class has in the set; its own where it has none.
func (s *Set) Folder(class string) string { return s.folder(class) }

func (s *Set) folder(class string) string {
	if folder, ok := s.folderOf[class]; ok {
		return folder
	}
	return class
}
