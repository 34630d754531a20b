package dataset

import (
	"archive/zip"
	"hash/crc32"
	"strings"
	"testing"
)

// TestBackslashes opens a zip as Compress-Archive of Windows PowerShell packs it.
func TestBackslashes(t *testing.T) {
	s, err := Open(t.Context(), save(t, "set.zip", zipOf(t, files{`set\a\0.jpg`: "a0"}, files{`set\b\0.jpg`: "b0"})),
		OpenOptions{})
	must(t, err)
	defer s.Close()
	if got, want := contents(t, s), "a: 0.jpg=a0; b: 0.jpg=b0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestBzip2 reads a member that Python's bz2 has compressed.
func TestBzip2(t *testing.T) {
	const text = "hello hello hello"
	packed := "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x9e\x62\x5b\xfe\x00\x00\x02" +
		"\x91\x00\x40\x00\x02\x44\xa0\x00\x21\x14\x60\x66\x82\x91\xef" +
		"\x23\x47\x0b\xb9\x22\x9c\x28\x48\x4f\x31\x2d\xff\x00"
	var b strings.Builder
	w := zip.NewWriter(&b)
	m, err := w.CreateRaw(&zip.FileHeader{Name: "a/0.jpg", Method: bzipped, CRC32: crc32.ChecksumIEEE([]byte(text)),
		CompressedSize64: uint64(len(packed)), UncompressedSize64: uint64(len(text))})
	must(t, err)
	_, err = m.Write([]byte(packed))
	must(t, err)
	must(t, w.Close())
	s, err := Open(t.Context(), save(t, "set.zip", []byte(b.String())), OpenOptions{})
	must(t, err)
	defer s.Close()
	if data, err := s.Read(s.Classes[0].Images[0]); string(data) != text || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
}

// TestJoinedTars opens tars that cat has joined, and tars with something else behind them.
func TestJoinedTars(t *testing.T) {
	one, two := tarText(t, files{"a/0.jpg": "a0"}), tarText(t, files{"a/1.jpg": "a1", "b/0.jpg": "b0"})
	const all = "a: 0.jpg=a0 1.jpg=a1; b: 0.jpg=b0"
	for _, c := range []struct{ name, data, want, passed string }{
		{"one", two, "a: 1.jpg=a1; b: 0.jpg=b0", ""},
		{"two", one + two, all, ""},
		{"zeros between", one + strings.Repeat("\x00", 20*512) + two, all, ""},
		{"zeros behind", one + two + strings.Repeat("\x00", 7*512), all, ""},
		{"three", one + two + tarText(t, files{"c/0.jpg": "c0"}), all + "; c: 0.jpg=c0", ""},
		{"garbage behind", two + strings.Repeat("garbage.", 100), "a: 1.jpg=a1; b: 0.jpg=b0", passedTail +
			`: 800, "set.tar" for one`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), save(t, "set.tar", []byte(c.data)), OpenOptions{})
			must(t, err)
			defer s.Close()
			if got := contents(t, s); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if got := passedLines(s); got != c.passed {
				t.Errorf("got  %s\nwant %s", got, c.passed)
			}
		})
	}
}

// TestDottedKeys opens WebDatasets whose keys have dots, or whose samples have other files.
func TestDottedKeys(t *testing.T) {
	for _, c := range []struct {
		name      string
		files     files
		want, err string
	}{
		{"some", files{"0.jpg": "a", "0.cls": "0", "1.v2.jpg": "b", "1.v2.cls": "1"}, "0000: 0.jpg=a; 0001: 1.v2.jpg=b",
			""},
		{"all", files{"2024.05.00.jpg": "a", "2024.05.00.cls": "0", "2024.05.01.jpg": "b", "2024.05.01.cls": "1"},
			"0000: 2024.05.00.jpg=a; 0001: 2024.05.01.jpg=b", ""},
		{"other images", files{"0.jpg": "a", "0.seg.png": "s", "0.cls": "0", "1.jpg": "b", "1.seg.png": "s",
			"1.cls": "1"}, "0000: 0.jpg=a; 0001: 1.jpg=b", ""},
		{"other labels", files{"0.jpg": "a", "0.cls": "0", "0.coarse.cls": "7", "0.meta.json": "{}", "1.jpg": "b",
			"1.cls": "1"}, "0000: 0.jpg=a; 0001: 1.jpg=b", ""},
		{"JSON", files{"a.1.jpg": "a", "a.1.json": `{"label": 0}`, "a.2.jpg": "b", "a.2.json": `{"label": 1}`},
			"0000: a.1.jpg=a; 0001: a.2.jpg=b", ""},
		{"in folders", files{"x.y/a.1.png": "a", "x.y/a.1.cls": "0", "x.y/b.png": "b", "x.y/b.cls": "1"},
			"0000: x.y_a.1.png=a; 0001: x.y_b.png=b", ""},
		{"no label", files{"0.jpg": "a", "0.cls": "0", "1.v2.jpg": "b"}, "",
			`"1.v2.jpg": has neither "1.v2.cls" nor "1.v2.json"`},
		{"no image", files{"0.jpg": "a", "0.cls": "0", "1.v2.cls": "1"}, "", `"1.v2.cls": its sample has no image`},
		{"marked labels", files{"0.jpg": "a", "0.cls": "\ufeff0", "1.jpg": "b", "1.json": "\ufeff{\"label\": 1}"},
			"0000: 0.jpg=a; 0001: 1.jpg=b", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), save(t, "set.tar", []byte(tarText(t, c.files))), OpenOptions{})
			wantError(t, err, ErrSet, c.err)
			if err == nil {
				defer s.Close()
				if got := contents(t, s); got != c.want {
					t.Errorf("got  %s\nwant %s", got, c.want)
				}
			}
		})
	}
}

