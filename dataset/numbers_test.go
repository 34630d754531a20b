package dataset

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	pq "github.com/parquet-go/parquet-go"

	"mgd3/dataset/internal/parquet"
)

// TestNumbersByGroup: rows of numbers are the same in any order and however few row groups are kept, in memory and on a
// disk; one group is decoded at a time where no more have room, and floats in one of them make all of them floats.
func TestNumbersByGroup(t *testing.T) {
	type row struct {
		Image [][]float32 `parquet:"image,list"`
		Label int64       `parquet:"label"`
	}
	value := func(i, j int) float32 {
		if i == 12 {
			return float32(j) / 4
		}
		return float32((31*i + j) % 256)
	}
	for _, rows := range []int{12, 17} { // all whole, and not
		dir := t.TempDir()
		for file, n := range []int{5, rows - 5} {
			var list []row
			for i := range n {
				im := make([][]float32, 2)
				for j := range 6 {
					im[j/3] = append(im[j/3], value(5*file+i, j))
				}
				list = append(list, row{im, int64(i % 2)})
			}
			var data bytes.Buffer
			if err := pq.Write(&data, list, pq.MaxRowsPerRowGroup(3)); err != nil {
				t.Fatal(err)
			}
			name := []string{"train-00000-of-00002.parquet", "train-00001-of-00002.parquet"}[file]
			if err := os.WriteFile(filepath.Join(dir, name), data.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		columns, _, err := OpenNumbers(t.Context(), dir, OpenOptions{}, func(name string, lists int) bool {
			return name == "image"
		})
		if err != nil || len(columns) != 1 {
			t.Fatalf("%d columns, %v", len(columns), err)
		}
		c := columns[0]
		if !slices.Equal(c.Shape, []int{2, 3}) || c.Rows != rows || c.Whole != (rows == 12) || len(c.groups) < 5 {
			t.Fatalf("%d rows of %v in %d groups, whole %v", c.Rows, c.Shape, len(c.groups), c.Whole)
		}
		for _, room := range []int{roomOfNumbers, 40, 1} {
			c.room, c.size, c.kept = room, 0, nil
			for g := range c.groups {
				c.groups[g].numbers, c.groups[g].spilled = nil, nil
			}
			if room == 1 {
				t.Setenv("TMPDIR", filepath.Join(dir, "missing")) // no file can be made: all is decoded again
				c.disk = spill{}
			}
			for k := range 2 * rows {
				i := 5 * k % rows
				got, want := make([]float32, 6), make([]float32, 6)
				for j := range want {
					want[j] = value(i, j)
				}
				if err := c.Read(got, 6*i); err != nil || !slices.Equal(got, want) {
					t.Fatalf("room %d, row %d: %v, want %v: %v", room, i, got, want, err)
				}
			}
			held := 0
			for _, g := range c.groups {
				if g.numbers != nil {
					held++
				}
			}
			if all := held == len(c.groups); all != (room == roomOfNumbers) || room == 1 && held != 1 {
				t.Errorf("room for %d bytes: %d of %d groups are kept", room, held, len(c.groups))
			}
		}
	}
}

// TestSpill: each group of a column that does not fit into memory is decoded once, however often its rows are read.
func TestSpill(t *testing.T) {
	type row struct {
		Image []float32 `parquet:"image,list"`
	}
	path := filepath.Join(t.TempDir(), "set.parquet")
	list := make([]row, 30)
	for i := range list {
		list[i].Image = []float32{float32(i), float32(i) / float32(1+i/15)} // whole in the first half of the groups
	}
	var data bytes.Buffer
	if err := pq.Write(&data, list, pq.MaxRowsPerRowGroup(3)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	c := &Column{Name: "image", Whole: true, room: 1}
	p, err := newPiece(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := parquet.Open(p, p.size)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&table{piece: p, File: f}).read(c, false); err != nil {
		t.Fatal(err)
	}
	for g := range c.groups[:len(c.groups)-1] { // the last one is in memory
		c.groups[g].table = &table{File: &parquet.File{Groups: f.Groups}} // nothing can be decoded
	}
	for k := range 3 * len(list) {
		i := 7 * k % len(list)
		got := make([]float32, 2)
		if err := c.Read(got, 2*i); err != nil || !slices.Equal(got, list[i].Image) {
			t.Fatalf("row %d: %v, want %v: %v", i, got, list[i].Image, err)
		}
	}
}
