package dataset

import (
	"fmt"
	"strings"
	"testing"

	pq "github.com/parquet-go/parquet-go"
)

// TestLabelKinds opens Parquet files whose labels are named, or kept, in other ways than a list of words and a number.
func TestLabelKinds(t *testing.T) {
	type yesNo struct {
		Image parquetImage `parquet:"image"`
		Label bool         `parquet:"label"`
	}
	type several struct {
		Image parquetImage `parquet:"image"`
		Label []int64      `parquet:"label,list"`
	}
	type repeated struct {
		Image parquetImage `parquet:"image"`
		Label []int64      `parquet:"label"`
	}
	type real struct {
		Image parquetImage `parquet:"image"`
		Label float64      `parquet:"label"`
	}
	type date struct {
		Image parquetImage `parquet:"image"`
		Label int32        `parquet:"label,date"`
	}
	type moment struct {
		Image parquetImage `parquet:"image"`
		Label int64        `parquet:"label,timestamp"`
	}
	type hour struct {
		Image parquetImage `parquet:"image"`
		Label int64        `parquet:"label,time(microsecond)"`
	}
	type price struct {
		Image parquetImage `parquet:"image"`
		Label int64        `parquet:"label,decimal(2:10)"`
	}
	image := parquetImage{[]byte("x"), "x.jpg"}
	two := []parquetRow{hubRow("a", 0), hubRow("b", 1)}
	meta := func(label string) pq.WriterOption {
		return pq.KeyValueMetadata("huggingface",
			fmt.Sprintf(`{"info":{"features":{"image":{"_type":"Image"},"label":%s}}}`, label))
	}
	long := make([]yesNo, 20)
	for i := range long {
		long[i] = yesNo{image, i%3 == 0}
	}
	for _, c := range []struct{ name, data, classes, err string }{
		{"a map of names", parquetFile(t, nil, "", two, meta(`{"names":{"1":"dog","0":"tench"},"_type":"ClassLabel"}`)),
			"dog tench", ""},
		{"a map with a gap", parquetFile(t, nil, "", two, meta(`{"names":{"0":"tench","2":"dog"}}`)), "",
			"2 names by number, but none of 1"},
		{"names of numbers", parquetFile(t, nil, "", two, meta(`{"names":[1,2]}`)), "",
			"want a list of words, or a map"},
		{"null names", parquetFile(t, nil, "", two, meta(`{"names":null}`)), "0000 0001", ""},
		{"a value without names", parquetFile(t, nil, "", two, meta(`{"dtype":"int64","_type":"Value"}`)), "0000 0001",
			""},
		{"a list by the metadata", parquetFile(t, nil, "", two, meta(`[{"names":["a","b"],"_type":"ClassLabel"}]`)), "",
			`column "label" holds a list of labels`},
		{"a sequence by the metadata", parquetFile(t, nil, "", two,
			meta(`{"feature":{"names":["a"]},"_type":"Sequence"}`)), "", `column "label" holds a list`},
		{"metadata of others", parquetFile(t, nil, "", two, pq.KeyValueMetadata("huggingface", `[1]`)), "",
			`metadata "huggingface": not the JSON`},
		{"BOOLEAN", parquetFile(t, nil, "", []yesNo{{image, true}, {image, false}}), "false true", ""},
		{"BOOLEAN over bytes", parquetFile(t, nil, "", long), "false true", ""},
		{"BOOLEAN with names", parquetFile(t, nil, "", []yesNo{{image, true}, {image, false}},
			meta(`{"names":["no","yes"]}`)), "no yes", ""},
		{"a list", parquetFile(t, nil, "", []several{{image, []int64{1, 2}}}), "",
			`column "label" holds a list of labels`},
		{"repeated", parquetFile(t, nil, "", []repeated{{image, []int64{1, 2}}}), "",
			`column "label" holds a list of labels`},
		{"DATE", parquetFile(t, nil, "", []date{{image, 19000}}), "", `"label" holds a DATE, want whole numbers`},
		{"TIMESTAMP", parquetFile(t, nil, "", []moment{{image, 19000}}), "", `"label" holds a TIMESTAMP`},
		{"TIME", parquetFile(t, nil, "", []hour{{image, 19000}}), "", `"label" holds a TIME`},
		{"DECIMAL", parquetFile(t, nil, "", []price{{image, 19000}}), "", `"label" holds a DECIMAL`},
		{"DOUBLE", parquetFile(t, nil, "", []real{{image, 0.5}}), "", `"label" holds DOUBLE`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), save(t, "set.parquet", []byte(c.data)), OpenOptions{})
			wantError(t, err, ErrSet, c.err)
			if err != nil {
				for _, word := range []string{"Go ", "[]string", "struct"} {
					if strings.Contains(err.Error(), word) {
						t.Errorf("%v speaks of the program's types", err)
					}
				}
				return
			}
			defer s.Close()
			if got := strings.Join(s.ClassNames(), " "); got != c.classes {
				t.Errorf("got %s, want %s", got, c.classes)
			}
		})
	}
}

