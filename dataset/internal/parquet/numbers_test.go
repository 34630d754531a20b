package parquet

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	writer "github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// listRow is number j of list i, in list k, of row r: each of them is known by its value.
func listRow(r, a, b, c int) (list [][][]float64) {
	for i := range a {
		list = append(list, nil)
		for j := range b {
			list[i] = append(list[i], nil)
			for k := range c {
				list[i][j] = append(list[i][j], float64(1000*r+100*i+10*j+k)/4)
			}
		}
	}
	return list
}

// writeLists returns a file of rows of lists of 2 × 3 × 4 floats, in pages of some numbers each.
func writeLists(tb testing.TB, version int, how encoding.Encoding, rows int) []byte {
	tb.Helper()
	leaf := writer.Encoded(writer.Optional(writer.Leaf(writer.DoubleType)), how)
	schema := writer.NewSchema("lists", writer.Group{"x": writer.List(writer.List(writer.List(leaf)))})
	var file bytes.Buffer
	w := writer.NewWriter(&file, schema, writer.DataPageVersion(version), writer.PageBufferSize(200),
		writer.MaxRowsPerRowGroup(4))
	for r := range rows {
		var row writer.Row
		for i, lists := range listRow(r, 2, 3, 4) {
			for j, list := range lists {
				for k, v := range list {
					level := 3 // that of the innermost list that goes on
					switch {
					case i+j+k == 0:
						level = 0
					case j+k == 0:
						level = 1
					case k == 0:
						level = 2
					}
					row = append(row, writer.ValueOf(v).Level(level, 4, 0))
				}
			}
		}
		if _, err := w.WriteRows([]writer.Row{row}); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

// TestLists reads lists that another program wrote, in several groups and pages, by each encoding of floats.
func TestLists(t *testing.T) {
	for _, how := range []encoding.Encoding{&writer.Plain, &writer.RLEDictionary, &writer.ByteStreamSplit} {
		for _, version := range []int{1, 2} {
			t.Run(fmt.Sprint(how, version), func(t *testing.T) {
				data := writeLists(t, version, how, 9)
				f, err := Open(bytes.NewReader(data), int64(len(data)))
				if err != nil {
					t.Fatal(err)
				}
				row := 0
				for g := range f.Groups {
					err := f.Numbers(g, 0, func(shape []int, numbers []float64) error {
						want := fmt.Sprint(listRow(row, 2, 3, 4))
						want = strings.NewReplacer("[", "", "]", "").Replace(want)
						got := strings.Trim(fmt.Sprint(numbers), "[]")
						if got != want || fmt.Sprint(shape) != "[2 3 4]" {
							t.Errorf("row %d: %v, %s, want [2 3 4], %s", row, shape, got, want)
						}
						row++
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				if row != 9 || len(f.Groups) != 3 {
					t.Errorf("%d rows in %d groups, want 9 in 3", row, len(f.Groups))
				}
			})
		}
	}
}

// TestShapeOf has the levels of repetition of lists of one length, and of others.
func TestShapeOf(t *testing.T) {
	for _, c := range []struct {
		reps  []uint32
		lists int
		want  string // the shape, or the error
	}{
		{[]uint32{0}, 0, "[]"},
		{[]uint32{0}, 2, "[1 1]"},
		{[]uint32{0, 1, 1}, 1, "[3]"},
		{[]uint32{0, 2, 1, 2}, 2, "[2 2]"},
		{[]uint32{0, 1, 1}, 2, "[3 1]"},
		{[]uint32{0, 2, 2}, 2, "[1 3]"},
		{[]uint32{0, 3, 2, 3, 1, 3, 2, 3}, 3, "[2 2 2]"},
		{[]uint32{0, 2, 1}, 2, "its lists at depth 2 differ in length"},
		{[]uint32{0, 2, 1, 2, 2, 2}, 2, "its lists at depth 2 differ in length"},
		{[]uint32{0, 1, 2, 1}, 2, "its lists at depth 2 differ in length"},
		{[]uint32{0, 3, 2, 3, 1, 3, 3, 3}, 3, "its lists at depth 3 differ in length"},
	} {
		shape, err := shapeOf(c.reps, c.lists)
		got := fmt.Sprint(shape)
		if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%v: got %s, want %s", c.reps, got, c.want)
		}
	}
}

// TestNoNumbers: what is no list of numbers for each row is an error.
func TestNoNumbers(t *testing.T) {
	type texts struct {
		X []string `parquet:"x"`
	}
	type lists struct {
		X []int32 `parquet:"x"`
	}
	for _, c := range []struct {
		name string
		data []byte
		err  string
	}{
		{"text", write(t, func(want) texts { return texts{[]string{"a"}} }, rows(1)), "holds BYTE_ARRAY, want numbers"},
		{"an empty list", write(t, func(want) lists { return lists{} }, rows(1)),
			"row 0: not a readable Parquet file: a number is null, or a list is empty"},
		{"the third list is empty", write(t, func(w want) lists {
			if w.small == 2 {
				return lists{}
			}
			return lists{[]int32{1, 2}}
		}, []want{{}, {}, {small: 2}}), "row 2: not a readable"},
	} {
		f, err := Open(bytes.NewReader(c.data), int64(len(c.data)))
		if err != nil {
			t.Fatal(err)
		}
		err = f.Numbers(0, 0, func([]int, []float64) error { return nil })
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.err)
		}
	}
}

// TestHalf has IEEE 754's examples of binary16.
func TestHalf(t *testing.T) {
	for bits, want := range map[uint16]float64{0: 0, 1: 0x1p-24, 0x3ff: 1023 * 0x1p-24, 0x400: 0x1p-14,
		0x3555: 0.333251953125, 0x3c00: 1, 0xc000: -2, 0x7bff: 65504, 0x7c00: math.Inf(1), 0xfc00: math.Inf(-1)} {
		if got := half(bits); got != want {
			t.Errorf("%04x: got %v, want %v", bits, got, want)
		}
	}
	if !math.IsNaN(half(0x7e00)) {
		t.Error("7e00 is a number")
	}
}
