package diffusion

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestRespace(t *testing.T) {
	tests := []struct {
		name, spec string
		total      int
		want       []int
		err        string
	}{
		{"all of one", "", 1, []int{0}, ""},
		{"one of one", "1", 1, []int{0}, ""},
		{"one", "1", 10, []int{0}, ""},
		{"all by name", "4", 4, []int{0, 1, 2, 3}, ""},
		{"halves go to even", "3", 6, []int{0, 2, 5}, ""}, // 2.5
		{"spaces", " 1, 1 ", 4, []int{0, 2}, ""},
		{"an uneven part comes first", "1,1", 5, []int{0, 3}, ""},
		{"an empty part", "0,2", 4, []int{2, 3}, ""},
		{"ddim", "ddim3", 5, []int{0, 2, 4}, ""},
		{"leading, all but one", "leading1", 2, []int{1}, ""},
		{"no process", "", 0, nil, "has 0 steps"},
		{"nothing left", "0", 4, nil, "no steps are left"},
		{"more parts than steps", "1,1,1", 2, nil, "section of 0 steps into 1"},
		{"negative", "-1", 4, nil, `"-1" is not a number of steps`},
		{"no number", "fast", 4, nil, `"fast" is not a number of steps`},
		{"ddim without number", "ddim", 4, nil, `"" is not a number of steps`},
		{"ddim of one", "ddim1", 4, nil, "integer stride"},
		{"leading of none", "leading0", 4, nil, "want 1 to 4"},
		{"leading past the end", "leading4", 4, nil, "last step would be 4"},
		{"past all numbers", "99999999999999999999", 4, nil, "not a number of steps"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			have, err := Respace(test.spec, test.total)
			if test.err == "" && (err != nil || !slices.Equal(have, test.want)) {
				t.Errorf("have %v and error %v, want %v", have, err, test.want)
			}
			if test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
				t.Errorf("have error %v, want %q in it", err, test.err)
			}
		})
	}
}

// What Respace accepts rises strictly inside the process and has as many steps as asked for.
func FuzzRespace(f *testing.F) {
	for _, spec := range []string{"", "1", "50", "999", "1000", "ddim50", "ddim999", "leading50",
		"10,10,20", "0,0", "1,,2", "-3", "ddim-1", "leading", "600,600", "1e3", "０"} {
		f.Add(spec, uint16(1000))
		f.Add(spec, uint16(1))
	}
	f.Fuzz(func(t *testing.T, spec string, total uint16) {
		steps, err := Respace(spec, int(total))
		if err != nil {
			if steps != nil || !strings.Contains(err.Error(), strconv.Quote(spec)) {
				t.Errorf("have %v and error %v, want none and the spec in the error", steps, err)
			}
			return
		}
		if want := asked(spec, int(total)); len(steps) != want {
			t.Errorf("have %d steps, want %d", len(steps), want)
		}
		if steps[0] < 0 || steps[len(steps)-1] >= int(total) {
			t.Errorf("steps %v are outside 0..%d", steps, total-1)
		}
		for i := 1; i < len(steps); i++ {
			if steps[i] <= steps[i-1] {
				t.Errorf("steps %v do not rise", steps)
			}
		}
	})
}

// asked returns the number of steps in a valid spec.
func asked(spec string, total int) int {
	spec = strings.TrimLeft(strings.TrimSpace(spec), "dimleang")
	if spec == "" {
		return total
	}
	sum := 0
	for _, part := range strings.Split(spec, ",") {
		n, _ := strconv.Atoi(strings.TrimSpace(part))
		sum += n
	}
	return sum
}