// TestColumnNames: images and labels are found under the names that programs give them, or else by the hub's metadata,
// and columns beside them that look like such are told of.
func TestColumnNames(t *testing.T) {
	type bytesAndPath struct {
		Path  string `parquet:"image"`
		Bytes []byte `parquet:"image_bytes"`
		Class string `parquet:"class"`
	}
	type tars struct {
		PNG  parquetImage `parquet:"png"`
		JPG  parquetImage `parquet:"jpg"`
		Cls  int64        `parquet:"cls"`
		JSON struct {
			Label int64 `parquet:"label"`
		} `parquet:"json"`
	}
	type others struct {
		Picture  parquetImage `parquet:"picture"`
		Category int64        `parquet:"category"`
	}
	image := parquetImage{[]byte("x"), "x.png"}
	other := parquetImage{[]byte("y"), "y.png"}
	ofHub := func(features string) pq.WriterOption {
		return pq.KeyValueMetadata("huggingface", `{"info":{"features":`+features+`}}`)
	}
	one := `{"picture":{"_type":"Image"},"category":{"names":["cat","dog"],"_type":"ClassLabel"}}`
	two := `{"picture":{"_type":"Image"},"image2":{"_type":"Image"},"category":{"_type":"ClassLabel"}}`
	pictures := []others{{image, 0}, {image, 1}}
	for _, c := range []struct{ name, data, labels, classes, passed, err string }{
		{"bytes beside a path", parquetFile(t, nil, "", []bytesAndPath{{"a.png", []byte("x"), "cat"},
			{"b.png", []byte("x"), "dog"}}), "", "cat dog", `"image"`, ""},
		{"endings", parquetFile(t, nil, "", []tars{{PNG: other, JPG: image}, {PNG: other, JPG: image, Cls: 1}}), "",
			"0000 0001", `2, "png" for one`, ""},
		{"the hub's features", parquetFile(t, nil, "", pictures, ofHub(one)), "", "cat dog", "", ""},
		{"two features", parquetFile(t, nil, "", pictures, ofHub(two)), "", "", "",
			`no column of the image: want one of`},
		{"a feature, and another label asked for", parquetFile(t, nil, "", pictures, ofHub(one)), "coarse", "", "",
			`no column of the label: want one of "coarse_label", "coarse", have "picture.bytes", "picture.path", ` +
				`"category"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), save(t, "set.parquet", []byte(c.data)), OpenOptions{Labels: c.labels})
			wantError(t, err, ErrSet, c.err)
			if err != nil {
				return
			}
			defer s.Close()
			if got := strings.Join(s.ClassNames(), " "); got != c.classes {
				t.Errorf("got the classes %q, want %q", got, c.classes)
			}
			if got := fmt.Sprint(s.PassedOver); !strings.Contains(got, c.passed) || c.passed == "" && got != "[]" {
				t.Errorf("passed over %s, want %q", got, c.passed)
			}
			if data, err := s.src.read("", s.Classes[0].Images[0]); err != nil || string(data) != "x" {
				t.Errorf("image %q, %v; want x", data, err)
			}
		})
	}
}
