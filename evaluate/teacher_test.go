package evaluate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/weights"
)

// TestOutputOrder: which output belongs to which class, by what is known of a teacher.
func TestOutputOrder(t *testing.T) {
	imagenet, err := dataset.NamedClasses("imagenet1k")
	if err != nil {
		t.Fatal(err)
	}
	woof, err := dataset.NamedClasses("woof")
	if err != nil {
		t.Fatal(err)
	}
	var wantWoof, bytewise []int
	for _, class := range woof {
		wantWoof = append(wantWoof, slices.Index(imagenet, class))
		bytewise = append(bytewise, slices.Index(slices.Sorted(slices.Values(woof)), class))
	}
	abc := []string{"c", "a", "b"}
	for _, test := range []struct {
		name        string
		outputs     int
		classes     []string
		given, own  []string
		want        []int
		order, fail string
	}{
		{"nothing known: byte order", 3, abc, nil, nil, []int{2, 0, 1}, "byte order", ""},
		{"numbers in byte order", 3, []string{"2", "10", "1"}, nil, nil, []int{2, 1, 0}, "byte order", ""},
		{"the file's names", 3, abc, nil, []string{"b", "a", "c"}, []int{2, 1, 0}, "file", ""},
		{"the file's names, of which the set has some", 4, abc, nil, []string{"b", "x", "c", "a"}, []int{2, 3, 0},
			"file", ""},
		{"the list given counts before the file's", 3, abc, []string{"a", "c", "b"}, []string{"b", "a", "c"},
			[]int{1, 0, 2}, "list", ""},
		{"the file's are other names", 3, abc, nil, []string{"LABEL_0", "LABEL_1", "LABEL_2"}, []int{2, 0, 1},
			`byte order of the names; the file has other names: "LABEL_0"`, ""},
		{"synonyms", 3, []string{"sea snake", "tench"}, nil, []string{"Tench, Tinca tinca", "Sea_Snake", "crane"},
			[]int{1, 0}, "file", ""},
		{"a class that the file does not know", 3, abc, nil, []string{"a", "b", "d"}, nil, "",
			`class "c" is none of them`},
		{"a name that two outputs have", 3, []string{"crane", "dog"}, nil, []string{"crane", "dog", "crane"}, nil, "",
			`class "crane"`},
		{"a whole name before a synonym", 2, []string{"crane"}, nil, []string{"heron, crane", "crane"}, []int{1},
			"file", ""},
		{"ImageNet's teacher for a list of the program", 1000, woof, nil, nil, wantWoof, "ImageNet", ""},
		{"a teacher of the list's classes alone", 10, woof, nil, nil, bytewise, "byte order", ""},
		{"a list given of another length", 3, abc, []string{"a", "b"}, nil, nil, "", "2 names, but it has 3 outputs"},
		{"a list given without a class", 3, abc, []string{"a", "b", "d"}, nil, nil, "", `class "c" is not in the list`},
		{"outputs that fit nothing", 7, abc, nil, nil, nil, "", `7 outputs, the set has 3 classes, "c", "a", "b"`},
		{"1,000 outputs and other classes", 1000, abc, nil, nil, nil, "", "1000 outputs"},
		{"fewer outputs than classes", 2, abc, nil, nil, nil, "", "2 outputs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, order, err := outputOrder(test.outputs, test.classes, test.given, test.own, "the file")
			if test.fail != "" {
				if !errors.Is(err, ErrTeacher) || !strings.Contains(err.Error(), test.fail) {
					t.Fatalf("got %v, %v, want an error with %q", got, err, test.fail)
				}
				return
			}
			if err != nil || !slices.Equal(got, test.want) || !strings.Contains(order, test.order) {
				t.Errorf("got %v by %q, %v, want %v by %q", got, order, err, test.want, test.order)
			}
		})
	}
}

