package dataset

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestNumberedFolders: folders that are labels take the names of --class-names, by number and not by byte order.
func TestNumberedFolders(t *testing.T) {
	eleven := strings.Fields("n00 n01 n02 n03 n04 n05 n06 n07 n08 n09 n10")
	pets := []string{"dog", "cat", "owl"}
	for _, test := range []struct {
		name      string
		folders   string
		o         OpenOptions
		want, err string
	}{
		{name: "10 is the eleventh", folders: "0 1 10 2", o: OpenOptions{Names: eleven},
			want: "n00=0 n01=1 n02=2 n10=10"},
		{name: "of SRe2L", folders: "new000 new001 new002", o: OpenOptions{Names: pets},
			want: "cat=new001 dog=new000 owl=new002"},
		{name: "class_0", folders: "class_0 class_2", o: OpenOptions{Names: pets}, want: "dog=class_0 owl=class_2"},
		{name: "with zeros", folders: "00000 00002", o: OpenOptions{Names: pets}, want: "dog=00000 owl=00002"},
		{name: "from one", folders: "1 2 3", o: OpenOptions{Names: pets}, want: "cat=2 dog=1 owl=3"},
		{name: "some, and 0 missing", folders: "1 2", o: OpenOptions{Names: pets}, want: "cat=1 owl=2"},
		{name: "some classes", folders: "0 1 2", o: OpenOptions{Names: pets, Classes: []string{"owl", "dog"}},
			want: "owl=2 dog=0"},
		{name: "without names", folders: "0 10 2", want: "0=0 10=10 2=2"},
		{name: "names already", folders: "cat dog", o: OpenOptions{Names: pets}, want: "cat=cat dog=dog"},
		{name: "of WordNet", folders: "n01440764 n01443537", o: OpenOptions{Names: pets},
			want: "n01440764=n01440764 n01443537=n01443537"},
		{name: "different words", folders: "a1 b2", o: OpenOptions{Names: pets}, want: "a1=a1 b2=b2"},
		{name: "a label too many", folders: "0 1 2 3", o: OpenOptions{Names: pets},
			err: `folder "3": label 3, but the list of class names has names for 3`},
		{name: "one label twice", folders: "1 01", o: OpenOptions{Names: pets}, err: "are the same label, 1"},
		{name: "names asked of numbers", folders: "0 1 2", o: OpenOptions{Classes: pets},
			err: `which has "0", "1", "2": the classes are named by numbers`},
	} {
		for form, pack := range makers {
			in := files{}
			for _, folder := range strings.Fields(test.folders) {
				in[folder+"/a.jpg"] = folder
			}
			set, err := Open(t.Context(), pack(t, in), test.o)
			if test.err != "" {
				if err == nil || !errors.Is(err, ErrSet) || !strings.Contains(err.Error(), test.err) {
					t.Errorf("%s, %s: error %v, want %q", test.name, form, err, test.err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s, %s: %v", test.name, form, err)
				continue
			}
			var got []string
			for _, class := range set.Classes {
				data, err := set.Read(class.Images[0])
				must(t, err)
				got = append(got, fmt.Sprintf("%s=%s", class.Name, data))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%s, %s: got %s, want %s", test.name, form, strings.Join(got, " "), test.want)
			}
			must(t, set.Close())
		}
	}
	if _, err := Open(t.Context(), makeFolder(t, files{"0/a.jpg": "a"}),
		OpenOptions{Classes: pets}); !errors.Is(err, ErrNumbered) {
		t.Errorf("error %v, want ErrNumbered", err)
	}
}