// TestCheckShards is the numbers that are missing among files.
func TestCheckShards(t *testing.T) {
	for _, c := range []struct{ names, err, gap string }{
		{"train-00000-of-00003.parquet train-00001-of-00003.parquet train-00002-of-00003.parquet", "", ""},
		{"train-00000-of-00003.parquet train-00002-of-00003.parquet", `1 is missing, "train-00001-of-00003.parquet"`,
			""},
		{"train-00000-of-00002.parquet", `"train-00001-of-00002.parquet"`, ""},
		{"train-00001-of-00002.parquet", `"train-00000-of-00002.parquet"`, ""},
		{"train-1-of-2.tar train-2-of-2.tar", "", ""},
		{"train-2-of-3.tar train-3-of-3.tar", `"train-1-of-3.tar"`, ""},
		{"train_00000_of_00004.tar train_00003_of_00004.tar", `2 are missing, "train_00001_of_00004.tar"`, ""},
		{"a-00000-of-00001.tar b-00000-of-00001.tar", "", ""},
		{"a-00000-of-00001-0f3c.parquet", "", ""},
		{"x-000000.tar x-000001.tar x-000003.tar", "", "x-000002.tar"},
		{"x-000007.tar x-000008.tar", "", "x-000001.tar"},
		{"x1.tar x2.tar x3.tar", "", ""},
		{"0.tar 1.tar 9.tar 10.tar", "", "2.tar"},
		{"imagenet.tar", "", ""},
		{"cifar10.parquet", "", ""},
		{"99999999999999999999.tar 1-of-99999999999999999999.tar", "", ""},
	} {
		t.Run(c.names, func(t *testing.T) {
			n := &notes{}
			err := checkShards(strings.Fields(c.names), n)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			gap := ""
			if len(n.list) > 0 {
				gap = n.list[0].Example
			}
			if gap != c.gap {
				t.Errorf("gap %q, want %q", gap, c.gap)
			}
		})
	}
}

// TestClassList takes classes by the lines of a list.
func TestClassList(t *testing.T) {
	set := files{"great white shark/0.jpg": "x", "great/0.jpg": "x", "tiger shark/0.jpg": "x", "n01/0.jpg": "x"}
	for _, c := range []struct{ name, list, want, passed, err string }{
		{"whole lines", "great white shark\ntiger shark\n", "great white shark: 0.jpg; tiger shark: 0.jpg", "", ""},
		{"whole line before first word", "great white shark\n", "great white shark: 0.jpg", "", ""},
		{"first words", "n01 tench, Tinca tinca\ngreat one\n", "n01: 0.jpg; great: 0.jpg", "", ""},
		{"both", "tiger shark\nn01 tench\n", "tiger shark: 0.jpg; n01: 0.jpg", passedFirst + `: "n01 tench"`, ""},
		{"one class by two lines", "great one\ngreat two\n", "", "", `the class "great" is asked for twice`},
		{"neither", "blue whale\n", "", "", `class "blue" is not in the set`},
		{"marked", "\ufeffn01\n", "n01: 0.jpg", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			classes, err := ParseClasses(save(t, "list.txt", []byte(c.list)))
			must(t, err)
			s, err := Open(t.Context(), makeFolder(t, set), OpenOptions{Classes: classes})
			wantError(t, err, ErrSet, c.err)
			if err == nil {
				defer s.Close()
				if got := summary(s); got != c.want || passedLines(s) != c.passed {
					t.Errorf("got %s (%q), want %s (%q)", got, passedLines(s), c.want, c.passed)
				}
			}
		})
	}
}