// TestTeacherOutputs: the logits of a teacher are those of the file, of the classes in the set's order.
func TestTeacherOutputs(t *testing.T) {
	e := openEngine(t)
	for name, test := range map[string]struct {
		net  Net
		load string
		size int // of the images
		stem string
	}{
		"a convnet": {ConvNet{2, 128, 5, Batch}, "convnet2", 8, ""},
		"ImageNet's stem, 32 pixels": {ResNet{Depth: 10, Width: 64, Size: 224, Classes: 5, Norm: Batch}, "resnet10",
			32, "7×7"},
		"a small stem, 72 pixels": {ResNet{Depth: 10, Width: 64, Size: 32, Classes: 5, Norm: Batch}, "resnet10", 72,
			"3×3"},
		"a small stem, where it fits": {ResNet{Depth: 10, Width: 64, Size: 32, Classes: 5, Norm: Batch}, "resnet10", 32,
			"3×3"},
	} {
		t.Run(name, func(t *testing.T) {
			specs, err := e.Declare(Logits(test.net), image(test.size))
			if err != nil {
				t.Fatal(err)
			}
			all := engine.Weights{}
			var list []weights.Tensor
			for i, spec := range specs {
				data := likely(spec, uint64(i))
				all[spec.Name] = tensor(data, spec.Shape...)
				list = append(list, weights.F32(strings.TrimPrefix(spec.Name, "layer0."), spec.Shape, data))
			}
			var file bytes.Buffer
			if err := weights.Write(&file, list, map[string]string{"classes": `["a","b","c","d","e"]`}); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "teacher.safetensors")
			if err := os.WriteFile(path, file.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			classes := []string{"d", "a", "b"}
			teacher, err := OpenTeacher(t.Context(), e, path, TeacherOptions{Net: test.load, Size: test.size,
				Classes: classes})
			if err != nil {
				t.Fatal(err)
			}
			if teacher.Known.Stem != test.stem || teacher.Known.Outputs != 5 {
				t.Errorf("got the stem %q and %d outputs, want %q and 5", teacher.Known.Stem, teacher.Known.Outputs,
					test.stem)
			}
			x := tensor(ramp(3*test.size*test.size), 1, 3, test.size, test.size)
			want := logitsOf(t, e, Logits(test.net), all, x)
			got := logitsOf(t, e, Logits(teacher.Net), teacher.Weights, x)
			for i, output := range []int{3, 0, 1} {
				if got[i] != want[output] {
					t.Errorf("class %q has the logit %v, want %v, that of output %d", classes[i], got[i], want[output],
						output)
				}
			}
			if len(got) != 3 {
				t.Errorf("got %d logits, want 3", len(got))
			}
		})
	}
}

func ramp(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%17)/8 - 1
	}
	return x
}

func logitsOf(t *testing.T, e *engine.Engine, f engine.Func, w engine.Weights, x *tensors.Tensor) []float32 {
	t.Helper()
	p, err := e.Compile("net", f, w)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Run1(x)
	if err != nil {
		t.Fatal(err)
	}
	return flat(out)
}

// doubted is a teacher with that confusion matrix, classes a, b, … in the order of the outputs.
func doubted(confusion [][]int) *Teacher {
	t := &Teacher{Classes: len(confusion), confusion: confusion,
		Known: TeacherFacts{Outputs: len(confusion), Order: "the file", Tested: &TeacherCheck{}}}
	c := t.Known.Tested
	for class, row := range confusion {
		t.names, t.columns = append(t.names, string(rune('a'+class))), append(t.columns, class)
		for _, n := range row {
			c.Images += n
		}
	}
	for class, row := range confusion {
		c.Accuracy += float64(row[class]) / float64(c.Images)
	}
	c.Chance, c.Bound = chanceOf(confusion)
	return t
}

