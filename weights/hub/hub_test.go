package hub

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestOffline(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	some := Want{Include: []string{"config.json", "vae/*"}, Lean: true}
	if _, err := c.Cached(t.Context(), repo, some); !errors.Is(err, ErrOffline) ||
		!strings.Contains(err.Error(), "org/name") {
		t.Fatalf("nothing there: got %v, want ErrOffline", err)
	}
	if _, err := pull(t.Context(), c, some); err != nil {
		t.Fatal(err)
	}
	before := s.count()
	defer func() {
		if s.count() != before {
			t.Errorf("there were %d requests", s.count()-before)
		}
	}()
	snap, err := c.Cached(t.Context(), repo, some)
	if err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t, snap.Dir, "config.json", "vae/diffusion_pytorch_model.safetensors")
	if n, _ := snap.Missing(); n != 0 || len(snap.Files) != 2 || snap.Commit != commit {
		t.Errorf("got %+v, want 2 files, none missing", snap)
	}
	if _, err := c.Cached(t.Context(), repo, Want{}); !errors.Is(err, ErrOffline) ||
		!strings.Contains(err.Error(), "empty.txt") {
		t.Errorf("all files: got %v, want ErrOffline that names empty.txt", err)
	}
	if _, err := c.Cached(t.Context(), Repo{Model, "org/name", commit}, some); err != nil {
		t.Errorf("by commit: %v", err)
	}

	// Python's cache has no list of files.
	if err := os.RemoveAll(filepath.Join(c.repoDir(repo), "info")); err != nil {
		t.Fatal(err)
	}
	if snap, err := c.Cached(t.Context(), repo, some); err != nil || len(snap.Files) != 2 {
		t.Errorf("Python's cache: %+v, %v", snap, err)
	}
	if _, err := c.Cached(t.Context(), repo, Want{Include: []string{big}}); !errors.Is(err, ErrOffline) {
		t.Errorf("Python's cache: got %v, want ErrOffline", err)
	}
	if err := os.Remove(c.blobPath(repo, sumOf(s.files["config.json"]))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Cached(t.Context(), repo, some); !errors.Is(err, ErrOffline) ||
		!strings.Contains(err.Error(), "config.json") {
		t.Errorf("a link to nothing: got %v, want ErrOffline that names config.json", err)
	}
}

func TestWant(t *testing.T) {
	names := []string{"a.bin", "b.bin", "b.safetensors", "c.fp16.safetensors", "d.fp16.safetensors", "d.safetensors",
		"sub/e.json"}
	tests := []struct {
		want Want
		got  string // space between names; an error if empty
	}{
		{Want{}, strings.Join(names, " ")},
		{Want{Lean: true}, "a.bin b.safetensors c.fp16.safetensors d.safetensors sub/e.json"},
		{Want{Include: []string{"*.json"}}, "sub/e.json"},
		{Want{Include: []string{"b*"}}, "b.bin b.safetensors"},
		{Want{Include: []string{"b*"}, Lean: true}, "b.safetensors"},
		{Want{Include: []string{"b.bin"}}, "b.bin"},
		{Want{Include: []string{"a*", "[ab].bin"}}, "a.bin b.bin"},
		{Want{Include: []string{"*.json", "*.txt"}}, ""},
		{Want{Include: []string{"["}}, ""},
	}
	for _, test := range tests {
		got, err := test.want.choose(names)
		if (err != nil) != (test.got == "") || strings.Join(got, " ") != test.got {
			t.Errorf("%+v: got %v, %v, want %q", test.want, got, err, test.got)
		}
	}
}

// TestLean: of weights that lie in several forms one is taken, whole, with its index where it is in shards.
func TestLean(t *testing.T) {
	const a = "transformer/diffusion_pytorch_model"
	shards := func(variant, ending string) []string {
		return []string{a + variant + "-00001-of-00002." + ending, a + variant + "-00002-of-00002." + ending}
	}
	index := []string{a + ".safetensors.index.json"}
	for name, c := range map[string]struct{ take, leave []string }{
		"PyTorch's alone":     {[]string{a + ".bin", "config.json"}, nil},
		"half alone":          {[]string{a + ".fp16.bin"}, nil},
		"half in safetensors": {[]string{a + ".bin"}, []string{a + ".fp16.safetensors", a + ".fp16.bin"}},
		"all": {[]string{a + ".safetensors"},
			[]string{a + ".bin", a + ".fp16.safetensors", a + ".non_ema.bin", a + ".msgpack"}},
		"shards": {slices.Concat(shards("", "safetensors"), index),
			append(shards("", "bin"), a+".bin.index.json", a+".bin")},
		"shards beside the whole": {[]string{a + ".safetensors"}, append(shards("", "safetensors"), index...)},
		"shards of half beside": {[]string{a + ".bin"},
			append(shards(".fp16", "safetensors"), a+".safetensors.index.fp16.json")},
		"older shards of half": {slices.Concat(shards("", "safetensors"), index),
			[]string{a + "-00001-of-00002.fp16.safetensors", a + ".safetensors.index.fp16.json"}},
		"shards of half alone": {append(shards(".fp16", "safetensors"), a+".safetensors.index.fp16.json"), nil},
		"other weights": {[]string{a + ".safetensors", "vae/diffusion_pytorch_model.bin",
			"transformer/other.bin"}, nil},
		"names that are none of it": {[]string{"README.md", "bin", "fp16", "model.bin.txt", "x.index.json",
			".bin"}, nil},
		"neither is better": {[]string{a + ".bin", a + ".ckpt"}, nil},
	} {
		names := slices.Concat(c.leave, c.take)
		slices.Sort(names)
		slices.Sort(c.take)
		if got := (Want{Lean: true}).lean(names); !slices.Equal(got, c.take) {
			t.Errorf("%s: got %q, want %q", name, got, c.take)
		}
	}
}

