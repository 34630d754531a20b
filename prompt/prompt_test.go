package prompt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestOf(t *testing.T) {
	for _, c := range []struct{ class, name, names string }{
		{"n01440764", "tench", "tench, Tinca tinca"},
		{"n03000684", "chain saw", "chain saw, chainsaw"},
		{"n02099601", "golden retriever", "golden retriever"},
		{"golden_retriever", "golden retriever", "golden retriever"},
		{"golden__retriever_", "golden retriever", "golden retriever"},
		{"n02099601-golden_retriever", "golden retriever", "golden retriever"},
		{"n01440764_tench", "tench", "tench"},
		{"001.Black_footed_Albatross", "Black footed Albatross", "Black footed Albatross"},
		{"A", "A", "A"}, {"7", "7", "7"}, {"3d printer", "3d printer", "3d printer"}, {"_", "_", "_"},
		{"t-shirt", "t-shirt", "t-shirt"}, {"n0144076", "n0144076", "n0144076"}, {"猫", "猫", "猫"},
		{"n99999999", "n99999999", "n99999999"},
	} {
		got := Of(c.class)
		if got.Name != c.name || got.Names != c.names || got.Known != (c.class != "n99999999") {
			t.Errorf("%q: got %+v, want %q and %q", c.class, got, c.name, c.names)
		}
	}
}

// TestSynsets: the list is whole, and the names are such as stand in prompts.
func TestSynsets(t *testing.T) {
	all := synsets()
	if len(all) != 21844 {
		t.Errorf("%d synsets, want 21844", len(all))
	}
	for number, names := range all {
		if !numberAlone.MatchString(number) || names == "" || strings.ContainsAny(names, "_\t{}") ||
			len(strings.Fields(names)) >= Long {
			t.Errorf("%q has the names %q", number, names)
		}
	}
}

func TestPrompts(t *testing.T) {
	caption := strings.Repeat("very ", Long-1) + "small"
	for _, c := range []struct {
		name    string
		source  Source
		classes []string
		want    []string
		warning string // "" for none
		err     error
	}{
		{"default", Source{}, []string{"n01440764", "golden_retriever"}, []string{"tench", "golden retriever"},
			"", nil},
		{"published", Source{Template: Published}, []string{"n01440764"}, []string{"tench, Tinca tinca"}, "", nil},
		{"sentence", Source{Template: "a photo of a {name} ({class})"}, []string{"golden_retriever"},
			[]string{"a photo of a golden retriever (golden_retriever)"}, "", nil},
		{"a name with a placeholder", Source{}, []string{"a{name}"}, []string{"a{name}"}, "", nil},
		{"no placeholder", Source{Template: "a photo"}, []string{"a"}, nil, "", ErrTemplate},
		{"unknown placeholder", Source{Template: "{name} {label}"}, []string{"a"}, nil, "", ErrTemplate},
		{"unknown number", Source{}, []string{"n99999999"}, []string{"n99999999"},
			`no name is known of "n99999999"`, nil},
		{"two cranes", Source{}, []string{"n02012849", "n03126707"}, []string{"crane", "crane"},
			`classes "n02012849" and "n03126707" have one prompt, "crane"`, nil},
		{"two spellings", Source{}, []string{"Red_fox", "red fox"}, []string{"Red fox", "red fox"},
			"have one prompt", nil},
		{"file", Source{File: map[string]string{"a": "letter A", "b": "letter B"}}, []string{"b", "a"},
			[]string{"letter B", "letter A"}, "", nil},
		{"file with more", Source{File: map[string]string{"a": "letter A", "b": "letter B"}}, []string{"a"},
			[]string{"letter A"}, `1 classes that are not made: "b"`, nil},
		{"file with less", Source{File: map[string]string{"a": "letter A"}}, []string{"a", "b", "c"}, nil, "",
			ErrMissing},
		{"both", Source{Template: Default, File: map[string]string{"a": "x"}}, []string{"a"}, nil, "", ErrTemplate},
		{"caption, pulled", Source{File: map[string]string{"a": caption}, Guided: true}, []string{"a"},
			[]string{caption},
			"long captions do not go together", nil},
		{"caption, not pulled", Source{File: map[string]string{"a": caption}}, []string{"a"}, []string{caption},
			"", nil},
		{"the longest names, pulled", Source{Template: Published, Guided: true}, []string{"n07697537", "n02268853"},
			nil, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, warnings, err := c.source.Prompts(c.classes)
			if !errors.Is(err, c.err) || (err == nil) != (c.err == nil) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if len(warnings) > 1 || (len(warnings) == 1) != (c.warning != "") ||
				!strings.Contains(fmt.Sprint(warnings), c.warning) {
				t.Errorf("warnings %q, want one of %q", warnings, c.warning)
			}
		})
	}
	_, _, err := Source{File: map[string]string{"a": "x"}}.Prompts([]string{"a", "b"})
	if err == nil || !strings.Contains(err.Error(), `1 of 2 classes: "b"`) {
		t.Errorf("the missing class is not named: %v", err)
	}
}