// TestDoubt: a teacher at chance, or better in another order, is doubted, whatever the number of classes and images.
func TestDoubt(t *testing.T) {
	moved := func(n, shift, hits, misses int) [][]int { // class i has the output i+shift, mostly
		m := make([][]int, n)
		for i := range m {
			m[i] = slices.Repeat([]int{misses}, n)
			m[i][(i+shift)%n] = hits
		}
		return m
	}
	for _, test := range []struct {
		name      string
		confusion [][]int
		want      []string // nil: no doubt
	}{
		{"good", moved(10, 0, 40, 1), nil},
		{"weak", moved(10, 0, 18, 4), nil},
		{"weaker than three times chance", moved(10, 0, 15, 4),
			[]string{"at least 30.0 %", "no other order"}},
		{"two classes, four images, all right", moved(2, 0, 2, 0), nil},
		{"two classes, all wrong", moved(2, 1, 20, 0), []string{"another order", "100.0 %"}},
		{"moved by three", moved(10, 3, 40, 1), []string{"another order", "moved on by", "81.6 %"}},
		{"backwards", [][]int{{0, 0, 9}, {0, 9, 0}, {9, 0, 0}},
			[]string{"another order", "byte order of the names backwards"}},
		{"backwards, four", [][]int{{0, 0, 0, 9}, {0, 0, 9, 0}, {0, 9, 0, 0}, {9, 0, 0, 0}},
			[]string{"byte order of the names backwards", "100.0 %"}},
		{"knows nothing", moved(10, 0, 5, 5), []string{"no other order", "another size", "the file"}},
		{"one class for all", [][]int{{20, 0, 0}, {20, 0, 0}, {20, 0, 0}}, []string{"33.3 %", "no other order"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := doubted(test.confusion).Doubt()
			if (err == nil) != (test.want == nil) {
				t.Fatalf("got %v, want a doubt: %v", err, test.want != nil)
			}
			for _, part := range test.want {
				if !errors.Is(err, ErrTeacher) || !strings.Contains(err.Error(), part) {
					t.Errorf("got %q, want it to say %q", err, part)
				}
			}
		})
	}
	swapped := moved(10, 0, 40, 1)
	swapped[2], swapped[7] = swapped[7], swapped[2]
	teacher := doubted(swapped)
	if err := teacher.Doubt(); err != nil {
		t.Errorf("two classes exchanged of ten: %v, want no error", err)
	}
	if pairs := teacher.Exchanged(); !slices.Equal(pairs, []string{`"c" and "h"`}) {
		t.Errorf("exchanged are %v, want c and h", pairs)
	}
	if pairs := doubted(moved(10, 0, 40, 1)).Exchanged(); pairs != nil {
		t.Errorf("exchanged are %v, want none", pairs)
	}
}

// TestAtChance: the bound is three deviations of guesses above their accuracy, and at most half of the way to 1.
func TestAtChance(t *testing.T) {
	score := func(confusion [][]int) *Score {
		return &Score{Protocol: Protocol{Publish: Last}, Confusion: confusion}
	}
	for _, test := range []struct {
		name  string
		each  [][]int
		times int
		want  bool
	}{
		{"guesses", [][]int{{17, 16, 17}, {16, 17, 17}, {17, 17, 16}}, 1, true},
		// 44 % of 150: up to 44.9
		{"somewhat better, once", [][]int{{22, 14, 14}, {14, 22, 14}, {14, 14, 22}}, 1, true},
		// of 450: up to 40.0
		{"somewhat better, three times", [][]int{{22, 14, 14}, {14, 22, 14}, {14, 14, 22}}, 3, false},
		{"one class for all", [][]int{{50, 0}, {50, 0}}, 1, true},
		{"right", [][]int{{2, 0}, {0, 2}}, 1, false},
		{"one class alone", [][]int{{5}}, 1, false},
	} {
		if got, bound := AtChance(slices.Repeat([]*Score{score(test.each)}, test.times)); got != test.want {
			t.Errorf("%s: at chance %v, up to %v, want %v", test.name, got, bound, test.want)
		}
	}
}