// TestTableForms: whatever form a model's weights have, the patterns of its entry find them.
func TestTable(t *testing.T) {
	for _, weights := range []string{"diffusion_pytorch_model.bin", "diffusion_pytorch_model.safetensors",
		"diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model-00001-of-00002.safetensors"} {
		for _, k := range Table {
			names := []string{"README.md", ".gitattributes"}
			switch {
			case strings.HasPrefix(k.Name, "stable-diffusion"):
				names = append(names, "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
					"text_encoder/model.safetensors", "tokenizer/vocab.json", "unet/config.json", "unet/"+weights,
					"vae/config.json", "vae/"+weights)
				if k.Name == "stable-diffusion-xl" {
					names = append(names, "text_encoder_2/config.json", "text_encoder_2/model.safetensors",
						"tokenizer_2/vocab.json")
				}
			case k.Flag == "--model":
				names = append(names, "model_index.json", "scheduler/scheduler_config.json", "transformer/config.json",
					"transformer/"+weights, "vae/config.json", "vae/"+weights)
			case k.Flag == "--vae":
				names = append(names, "config.json", weights)
			default:
				continue
			}
			if got, err := k.Want.choose(names); err != nil || !slices.Equal(got, names[2:]) {
				t.Errorf("%s with %s: got %q, %v", k.Name, weights, got, err)
			}
		}
	}
}

func TestParseRepo(t *testing.T) {
	tests := []struct {
		in   string
		want Repo
	}{
		{"org/name", Repo{Model, "org/name", "main"}},
		{"name", Repo{Model, "name", "main"}},
		{"datasets/org/name@v1.0", Repo{Dataset, "org/name", "v1.0"}},
		{"org/name@refs/pr/1", Repo{Model, "org/name", "refs/pr/1"}},
	}
	for _, test := range tests {
		if got, err := ParseRepo(test.in); err != nil || got != test.want {
			t.Errorf("%s: got %+v, %v, want %+v", test.in, got, err, test.want)
		}
	}
	for _, bad := range []string{"", "/", "a/b/c", "../x", "a/..", "-a/b", "a--b/c", "a b/c", "a/b@", "a/b@../x",
		"a/b@/x", `a/b@x\y`, "a/b@x@:y", "https://h/a/b"} {
		if got, err := ParseRepo(bad); !errors.Is(err, ErrName) {
			t.Errorf("%q: got %+v, %v, want ErrName", bad, got, err)
		}
	}
}

func TestARevisionWithSlashes(t *testing.T) {
	s := newServer(t)
	c := s.client(t)
	snap, err := c.Find(t.Context(), Repo{Model, "org/name", "refs/pr/1"}, Want{Include: []string{"config.json"}})
	if err == nil {
		err = c.Fetch(t.Context(), snap)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := "GET /api/models/org/name/revision/refs%2Fpr%2F1"; s.requests[0] != want {
		t.Errorf("asked for %q, want %q", s.requests[0], want)
	}
	if _, err := os.Stat(filepath.Join(c.repoDir(repo), "refs", "refs", "pr", "1")); err != nil {
		t.Error(err)
	}
}

func TestTableForms(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Table {
		if seen[k.Name] || strings.Contains(k.Name, "/") {
			t.Errorf("%s: twice, or like a repository", k.Name)
		}
		seen[k.Name] = true
		if err := k.Repo.check(); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
		if k.Size == "" || k.Licence == "" || k.Flag == "" || len(k.Want.Include) == 0 {
			t.Errorf("%s: lacks its size, licence, flag or files", k.Name)
		}
		for _, pattern := range k.Want.Include {
			if _, err := match(pattern, "x"); err != nil {
				t.Errorf("%s: %s: %v", k.Name, pattern, err)
			}
			if k.Folder != "" && !strings.HasPrefix(pattern, k.Folder+"/") {
				t.Errorf("%s: %s is not below %s", k.Name, pattern, k.Folder)
			}
		}
		if found, ok := Lookup(k.Name); !ok || found.Repo != k.Repo {
			t.Errorf("%s is not found", k.Name)
		}
	}
	for _, name := range []string{"dit-xl-2-256", "dit-xl-2-512", "imagenet-1k"} {
		if k, _ := Lookup(name); !k.Research {
			t.Errorf("%s: is not marked as for research only", name)
		}
	}
}

func FuzzInfo(f *testing.F) {
	f.Add([]byte(`{"sha": "` + commit + `", "siblings": [{"rfilename": "a/b.json"}, {"rfilename": "a/b.json"},
		{"rfilename": "c"}]}`))
	f.Add([]byte(`{"sha": "` + commit + `", "siblings": [{"rfilename": "../../evil"}]}`))
	f.Add([]byte(`{"sha": 7, "siblings": {}}`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, names, err := parseInfo(data)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) {
				t.Errorf("got %v, want ErrCorrupt", err)
			}
			return
		}
		if !commitForm.MatchString(got) || !slices.IsSorted(names) {
			t.Errorf("commit %q, names %q", got, names)
		}
		for _, name := range names {
			if !filepath.IsLocal(filepath.FromSlash(name)) || filepath.Join("d", name) != "d/"+name {
				t.Errorf("%q leaves the folder", name)
			}
		}
	})
}
