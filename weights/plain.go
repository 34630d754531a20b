package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wrappers are parts of names that programs put in when they wrap a network or a part of it, for several devices,
// compilation or an average.
var wrappers = []string{"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}

// counters are tensors that averages keep beside the network's.
var counters = []string{"n_averaged", "num_updates", "decay", "initted", "step", "updates"}

// networks are the parts of names under which a training keeps the network, beside its losses and the like.
var networks = []string{"model", "net", "network", "_model", "generator", "denoiser", "dit", "student", "vae",
	"autoencoder"}

// tops are the first parts of names that are the networks' own: a file of one block alone keeps them.
var tops = []string{"blocks", "transformer_blocks", "encoder", "decoder", "layers", "features"}

// unwrapped returns a name without wrappers.
func unwrapped(name string) string {
	parts := strings.Split(name, ".")
	inner := slices.DeleteFunc(parts[:len(parts)-1], func(p string) bool { return slices.Contains(wrappers, p) })
	return strings.Join(append(inner, parts[len(parts)-1]), ".")
}

// item is a tensor under the name that it has in its network.
type item struct {
	name   string
	tensor Tensor
}

// plain returns the tensors of f, sorted by the names in the file, under those that they have in a network: without
// wrappers, without a beginning that ends at a dot and that all names share, and of several groups that are the same
// network only its average. What goes is noted. Where several tensors get one name, they must be equal.
func (f *File) plain() ([]item, error) {
	items, err := f.group(f.averaged(f.items()))
	if err != nil {
		return nil, err
	}
	return f.unprefixed(items), nil
}

// items returns the tensors under their names without wrappers.
func (f *File) items() []item {
	items, names := f.unwrapped(), f.Names()
	if n := slices.IndexFunc(names, func(name string) bool { return name != unwrapped(name) }); n >= 0 {
		f.note(fmt.Sprintf("what wraps a network in its names is left out: %q is %q", names[n], items[n].name))
	}
	return items
}

// unwrapped is items without a word.
func (f *File) unwrapped() (items []item) {
	for _, name := range f.Names() {
		items = append(items, item{unwrapped(name), f.tensors[name]})
	}
	return items
}

// unprefixed takes off the beginning that all names share.
func (f *File) unprefixed(items []item) []item {
	shared := ""
	for {
		items = slices.DeleteFunc(items,
			func(i item) bool { return slices.Contains(counters, i.name) && i.tensor.count() <= 1 })
		prefix := sharedPrefix(items)
		if prefix == "" {
			break
		}
		shared += prefix
		for i := range items {
			items[i].name = items[i].name[len(prefix):]
		}
	}
	if shared != "" {
		f.note(fmt.Sprintf("all names begin with %q, which is left out", shared))
	}
	return items
}

// sharedPrefix returns the first part of all names, with its dot, "" if they do not share it.
func sharedPrefix(items []item) string {
	if len(items) < 2 {
		return ""
	}
	first, _, ok := strings.Cut(items[0].name, ".")
	if !ok || slices.Contains(tops, first) ||
		slices.ContainsFunc(items, func(i item) bool { return !strings.HasPrefix(i.name, first+".") }) {
		return ""
	}
	return first + "."
}

// group returns the items of the network where the first parts of the names tell several things apart: an average
// ("ema_model.…" beside "online_model.…"), or else a network beside the rest of its training ("model.…", "loss.…").
func (f *File) group(items []item) ([]item, error) {
	groups := map[string][]item{}
	for _, i := range items {
		first, _, dotted := strings.Cut(i.name, ".")
		if !dotted {
			first = ""
		}
		groups[first] = append(groups[first], i)
	}
	if len(groups) < 2 || groups[strings.TrimSuffix(firstStage, ".")] != nil {
		return items, nil
	}
	var averages, found []string
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if averageName.MatchString(name) && !rawName.MatchString(name) && ofTheSame(groups[name], items) {
			averages = append(averages, name)
		} else if slices.Contains(networks, strings.ToLower(name)) {
			found = append(found, name)
		}
	}
	names, kind := found, "network"
	if len(averages) > 0 {
		names, kind = averages, "running average"
	}
	if len(names) == 0 {
		return items, nil
	}
	if len(names) > 1 {
		return nil, fmt.Errorf("%s: %w: names that begin with %s; want one, as FILE#%s", f.path, ErrChoice, some(names),
			names[0])
	}
	var rest []string
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if name != names[0] && name != "" {
			rest = append(rest, name)
		}
	}
	if len(rest) > 0 {
		f.note(fmt.Sprintf("the %s whose names begin with %q is taken; beside it: %s, which FILE#NAME would take", kind,
			names[0], some(rest)))
	}
	return groups[names[0]], nil
}

// ofTheSame reports whether most of the tensors of an average have a counterpart in another group.
func ofTheSame(average, all []item) bool {
	there := map[string]bool{}
	for _, i := range all {
		first, rest, ok := strings.Cut(i.name, ".")
		if ok && !averageName.MatchString(first) {
			there[rest], there[i.name] = true, true
		}
	}
	found := 0
	for _, i := range average {
		if _, rest, _ := strings.Cut(i.name, "."); there[rest] {
			found++
		}
	}
	return 2*found > len(average)
}

// note keeps a line for the user, once.
func (f *File) note(line string) {
	if !slices.Contains(f.notes, line) {
		f.notes = append(f.notes, line)
	}
}
