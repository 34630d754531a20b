package dataset

import (
	"strings"
	"testing"
)

// passedLines are the lines that a set has about what was passed over in it.
func passedLines(s *Set) string {
	var lines []string
	for _, p := range s.PassedOver {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "; ")
}

// TestPassedOver opens sets in which something is left out: it is said, and is an error to those who are strict.
func TestPassedOver(t *testing.T) {
	set := func(more ...string) files {
		f := files{"a/0.jpg": "a0", "b/0.jpg": "b0"}
		for _, name := range more {
			f[name] = "x"
		}
		return f
	}
	for _, c := range []struct {
		name  string
		files files
		want  string
	}{
		{"nothing", set(), ""},
		{"images in folders", set("a/more/0.jpg", "a/more/1.jpg", "b/more/0.jpg"), passedNested +
			`: 3, "a/more/0.jpg" for one`},
		{"deep below", set("a/1/2/3/0.jpg"), passedNested + `: "a/1/2/3/0.jpg"`},
		{"loose images", set("1.jpg", "2.jpg"), passedLoose + `: 2, "1.jpg" for one`},
		{"endings", set("a/1.jfiff", "b/1.txt", "README.md"), passedEnding + `: 3, "README.md" for one`},
		{"images of other formats", set("a/1.HEIC", "a/2.avif", "b/1.jfif", "b/x.txt"), passedFormat +
			`: 3, "a/1.HEIC" for one; ` + passedEnding + `: "b/x.txt"`},
		{"several kinds", set("a/x/1.jpg", "1.jpg"), passedLoose + `: "1.jpg"; ` + passedNested + `: "a/x/1.jpg"`},
		{"escapes", set("a/\x1b[31m.txt"), passedEnding + `: "a/\x1b[31m.txt"`},
		{"systems", set("lost+found/x", "System Volume Information/1", "$RECYCLE.BIN/0.jpg", "a/@eaDir/0.jpg/x.jpg",
			"@eaDir/y", "a/Thumbs.db",
			"b/Desktop.ini", "#recycle/0.jpg", ".Trashes/0.jpg", ".Spotlight-V100/x", "@Recycle/x",
			"@Recently-Snapshot/x", "RECYCLER/x", "FOUND.000/x"), ""},
	} {
		for form, build := range makers {
			if c.name == "escapes" && form != "folder" { // refused there
				continue
			}
			t.Run(c.name+"/"+form, func(t *testing.T) {
				path := build(t, c.files)
				s, err := Open(t.Context(), path, OpenOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				if got := passedLines(s); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
				if got := summary(s); got != "a: 0.jpg; b: 0.jpg" {
					t.Errorf("have %s", got)
				}
				strict, err := Open(t.Context(), path, OpenOptions{Strict: true})
				if c.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					strict.Close()
					return
				}
				wantError(t, err, ErrPassedOver, s.PassedOver[0].String())
			})
		}
	}
}

// TestPassedBesideShards opens folders of shards in which something is missing, or else lies there.
func TestPassedBesideShards(t *testing.T) {
	shard := func(key, label string) string { return tarText(t, files{key + ".jpg": "x", key + ".cls": label}) }
	table := func(label int64) string { return hubFile(t, nil, hubRow("x", label)) }
	for _, c := range []struct {
		name        string
		files       files
		passed, err string
	}{
		{"whole", files{"a-0.tar": shard("0", "0"), "a-1.tar": shard("1", "1"), "README.md": "x",
			"dataset_info.json": "{}"}, "", ""},
		{"a gap", files{"a-0.tar": shard("0", "0"), "a-2.tar": shard("1", "1")}, passedGap + `: "a-1.tar"`, ""},
		{"of a total", files{"a_0_of_3.tar": shard("0", "0"), "a_2_of_3.tar": shard("1", "1")}, "", `"a_1_of_3.tar"`},
		{"Parquet of a total", files{"train-00000-of-00003.parquet": table(0),
			"train-00002-of-00003.parquet": table(1)}, "", `"train-00001-of-00003.parquet"`},
		{"Parquet with a gap", files{"0000.parquet": table(0), "0002.parquet": table(1)}, passedGap +
			`: "0001.parquet"`, ""},
		{"in the making", files{"0000.parquet": table(0), "0001.parquet": table(1), "0002.parquet.part": "x"},
			passedBeside + `: "0002.parquet.part"`, ""},
		{"images beside", files{"a-0.tar": shard("0", "0"), "a-1.tar": shard("1", "1"), "1.jpg": "x",
			"a-2.tar.gz": "x"}, passedBeside + `: 2, "1.jpg" for one`, ""},
		{"one label", files{"0000.parquet": table(3), "0001.parquet": table(3)}, "",
			`all 2 images have the label of class "0003"`},
		{"class tars are not numbered", files{"n01440764.tar": tarText(t, files{"0.jpg": "x"}),
			"n01443537.tar": tarText(t, files{"0.jpg": "x"})}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), makeFolder(t, c.files), OpenOptions{})
			wantError(t, err, ErrSet, c.err)
			if err == nil {
				defer s.Close()
				if got := passedLines(s); got != c.passed {
					t.Errorf("got %s, want %s", got, c.passed)
				}
			}
		})
	}
}

