package dataset

import (
	"maps"
	"testing"
)

// fuzzLayout opens a folder of one file with any content and reads what is found in it.
func fuzzLayout(f *testing.F, name string, others files, o OpenOptions, seeds ...string) {
	for _, seed := range seeds {
		f.Add([]byte(seed))
		f.Add([]byte(seed)[:len(seed)*2/3])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		in := maps.Clone(others)
		in[name] = string(data)
		s, err := Open(t.Context(), makeFolder(t, in), o)
		if err != nil {
			wantError(t, err, ErrSet, "not a usable image set")
			return
		}
		for _, class := range s.Classes {
			if err := CheckClassName(class.Name); err != nil {
				t.Error(err)
			}
			for _, ref := range class.Images {
				if data, err := s.Read(ref); err != nil {
					wantError(t, err, ErrImage, ref.Name)
				} else if ref.Size != 0 && int64(len(data)) != ref.Size {
					t.Errorf("%s: %d bytes, want %d", ref.Name, len(data), ref.Size)
				}
			}
		}
	})
}

func FuzzWebDataset(f *testing.F) {
	fuzzLayout(f, "a.tar", files{}, OpenOptions{}, tarText(f, files{"1.cls": "0", "1.jpg": "x"}),
		tarText(f, files{"1.json": `{"label": 1}`, "1.jpg": "x", "x/2.png": "y"}))
}

func FuzzClassTars(f *testing.F) {
	one := tarText(f, files{"1.jpg": "x"})
	fuzzLayout(f, "n01.tar", files{"n02.tar": one}, OpenOptions{}, one, tarText(f, files{"n03.tar": one}))
}

func FuzzParquet(f *testing.F) {
	fuzzLayout(f, "a.parquet", files{}, OpenOptions{}, hubFile(f, []string{"a", "b"}, hubRow("x", 0), hubRow("y", 1)),
		hubFile(f, nil, hubRow("x", 5), parquetRow{}))
}

func FuzzCIFAR(f *testing.F) {
	fuzzLayout(f, "data_batch_1.bin", files{"batches.meta.txt": "a\nb"}, OpenOptions{Split: "train"},
		cifarRow(1, 0)+cifarRow(2, 1), cifarRow(1, 9))
}

func FuzzIDX(f *testing.F) {
	fuzzLayout(f, "train-images-idx3-ubyte", files{"train-labels-idx1-ubyte": idx(idxLabels, "\x01\x02", 2)},
		OpenOptions{Split: "train"}, idx(idxImages, "abcdef", 2, 3, 1))
}
