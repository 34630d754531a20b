package dataset

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	// ofTotal is the name of a shard that tells how many there are: train-00001-of-00003.parquet.
	ofTotal = regexp.MustCompile(`^(.*[-_.])?(\d+)([-_]of[-_])(\d+)(.*)$`)
	// inOrder is the name of a shard with its number alone: train-000001.tar.
	inOrder = regexp.MustCompile(`^(.*?)(\d+)(\D*)$`)
	// hashed is what the library datasets once put behind a shard's number:
	// train-00000-of-00003-6ab8b3d17e4ed1d6.parquet.
	hashed = regexp.MustCompile(`-[0-9a-f]{16}(\.[^.]*)?$`)
)

// numbering is shards that are numbered together.
type numbering struct {
	digits  int
	total   int // as the names say, 0 if they do not
	numbers []int
	name    func(number string) string
}

// checkShards finds the numbers that are missing among the names of shards: an error where the names tell how many
// there are, and noted where only a gap does. Numbers begin at 0, or at 1.
func checkShards(names []string, n *notes) error {
	groups := map[string]*numbering{}
	var order []string
	for _, name := range names {
		key, number, g := shardOf(name)
		if g == nil {
			continue
		}
		if groups[key] == nil {
			groups[key] = g
			order = append(order, key)
		}
		groups[key].numbers = append(groups[key].numbers, number)
		// those of the least where they have no zeros before them
		groups[key].digits = min(groups[key].digits, g.digits)
	}
	for _, key := range order {
		g := groups[key]
		missing, count := g.missing()
		switch {
		case count == 0:
		case g.total > 0:
			return fmt.Errorf("of %d files, as their names say, %d %s missing, %q for one: fetch them", g.total, count,
				isAre(count), missing)
		default:
			n.add(passedGap, count, missing)
		}
	}
	return nil
}

// wordsEndings are those of files that lie beside shards to say something of them.
var wordsEndings = []string{".txt", ".md", ".json", ".jsonl", ".csv", ".tsv", ".yaml", ".yml", ".html", ".py", ".sh",
	".idx", ".index"}

// checkShards is that of the files that were found, and notes what else lies beside them. Of a file that the path
// itself names nothing is missing.
func (in *found) checkShards(names []string, o OpenOptions) error {
	if in.file {
		return nil
	}
	in.noteBeside(o)
	return checkShards(names, o.notes)
}

// noteBeside notes what else lies beside the files that were found, and is no text that says something of them.
func (in *found) noteBeside(o OpenOptions) {
	if in.file {
		return
	}
	for _, name := range in.others {
		if !slices.Contains(wordsEndings, strings.ToLower(filepath.Ext(name))) {
			o.notes.add(passedBeside, 1, name)
		}
	}
}

// checkMixed says whether shards seem to be of several sets: it is an error where some have the name of a split and
// others have none, and noted where their names only begin in different ways.
func (in *found) checkMixed(o OpenOptions) error {
	if in.file || in.inSplit || o.Split != "" {
		return nil
	}
	var begins, without []string
	split := ""
	for _, name := range in.names {
		begin := name
		if m := ofTotal.FindStringSubmatch(name); m != nil {
			begin = m[1]
		} else if m := inOrder.FindStringSubmatch(name); m != nil {
			begin = m[1]
		}
		if !slices.Contains(begins, begin) {
			begins = append(begins, begin)
		}
		if i := slices.IndexFunc(words(name),
			func(word string) bool { return slices.Contains(splitWords, word) }); i >= 0 {
			split = words(name)[i]
		} else {
			without = append(without, name)
		}
	}
	if split != "" && len(without) > 0 {
		return fmt.Errorf("has files of the split %q and others, %q for one: want a split to be asked for", split,
			without[0])
	}
	if len(begins) > 1 {
		o.notes.add(takenMixed, len(begins), in.names[0])
	}
	return nil
}

func isAre(count int) string {
	if count == 1 {
		return "is"
	}
	return "are"
}

// shardOf tells the name of a shard apart, into what it has in common with others and its number.
func shardOf(name string) (key string, number int, g *numbering) {
	name = hashed.ReplaceAllString(name, "$1")
	if m := ofTotal.FindStringSubmatch(name); m != nil {
		number, errN := strconv.Atoi(m[2])
		total, errT := strconv.Atoi(m[4])
		if errN != nil || errT != nil || total < 1 || number > total {
			return "", 0, nil
		}
		return strings.Join([]string{m[1], m[4], m[5]}, "\x00"), number,
			&numbering{digits: len(m[2]), total: total,
				name: func(s string) string { return m[1] + s + m[3] + m[4] + m[5] }}
	}
	m := inOrder.FindStringSubmatch(name)
	if m == nil {
		return "", 0, nil
	}
	number, err := strconv.Atoi(m[2])
	if err != nil {
		return "", 0, nil
	}
	return m[1] + "\x00" + m[3], number, &numbering{digits: len(m[2]),
		name: func(s string) string { return m[1] + s + m[3] }}
}

// missing returns the name of the first shard that is missing, and how many are.
func (g *numbering) missing() (string, int) {
	slices.Sort(g.numbers)
	have := slices.Compact(g.numbers)
	first, last := min(have[0], 1), have[len(have)-1]
	switch {
	case g.total > 0 && (have[0] == 0 || last < g.total):
		first, last = 0, g.total-1
	case g.total > 0:
		first, last = 1, g.total
	case len(have) == 1: // alone, perhaps no number of a shard
		return "", 0
	}
	count := last - first + 1 - len(have)
	for number := first; number <= last; number++ {
		if _, found := slices.BinarySearch(have, number); !found {
			return g.name(fmt.Sprintf("%0*d", g.digits, number)), count
		}
	}
	return "", 0
}