// TestOneClass opens sets that come out as one class, which is an error unless it is asked for or a class's name.
func TestOneClass(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   files
		options OpenOptions
		want    string
		err     string
	}{
		{"images", files{"images/0.jpg": "x"}, OpenOptions{}, "", `"images" would be the only class`},
		{"JPEGImages", files{"JPEGImages/0.jpg": "x"}, OpenOptions{}, "", `"JPEGImages" would be the only class`},
		{"a split", files{"train/0.jpg": "x"}, OpenOptions{}, "", `"train" would be the only class`},
		{"below a split", files{"val/images/0.jpg": "x"}, OpenOptions{Split: "val"}, "",
			`"images" would be the only class`},
		{"splits of images", files{"train/0.jpg": "x", "test/0.jpg": "y"}, OpenOptions{}, "",
			`the folders are "test", "train"`},
		{"asked for", files{"images/0.jpg": "x"}, OpenOptions{Classes: []string{"images"}}, "images: 0.jpg", ""},
		{"an honest name", files{"cat/0.jpg": "x"}, OpenOptions{}, "cat: 0.jpg", ""},
		{"classes called like formats", files{"jpeg/0.jpg": "x", "png/0.png": "y"}, OpenOptions{},
			"jpeg: 0.jpg; png: 0.png", ""},
		{"among others", files{"images/0.jpg": "x", "cat/0.jpg": "y"}, OpenOptions{}, "cat: 0.jpg; images: 0.jpg", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), makeFolder(t, c.files), c.options)
			wantError(t, err, ErrSet, c.err)
			if err == nil {
				defer s.Close()
				if got := summary(s); got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			}
		})
	}
}

// TestNames opens sets with names that do not survive a manifest, a list or another file system.
func TestNames(t *testing.T) {
	for _, c := range []struct{ name, file, err string }{
		{"latin-1 class", "caf\xe9/0.jpg", `caf\xe9`},
		{"latin-1 file", "a/caf\xe9.jpg", `caf\xe9.jpg`},
		{"escape in a class", "a\x1b[2J/0.jpg", `a\x1b[2J`},
		{"escape in a file", "a/\x1b[2J.jpg", `\x1b[2J.jpg`},
		{"C1 control", "a\u009b/0.jpg", `\u009b`},
		{"line break", "a\n/0.jpg", `a\n`},
		{"line separator", "a/\u2028.jpg", `\u2028.jpg`},
		{"blank at the end", "a /0.jpg", `"a " begins or ends with a blank`},
		{"blank at the beginning", " a/0.jpg", `" a" begins or ends with a blank`},
		{"no-break space at the end", "a\u00a0/0.jpg", `begins or ends with a blank`},
		{"byte order", "\ufeffa/0.jpg", `\ufeffa`},
		{"capitals", "B/0.jpg", `"B" and "b" differ only in capitals`},
		{"normal forms", "e\u0301/0.jpg", `differ only in capitals or in how letters are written`},
		{"capitals of the far", "\u00c9/0.jpg", `differ only in capitals or in how letters are written`},
		{"too long", strings.Repeat("x", 201) + "/0.jpg", "has 201 bytes, want at most 200"},
		{"blanks within", "a b/0 1 .jpg", ""},
		{"emoji", "\U0001f469\u200d\U0001f52c/0.jpg", ""},
		{"capitals of files", "b/B.jpg", ""},
	} {
		for form, build := range makers {
			t.Run(c.name+"/"+form, func(t *testing.T) {
				s, err := Open(t.Context(), build(t, files{"b/b.jpg": "x", "\u00e9/0.jpg": "y", c.file: "z"}),
					OpenOptions{})
				wantError(t, err, ErrSet, c.err)
				if err == nil {
					s.Close()
				} else if strings.ContainsFunc(err.Error(), unprintable) {
					t.Errorf("%q has characters that a terminal obeys", err)
				}
			})
		}
	}
}