func TestParseFile(t *testing.T) {
	two := map[string]string{"a": "letter A", "n01440764": "a tench, caught"}
	for _, c := range []struct {
		name, text string
		want       map[string]string
		err        string
	}{
		{"lines", "a\tletter A\nn01440764\ta tench, caught\n", two, ""},
		{"lines of Windows, and none at the end", "\ufeffa\t letter A \r\n\r\nn01440764\ta tench, caught", two, ""},
		{"object", `{"a": "letter A", "n01440764": "a tench, caught"}`, two, ""},
		{"object, indented by tabs", "{\n\t\"a\": \"letter A\",\n\t\"n01440764\": \"a tench, caught\"\n}\n", two, ""},
		{"a class that begins with a brace", "{x\ty", map[string]string{"{x": "y"}, ""},
		{"a tab in the prompt", "a\tletter\tA", map[string]string{"a": "letter\tA"}, ""},
		{"empty", "\n", nil, "no prompt"},
		{"empty object", "{}", nil, "no prompt"},
		{"no tab", "a\tb\nletter B", nil, `line 2 is "letter B"`},
		{"twice", "a\tb\na\tc", nil, `line 2 has the class "a" once more`},
		{"twice, object", `{"a": "b", "a": "c"}`, nil, `the class "a" once more`},
		{"no prompt", "a\t ", nil, `no prompt for the class "a"`},
		{"no class", "\tletter", nil, `no class before`},
		{"number", `{"a": 1}`, nil, `class "a" is 1, want text`},
		{"nested", `{"a": {"b": "c"}}`, nil, `class "a"`},
		{"cut", `{"a": "b"`, nil, "bad JSON"},
		{"cut in the key", `{"a`, nil, "bad JSON"},
		{"two objects", `{"a": "b"} {}`, nil, "more after"},
		{"Latin-1", "caf\xe9\tx", nil, "another code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseFile([]byte(c.text))
			if c.err == "" && (err != nil || !maps.Equal(got, c.want)) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			if c.err != "" && (!errors.Is(err, ErrFile) || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v, %v, want an ErrFile with %q", got, err, c.err)
			}
		})
	}
}

// FuzzParseFile: what is read is read again from lines.
func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{"a\tb", `{"a": "b"}`, "{x\ty", "\ufeffa\tb\r\n", `{"a": 1}`, "{"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseFile(text)
		if err != nil {
			if !errors.Is(err, ErrFile) {
				t.Errorf("error %v, want an ErrFile", err)
			}
			return
		}
		for class, prompt := range got {
			if strings.TrimSpace(prompt) == "" || class == "" {
				t.Errorf("class %q has the prompt %q", class, prompt)
			}
		}
	})
}
