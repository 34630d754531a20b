package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"mgd3/store"
)

// layout is a way in which sets lie on disk other than as files in folders of classes.
type layout struct {
	// files returns which of the names in a folder, in byte order, are the set; none if it is not such a one.
	files func(names []string) []string
	open  func(ctx context.Context, in found, o OpenOptions) (source, lister, error)
}

var layouts = []layout{
	{withEnding(".parquet"), openParquet},
	{cifarFiles, openCIFAR},
	{pickledCIFAR, refusePickles},
	{idxFiles, openIDX},
	{stlFiles, openSTL},
	{svhnFiles, openSVHN},
	{withEnding(".tar"), openTars},
}

// found is a set in one of the layouts.
type found struct {
	layout  layout
	dir     string   // where the files are
	names   []string // of the files, in byte order
	inSplit bool     // dir lies in the folder of the split
	file    bool     // the path names the only file, not the folder
	others  []string // files beside them
	above   []string // files like them in the folders above
}

func withEnding(ending string) func([]string) []string {
	return func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return filepath.Ext(name) != ending })
	}
}

// usualFolders are those in which sets are often found below the folder that was downloaded or unpacked.
var usualFolders = []string{"data", "default", "cifar-10-batches-bin", "cifar-100-binary", "stl10_binary", "gzip",
	"raw", "snapshots"}

// findLayout looks for a set in one of the layouts: in the folder, or below it in the folder of the split, one of
// the usual ones, or a lone one. A folder counts only if it has no others in it.
func findLayout(dir, split string) (found, bool, error) {
	inSplit := false
	var above []string
	const deep = 5
	for range deep {
		files, folders, err := namesIn(dir)
		if err != nil {
			return found{}, false, err
		}
		if len(folders) == 0 {
			for _, l := range layouts {
				if names := l.files(files); len(names) > 0 {
					others := slices.DeleteFunc(files, func(name string) bool { return slices.Contains(names, name) })
					return found{layout: l, dir: dir, names: names, inSplit: inSplit, others: others,
						above: l.files(above)}, true, nil
				}
			}
			return found{}, false, nil
		}
		below := ""
		switch {
		case split != "" && slices.Contains(folders, split):
			below, inSplit = split, true
		case len(folders) == 1:
			below = folders[0]
		default:
			for _, name := range usualFolders {
				if below == "" && slices.Contains(folders, name) {
					below = name
				}
			}
		}
		if below == "" {
			return found{}, false, nil
		}
		above = append(above, files...)
		dir = filepath.Join(dir, below)
	}
	return found{}, false, nil
}

// namesIn returns the names of what is in a folder, in byte order.
func namesIn(dir string) (files, folders []string, err error) {
	entries, err := store.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		name, folder := entry.Name(), entry.IsDir()
		if entry.Type() == fs.ModeSymlink {
			info, err := os.Stat(filepath.Join(dir, name))
			folder = err == nil && info.IsDir()
		}
		switch {
		case ignored(name):
		case folder:
			folders = append(folders, name)
		default:
			files = append(files, name)
		}
	}
	slices.Sort(files)
	return files, folders, nil
}

// splitWords are the names of splits, as sets have them.
var splitWords = []string{"train", "test", "val", "valid", "validation", "dev"}

// choose leaves the files of the split that was asked for: those whose names have it as a word. In files of several
// splits one must be asked for.
func (in *found) choose(split string) error {
	if split != "" && !in.inSplit {
		chosen := slices.DeleteFunc(slices.Clone(in.names),
			func(name string) bool { return !slices.Contains(words(name), split) })
		if len(chosen) == 0 {
			return fmt.Errorf("no file of split %q, have %s", split, shorten(in.names))
		}
		in.names = chosen
		return nil
	}
	var splits []string
	for _, name := range in.names {
		for _, word := range words(name) {
			if slices.Contains(splitWords, word) && !slices.Contains(splits, word) {
				splits = append(splits, word)
			}
		}
	}
	if len(splits) > 1 && !in.inSplit {
		return fmt.Errorf("has files of the splits %s, want one to be asked for", strings.Join(splits, ", "))
	}
	return nil
}

func words(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// collector enters images by class below the folder of a split, "" if there is none.
type collector struct {
	dirs  tree
	split string
	of    map[string]*listing
}

func newCollector(split string) *collector {
	return &collector{tree{".": {}}, split, map[string]*listing{}}
}

// checkOnly refuses labels that are all the same, unless one class was asked for: of a sorted set perhaps the first
// shard is there alone.
func (c *collector) checkOnly(o OpenOptions) error {
	if len(c.of) != 1 || o.Classes != nil {
		return nil
	}
	for class, l := range c.of {
		if len(l.images) > 1 {
			return fmt.Errorf("all %d images have the label of class %q, want at least two classes; --classes with a "+
				"list of that name alone takes it",
				len(l.images), class)
		}
	}
	return nil
}

func (c *collector) add(class string, f file) {
	l := c.of[class]
	if l == nil {
		l = c.dirs.folder(path.Join(c.split, class))
		c.of[class] = l
	}
	l.images = append(l.images, f)
}
