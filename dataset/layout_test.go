package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pq "github.com/parquet-go/parquet-go"
)

// contents is a set as text, with what its images hold: "cat: 1.jpg=c1 2.jpg=c2; dog: 1.png=d1".
func contents(t testing.TB, s *Set) string {
	t.Helper()
	var classes []string
	for _, c := range s.Classes {
		line := c.Name + ":"
		for _, ref := range c.Images {
			data, err := s.Read(ref)
			must(t, err)
			if ref.Size != 0 && ref.Size != int64(len(data)) {
				t.Errorf("%s: %d bytes, want %d", ref.Name, len(data), ref.Size)
			}
			if ref.ID == "" || ref.Class != c.Name {
				t.Errorf("image %+v of class %s", ref, c.Name)
			}
			text := string(data)
			if len(text) > 12 {
				text = fmt.Sprint(len(text))
			}
			line += " " + ref.Name + "=" + text
		}
		classes = append(classes, line)
	}
	return strings.Join(classes, "; ")
}

// TestLayouts opens sets in the layouts and under the names that they are found in.
func TestLayouts(t *testing.T) {
	tarOf := func(in files) string { return tarText(t, in) }
	cat, dog := tarOf(files{"n01_1.JPEG": "c1", "n01_2.JPEG": "c2"}), tarOf(files{"n02_7.JPEG": "d7"})
	const ilsvrc = "n01: n01_1.JPEG=c1 n01_2.JPEG=c2; n02: n02_7.JPEG=d7"
	shard0 := tarOf(files{"000000.cls": "0", "000000.jpg": "a", "000001.cls": "1\n", "000001.png": "b",
		"000001.txt": "a dog"})
	shard1 := tarOf(files{"000002.json": `{"label": 0, "width": 5}`, "000002.webp": "c", "000002.seg.png": "not this"})
	const shards = "0000: 000000.jpg=a 000002.webp=c; 0001: 000001.png=b"
	names := []string{"dog", "a cat, sitting"}
	hub0 := hubFile(t, names, hubRow("a", 0), hubRow("b", 1), hubRow("c", 0), hubRow("d", 0))
	hub1 := hubFile(t, names, hubRow("e", 1))
	const hub = "a cat, sitting: train-00000-of-00002-000001=b train-00001-of-00002-000000=e; " +
		"dog: train-00000-of-00002-000000=a train-00000-of-00002-000002=c train-00000-of-00002-000003=d"
	cifar10 := files{"cifar-10-batches-bin/readme.html": "",
		"cifar-10-batches-bin/batches.meta.txt": "airplane\nautomobile\n\n",
		"cifar-10-batches-bin/data_batch_1.bin": cifarRow(1, 1) + cifarRow(2, 0),
		"cifar-10-batches-bin/data_batch_2.bin": cifarRow(3, 1),
		"cifar-10-batches-bin/test_batch.bin":   cifarRow(4, 0)}
	mnist := files{"MNIST/raw/train-images-idx3-ubyte": idx(idxImages, "abcdef123456", 2, 3, 2),
		"MNIST/raw/train-labels-idx1-ubyte":   idx(idxLabels, "\x07\x00", 2),
		"MNIST/raw/t10k-images-idx3-ubyte.gz": zipped(t, idx(idxImages, "ABCDEF", 1, 3, 2)),
		"MNIST/raw/t10k-labels-idx1-ubyte.gz": zipped(t, idx(idxLabels, "\x09", 1))}

	for _, c := range []struct {
		name    string
		files   files
		path    string // below the files' folder
		options OpenOptions
		want    string
		err     string
	}{
		{"class tars", files{"n01.tar": cat, "n02.tar": dog}, "", OpenOptions{}, ilsvrc, ""},
		{"class tars of a split", files{"train/n01.tar": cat, "train/n02.tar": dog, "val/x/1.jpg": "x"}, "",
			OpenOptions{Split: "train"}, ilsvrc, ""},
		{"one class tar", files{"n01.tar": cat}, "", OpenOptions{}, "n01: n01_1.JPEG=c1 n01_2.JPEG=c2", ""},
		{"some of the class tars", files{"n01.tar": cat, "n02.tar": dog}, "",
			OpenOptions{Classes: []string{"n02", "n01"}, Limit: 1}, "n02: n02_7.JPEG=d7; n01: n01_1.JPEG=c1", ""},
		{"unpacked beside the tars", files{"n01.tar": cat, "n01/1.jpg": "x", "n02.tar": dog, "n02/1.jpg": "y"}, "",
			OpenOptions{}, "n01: 1.jpg=x; n02: 1.jpg=y", ""},
		{"class tar by its path", files{"n01.tar": cat}, "n01.tar", OpenOptions{}, "", `"n01_1.JPEG" has no label`},
		{"ILSVRC train", files{"ILSVRC2012_img_train.tar": tarOf(files{"n01.tar": cat, "n02.tar": dog})},
			"ILSVRC2012_img_train.tar", OpenOptions{}, ilsvrc, ""},
		{"ILSVRC train by its folder", files{"ILSVRC2012_img_train.tar": tarOf(files{"n01.tar": cat, "n02.tar": dog}),
			"ILSVRC2012_img_val.tar": ""}, "", OpenOptions{Split: "train"}, ilsvrc, ""},
		{"ILSVRC val", files{"ILSVRC2012_img_val.tar": tarOf(files{"ILSVRC2012_val_00000001.JPEG": "x"})},
			"ILSVRC2012_img_val.tar", OpenOptions{}, "", "come without labels"},
		{"class tar with folders", files{"n01.tar": cat, "n02.tar": tarOf(files{"x/1.jpg": "y"})}, "", OpenOptions{},
			"", `"n02.tar": want images of one class`},
		{"tar of folders in a folder", files{"set.tar": tarOf(files{"cat/1.jpg": "x"})}, "", OpenOptions{},
			"cat: 1.jpg=x", ""},
		{"inner tar cut", files{"all.tar": tarOf(files{"n01.tar": cat[:1124]})}, "all.tar", OpenOptions{}, "",
			`"n01.tar": `},
		{"inner tar twice", files{"all.tar": tarOf(files{"a/n01.tar": cat, "b/n01.tar": cat})}, "all.tar",
			OpenOptions{}, "", `"n01.tar" comes twice`},

		{"shards", files{"train-000000.tar": shard0, "train-000001.tar": shard1}, "", OpenOptions{}, shards, ""},
		{"one shard", files{"train-000000.tar": shard0}, "train-000000.tar", OpenOptions{Split: "train"},
			"0000: 000000.jpg=a; 0001: 000001.png=b", ""},
		{"shards with names", files{"train-000000.tar": shard0, "train-000001.tar": shard1,
			"classes.txt": "dog\ncat\n"}, "", OpenOptions{}, "cat: 000001.png=b; dog: 000000.jpg=a 000002.webp=c", ""},
		{"shards with other names", files{"train-000000.tar": shard0, "classes.txt": "dog\ncat\n"}, "",
			OpenOptions{Names: []string{"x", "y"}}, "x: 000000.jpg=a; y: 000001.png=b", ""},
		{"shards of a split", files{"in1k-train-0000.tar": shard0, "in1k-validation-0000.tar": shard1}, "",
			OpenOptions{Split: "validation"}, "0000: 000002.webp=c", ""},
		{"shards of a split's folder", files{"train/0000.tar": shard0, "val/0000.tar": shard1}, "",
			OpenOptions{Split: "val"}, "0000: 000002.webp=c", ""},
		{"shards of no split", files{"train-0.tar": shard0, "val-0.tar": shard1}, "", OpenOptions{}, "",
			"files of the splits train, val"},
		{"shards of another split", files{"train-0.tar": shard0}, "", OpenOptions{Split: "val"}, "",
			`no file of split "val", have "train-0.tar"`},
		{"labels by name", files{"a.tar": tarOf(files{"1.cls": "cat", "1.jpg": "x", "2.json": `{"cls": "dog"}`,
			"2.jpg": "y"})}, "", OpenOptions{}, "cat: 1.jpg=x; dog: 2.jpg=y", ""},
		{"keys in folders", files{"a.tar": tarOf(files{"x/1.cls": "3", "x/1.jpg": "x"})}, "", OpenOptions{},
			"0003: x_1.jpg=x", ""},
		{"keys again in another shard", files{"a-0.tar": shard0, "a-1.tar": shard0}, "", OpenOptions{},
			"0000: 000000.jpg=a a-1_000000.jpg=a; 0001: 000001.png=b a-1_000001.png=b", ""},
		{"no label", files{"a.tar": tarOf(files{"1.cls": "0", "1.jpg": "x", "2.jpg": "y"})}, "", OpenOptions{}, "",
			`a.tar: "2.jpg": has neither "2.cls" nor "2.json"`},
		{"no labels at all", files{"a-000.tar": tarOf(files{"1.jpg": "x"})}, "", OpenOptions{}, "",
			`"a-000.tar": want the images of one class, or KEY.cls`},
		{"no labels in a shard", files{"a-0.tar": shard0, "a-1.tar": tarOf(files{"1.jpg": "x"})}, "", OpenOptions{}, "",
			`a-1.tar: "1.jpg": has neither`},
		{"no image", files{"a.tar": tarOf(files{"1.cls": "0", "1.jpg": "x", "2.cls": "0", "2.npy": "y"})}, "",
			OpenOptions{}, "", `"2.cls": its sample has no image`},
		{"two images", files{"a.tar": tarOf(files{"1.cls": "0", "1.jpg": "x", "1.png": "y"})}, "", OpenOptions{}, "",
			`"1": has two images`},
		{"label out of range", files{"a.tar": shard0, "classes.txt": "dog"}, "", OpenOptions{}, "",
			`"000001.cls": label 1, but classes.txt has names for 1`},
		{"label below zero", files{"a.tar": tarOf(files{"1.cls": "-1", "1.jpg": "x"})}, "", OpenOptions{}, "",
			`"1.cls": label -1, want 0 or more`},
		{"label is no name", files{"a.tar": tarOf(files{"1.cls": "../x", "1.jpg": "x"})}, "", OpenOptions{}, "",
			`class name "../x"`},
		{"label is not JSON", files{"a.tar": tarOf(files{"1.json": "{", "1.jpg": "x"})}, "", OpenOptions{}, "",
			`"1.json": it is not whole JSON`},
		{"label is not in JSON", files{"a.tar": tarOf(files{"1.json": "{}", "1.jpg": "x"})}, "", OpenOptions{}, "",
			`"1.json": has neither "label" nor "cls"`},
		{"label is half", files{"a.tar": tarOf(files{"1.json": `{"label": 0.5}`, "1.jpg": "x"})}, "", OpenOptions{}, "",
			"label 0.5 is neither"},
		{"name twice", files{"a.tar": shard0, "classes.txt": "dog\ndog"}, "", OpenOptions{}, "",
			`labels 0 and 1 are both "dog"`},
		{"shard cut", files{"a.tar": shard0[:1124]}, "", OpenOptions{}, "", "ends in the middle of a member"},

		{"hub", files{"data/train-00000-of-00002.parquet": hub0, "data/train-00001-of-00002.parquet": hub1,
			"data/test-00000-of-00001.parquet": "bad", "README.md": ""}, "", OpenOptions{Split: "train"}, hub, ""},
		{"hub's conversion", files{"default/train/0000.parquet": hub1, "default/test/0000.parquet": "bad"}, "",
			OpenOptions{Split: "train"}, "a cat, sitting: 0000-000000=e", ""},
		{"hub, one file", files{"train.parquet": hub1}, "train.parquet", OpenOptions{},
			"a cat, sitting: train-000000=e", ""},
		{"hub, without names", files{"a.parquet": hubFile(t, nil, hubRow("x", 12))}, "", OpenOptions{},
			"0012: a-000000=x", ""},
		{"hub, names beside it", files{"a.parquet": hubFile(t, nil, hubRow("x", 1)), "classes.txt": "a\nb"}, "",
			OpenOptions{}, "b: a-000000=x", ""},
		{"hub, other names", files{"a.parquet": hub1}, "", OpenOptions{Names: []string{"x", "y"}}, "y: a-000000=e", ""},
		{"hub, CIFAR-100", files{"a.parquet": parquetFile(t, []string{"x", "y"}, "fine_label", []struct {
			Img    parquetImage `parquet:"img,optional"`
			Fine   int64        `parquet:"fine_label"`
			Coarse int64        `parquet:"coarse_label"`
		}{{parquetImage{[]byte("a"), ""}, 1, 5}})}, "", OpenOptions{}, "y: a-000000=a", ""},
		{"hub, bytes and text", files{"a.parquet": parquetFile(t, nil, "", []struct {
			Image []byte `parquet:"image"`
			Label string `parquet:"label"`
		}{{[]byte("a"), "cat"}})}, "", OpenOptions{}, "cat: a-000000=a", ""},
		{"hub, no split", files{"data/train-0.parquet": hub0, "data/test-0.parquet": hub1}, "", OpenOptions{}, "",
			"files of the splits test, train"},
		{"hub, no label", files{"a.parquet": hubFile(t, names, hubRow("x", 0), parquetRow{})}, "", OpenOptions{}, "",
			"a.parquet: row 1: has no label"},
		{"hub, hidden labels", files{"a.parquet": hubFile(t, names, hubRow("x", -1))}, "", OpenOptions{}, "",
			"a.parquet: row 0: label -1"},
		{"hub, label out of range", files{"a.parquet": hubFile(t, names, hubRow("x", 0), hubRow("x", 0), hubRow("x", 0),
			hubRow("x", 2))}, "", OpenOptions{}, "",
			"a.parquet: row 3: label 2, but the file's metadata has names for 2"},
		{"hub, no image", files{"a.parquet": parquetFile(t, nil, "", []struct {
			Label int64 `parquet:"label"`
		}{{1}})}, "", OpenOptions{}, "",
			`no column of the image: want one of "image_bytes", "img_bytes", "image", "img", "image_data", …, ` +
				`have "label"`},
		{"hub, name is a path", files{"a.parquet": hubFile(t, []string{"../x"}, hubRow("x", 0))}, "", OpenOptions{}, "",
			`name 0: class name "../x"`},
		{"hub, no rows", files{"a.parquet": hubFile(t, names)}, "", OpenOptions{}, "", `no rows in "a.parquet"`},
		{"hub, cut", files{"a.parquet": hub0[:len(hub0)-9]}, "", OpenOptions{}, "", "not a readable Parquet file"},

		{"CIFAR-10", cifar10, "", OpenOptions{Split: "train"},
			"airplane: data_batch_1-00001.ppm=3085; automobile: data_batch_1-00000.ppm=3085 " +
				"data_batch_2-00000.ppm=3085", ""},
		{"CIFAR-10 test", cifar10, "cifar-10-batches-bin", OpenOptions{Split: "test"},
			"airplane: test_batch-00000.ppm=3085", ""},
		{"CIFAR-10 without split", cifar10, "", OpenOptions{}, "",
			`the folders are "test", "train", and not those of classes`},
		{"CIFAR-10 of no split", cifar10, "", OpenOptions{Split: "val"}, "", `no folder "val", have "test", "train"`},
		{"CIFAR-100", files{"train.bin": cifarRow(1, 4, 1), "test.bin": cifarRow(2, 0, 0),
			"fine_label_names.txt": "apple\nbear\n", "coarse_label_names.txt": "x\n"}, "", OpenOptions{Split: "train"},
			"bear: train-00000.ppm=3085", ""},
		{"CIFAR label", files{"data_batch_1.bin": cifarRow(1, 0) + cifarRow(1, 2), "batches.meta.txt": "a\nb"}, "",
			OpenOptions{}, "", "row 1: label 2, but batches.meta.txt has names for 2"},
		{"CIFAR pickled", files{"cifar-10-batches-py/data_batch_1": "x", "cifar-10-batches-py/batches.meta": ""}, "",
			OpenOptions{}, "", "want the binary one"},
		{"CIFAR cut", files{"data_batch_1.bin": cifarRow(1, 0)[:3000]}, "", OpenOptions{}, "",
			"has 3000 bytes, want rows of 3073"},
		{"CIFAR empty", files{"data_batch_1.bin": ""}, "", OpenOptions{}, "", `"data_batch_1.bin" is empty`},

		{"MNIST", mnist, "", OpenOptions{Split: "train"}, "0: 00001.pgm=17; 7: 00000.pgm=17", ""},
		{"MNIST test", mnist, "MNIST/raw", OpenOptions{Split: "test"}, "9: 00000.pgm=17", ""},
		{"MNIST names", mnist, "", OpenOptions{Split: "test", Names: strings.Fields("a b c d e f g h i j")},
			"j: 00000.pgm=17", ""},
		{"IDX without labels", files{"train-images-idx3-ubyte": idx(idxImages, "a", 1, 1, 1)}, "", OpenOptions{}, "",
			"want both train-images-idx3-ubyte and"},
		{"IDX magic", files{"train-images-idx3-ubyte": idx(idxLabels, "a", 1, 1, 1),
			"train-labels-idx1-ubyte": idx(idxLabels, "\x00", 1)}, "", OpenOptions{}, "",
			"begins with 00000801, want 00000803"},
		{"IDX cut", files{"train-images-idx3-ubyte": idx(idxImages, "abc", 1, 2, 2),
			"train-labels-idx1-ubyte": idx(idxLabels, "\x00", 1)}, "", OpenOptions{}, "", "has 19 bytes, want 20"},
		{"IDX header cut", files{"train-images-idx3-ubyte": "\x00\x00",
			"train-labels-idx1-ubyte": idx(idxLabels, "\x00", 1)}, "", OpenOptions{}, "", "the header ends early"},
		{"IDX bomb", files{"train-images-idx3-ubyte": idx(idxImages, "abc", 1<<31, 1<<31, 1<<31),
			"train-labels-idx1-ubyte": idx(idxLabels, "\x00", 1)}, "", OpenOptions{}, "",
			"dimension 0 is 2147483648 in a file of 19 bytes"},
		{"IDX of other lengths", files{"train-images-idx3-ubyte": idx(idxImages, "a", 1, 1, 1),
			"train-labels-idx1-ubyte": idx(idxLabels, "\x00\x00", 2)}, "", OpenOptions{}, "",
			"has 1 images, train-labels-idx1-ubyte 2 labels"},
		{"IDX label", files{"train-images-idx3-ubyte": idx(idxImages, "a", 1, 1, 1),
			"train-labels-idx1-ubyte": idx(idxLabels, "\x0a", 1), "classes.txt": "a\nb"},
			"", OpenOptions{}, "", "row 0: label 10, but classes.txt has names for 2"},
		{"IDX gzip cut", files{"train-images-idx3-ubyte.gz": zipped(t, idx(idxImages, "a", 1, 1, 1))[:12],
			"train-labels-idx1-ubyte": idx(idxLabels, "\x00", 1)}, "", OpenOptions{}, "", "unexpected EOF"},

		{"names for folders", files{"cat/1.jpg": "x"}, "", OpenOptions{Names: []string{"a"}}, "cat: 1.jpg=x", ""},
		{"names for class tars", files{"n01.tar": cat}, "", OpenOptions{Names: []string{"a"}},
			"n01: n01_1.JPEG=c1 n01_2.JPEG=c2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), filepath.Join(makeFolder(t, c.files), c.path), c.options)
			wantError(t, err, ErrSet, c.err)
			if err != nil {
				return
			}
			defer s.Close()
			if got := contents(t, s); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestRows checks the pixels of images without files.
func TestRows(t *testing.T) {
	dir := makeFolder(t, files{"data_batch_1.bin": cifarRow(1, 0) + cifarRow(2, 1)})
	s, err := Open(t.Context(), dir, OpenOptions{Split: "train"})
	must(t, err)
	for k, class := range s.Classes {
		for sample := range s.Load(t.Context(), class.Images, LoadOptions{}) {
			must(t, sample.Err)
			want := newRGB(32, 32)
			for i := range want.Pix {
				want.Pix[i] = byte((i/3 + i%3) * (k + 1))
			}
			wantImage(t, class.Name, sample.Image, want)
		}
	}
	dir = makeFolder(t, files{"t10k-images-idx3-ubyte": idx(idxImages, "abcdef", 1, 2, 3),
		"t10k-labels-idx1-ubyte": idx(idxLabels, "\x01", 1)})
	s, err = Open(t.Context(), dir, OpenOptions{Split: "test"})
	must(t, err)
	for sample := range s.Load(t.Context(), s.Classes[0].Images, LoadOptions{}) {
		must(t, sample.Err)
		wantImage(t, "MNIST", sample.Image, &RGB{W: 3, H: 2, Pix: []byte("aaabbbcccdddeeefff")})
	}
}

// TestLayoutID changes the file that images are in.
func TestLayoutID(t *testing.T) {
	for name, content := range map[string]string{
		"a.tar":            tarText(t, files{"1.cls": "0", "1.jpg": "x"}),
		"a.parquet":        hubFile(t, nil, hubRow("x", 0)),
		"data_batch_1.bin": cifarRow(1, 0),
	} {
		if name == "a.tar" { // a writer may leave out all times
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, m := range []string{"1.cls", "1.jpg"} {
				must(t, w.WriteHeader(&tar.Header{Name: m, Typeflag: tar.TypeReg, Size: 1, ModTime: time.Unix(0, 0)}))
				_, err := w.Write([]byte("0"))
				must(t, err)
			}
			must(t, w.Close())
			content = b.String()
		}
		dir := makeFolder(t, files{name: content})
		file := filepath.Join(dir, name)
		at := func(when time.Time) (*Set, Ref) {
			must(t, os.Chtimes(file, when, when))
			s, err := Open(t.Context(), dir, OpenOptions{})
			must(t, err)
			return s, s.Classes[0].Images[0]
		}
		when := time.Unix(1e9, 0)
		_, a := at(when)
		_, b := at(when)
		s, c := at(when.Add(time.Second))
		if a != b || a.ID == c.ID {
			t.Errorf("%s: IDs %s, %s and after a change %s", name, a.ID, b.ID, c.ID)
		}
		must(t, os.Chtimes(file, when, when))
		_, err := s.Read(c)
		wantError(t, err, ErrUnread, "has changed since the set was opened")
	}
}

// TestParquetPages reads the images of several row groups and pages in orders that sets are read in.
func TestParquetPages(t *testing.T) {
	var rows []parquetRow
	for i := range 50 {
		rows = append(rows, hubRow(fmt.Sprint("image", i), int64(i%3)))
	}
	rows[7].Image.Bytes = nil
	dir := makeFolder(t, files{"a.parquet": parquetFile(t, nil, "", rows, pq.PageBufferSize(20), pq.DataPageVersion(1)),
		"b.parquet": parquetFile(t, nil, "", rows)})
	s, err := Open(t.Context(), dir, OpenOptions{})
	must(t, err)
	src := s.src.(*tables)
	n := 0
	for _, reverse := range []bool{false, true} {
		for _, class := range s.Classes {
			refs := slices.Clone(class.Images)
			if reverse {
				slices.Reverse(refs)
			}
			for _, ref := range refs {
				data, err := s.Read(ref)
				if ref.at == 7 {
					wantError(t, err, ErrImage, "row 7 has no bytes of an image")
				} else if want := fmt.Sprint("image", ref.at); err != nil || string(data) != want {
					t.Errorf("%s: %q, %v, want %q", ref.Name, data, err, want)
				}
				n++
			}
		}
	}
	if n != 200 {
		t.Errorf("%d images, want 200", n)
	}
	sum := 0
	for e := src.last.Front(); e != nil; e = e.Next() {
		sum += e.Value.(*keptPage).size
	}
	if sum != src.size || sum == 0 || src.last.Len() != len(src.kept) {
		t.Errorf("%d bytes kept in %d pages, counted %d and %d", sum, src.last.Len(), src.size, len(src.kept))
	}
	src.size += maxKept // as if the pages were large
	src.account(src.last.Front().Value.(*keptPage))
	if src.last.Len() != 1 || len(src.kept) != 1 {
		t.Errorf("%d pages kept beyond the limit, want the last", src.last.Len())
	}
}

func TestLayoutCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, in := range []files{{"n01.tar": tarText(t, files{"1.jpg": "x"})},
		{"a.parquet": hubFile(t, nil, hubRow("x", 0))}, {"data_batch_1.bin": cifarRow(1, 0)}} {
		_, err := Open(ctx, makeFolder(t, in), OpenOptions{})
		wantError(t, err, context.Canceled, "canceled")
	}
}
