package dataset

import (
	"maps"
	"strings"
	"testing"
)

// TestFieldSetsOthers: other splits and labels of the sets, and what is wrong in their lists.
func TestFieldSetsOthers(t *testing.T) {
	tests := fieldTests(t)
	with := func(set string, changes files) files {
		in := maps.Clone(tests[set].in)
		for name, content := range changes {
			if in[name] = content; content == "-" {
				delete(in, name)
			}
		}
		return in
	}
	for _, test := range []struct {
		name      string
		in        files
		o         OpenOptions
		want, err string
	}{
		{"Tiny-ImageNet, train", tinyImageNet, OpenOptions{Split: "train"},
			"n01443537: n01443537_0.JPEG=a; n01629819: n01629819_0.JPEG=b", ""},
		{"Tiny-ImageNet, one class", tinyImageNet, OpenOptions{Split: "val", Classes: []string{"n01629819"}, Limit: 1},
			"n01629819: val_0.JPEG=c", ""},
		{"Tiny-ImageNet, test", tinyImageNet, OpenOptions{Split: "test"},
			"", `Tiny-ImageNet: split "test" comes without labels`},
		{"Tiny-ImageNet, no split", tinyImageNet, OpenOptions{},
			"", `has the splits "train", "val", "test", want one to be asked for`},
		{"Tiny-ImageNet, other split", tinyImageNet, OpenOptions{Split: "valid"},
			"", `no split "valid", have "train", "val", "test"`},
		{"Tiny-ImageNet, coarse", tinyImageNet, OpenOptions{Split: "val", Labels: "coarse"}, "", `no "coarse"`},
		{"Tiny-ImageNet, moved by a script", with("Tiny-ImageNet", files{"val/images/val_0.JPEG": "-",
			"val/images/val_1.JPEG": "-",
			"val/images/val_2.JPEG": "-", "val/n01443537/val_1.JPEG": "d", "val/n01629819/images/val_0.JPEG": "c"}),
			OpenOptions{Split: "val"}, "n01443537: val_1.JPEG=d; n01629819: val_0.JPEG=c", ""},
		{"Tiny-ImageNet, an image missing", with("Tiny-ImageNet", files{"val/images/val_2.JPEG": "-"}),
			OpenOptions{Split: "val"}, "",
			`no image "val/images/val_2.JPEG", which the list of the set names`},
		{"Tiny-ImageNet, a line " +
			"cut", with("Tiny-ImageNet", files{"val/val_annotations.txt": "val_0.JPEG\tn01629819\nval_1.JPEG"}),
			OpenOptions{Split: "val"}, "",
			`"val/val_annotations.txt", line 2: has 1 words, want 2`},
		{"Tiny-ImageNet, BOM and CRLF", with("Tiny-ImageNet",
			files{"val/val_annotations.txt": "\ufeffval_0.JPEG\tn2\r\nval_1.JPEG\tn1\r\n"}), OpenOptions{Split: "val"},
			"n1: val_1.JPEG=d; n2: val_0.JPEG=c", ""},
		{"Tiny-ImageNet, lines of old Macs", with("Tiny-ImageNet",
			files{"val/val_annotations.txt": "val_0.JPEG\tn2\rval_1.JPEG\tn1\r"}), OpenOptions{Split: "val"},
			"n1: val_1.JPEG=d; n2: val_0.JPEG=c", ""},
		{"Tiny-ImageNet, UTF-16", with("Tiny-ImageNet",
			files{"val/val_annotations.txt": "\xff\xfev\x00"}), OpenOptions{Split: "val"}, "",
			`"val/val_annotations.txt": not a text in UTF-8: it is in UTF-16`},
		{"Tiny-ImageNet, an image twice", with("Tiny-ImageNet",
			files{"val/val_annotations.txt": "val_0.JPEG\tn2\nval_0.JPEG\tn1\n"}), OpenOptions{Split: "val"}, "",
			"in the list twice"},
		{"Tiny-ImageNet, class that is a path", with("Tiny-ImageNet",
			files{"val/val_annotations.txt": "val_0.JPEG\t../n2\n"}), OpenOptions{Split: "val"}, "",
			"cannot be that of a folder"},
		{"Tiny-ImageNet, image outside", with("Tiny-ImageNet",
			files{"val/val_annotations.txt": "../../../x.JPEG\tn2\n"}), OpenOptions{Split: "val"}, "", "no image"},
		{"Tiny-ImageNet, a class without images", with("Tiny-ImageNet", files{"train/n02/n02_boxes.txt": "x"}),
			OpenOptions{Split: "train"}, "",
			`class "n02": no images in "train/n02/images", want at least one`},
		{"Kaggle, train", tests["ImageNet, of Kaggle"].in, OpenOptions{Split: "train"},
			"n01440764: n01440764_1.JPEG=x", ""},
		{"Kaggle, test", tests["ImageNet, of Kaggle"].in, OpenOptions{Split: "test"}, "", "comes without labels"},
		{"CUB, test", tests["CUB-200-2011"].in, OpenOptions{Split: "test"}, "001.Black_footed_Albatross: B_1.jpg=a",
			""},
		{"CUB, label missing", with("CUB-200-2011", files{"image_class_labels.txt": "1 1\n2 1\n"}),
			OpenOptions{Split: "train"}, "", `"images.txt", line 3: image 3 is not in all of the lists`},
		{"Food-101, test", tests["Food-101"].in, OpenOptions{Split: "test"}, "waffles: 7.jpg=b", ""},
		{"Flowers, val with names", tests["Oxford Flowers-102"].in, OpenOptions{Split: "val",
			Names: []string{"pink primrose", "canterbury bells"}}, "canterbury bells: image_00003.jpg=c", ""},
		{"Flowers, 7.3", with("Oxford Flowers-102", files{"setid.mat": "MATLAB 7.3 MAT-file"}),
			OpenOptions{Split: "val"}, "", `"setid.mat": is a MAT-file of version 7.3 (HDF5)`},
		{"Cars, train", tests["Stanford Cars"].in, OpenOptions{Split: "train"},
			"Acura TL Sedan 2012: 00002.jpg=x; Ram C_V Cargo Van Minivan 2012: 00001.jpg=x", ""},
		{"Cars, test without labels", with("Stanford Cars", files{"cars_test_annos_withlabels.mat": "-"}),
			OpenOptions{Split: "test"}, "", `no file "cars_test_annos_withlabels.mat"`},
		{"Aircraft, family", with("FGVC-Aircraft", files{"data/images_family_test.txt": "1 Boeing 707"}),
			OpenOptions{Split: "test", Labels: "family"}, "Boeing 707: 1.jpg=x", ""},
		{"Aircraft, model", tests["FGVC-Aircraft"].in, OpenOptions{Split: "test", Labels: "model"},
			"", `no labels "model", have "variant", "family", "manufacturer"`},
		{"DTD, second partition", with("DTD", files{"labels/train2.txt": "zigzagged/z.jpg"}),
			OpenOptions{Split: "train2"}, "zigzagged: z.jpg=b", ""},
		{"Places365, train", tests["Places365"].in, OpenOptions{Split: "train"},
			"airfield: 00000001.jpg=c; apartment_building_outdoor: 001.jpg=d", ""},
		{"SUN397, a split", tests["SUN397"].in, OpenOptions{Split: "train"},
			"", `SUN397: has no splits, so no "train"`},
		{"EMNIST, which", tests["EMNIST"].in, OpenOptions{Split: "train"},
			"", `has the labels ["balanced" "byclass" "bymerge" "digits" "letters" "mnist"], want one to be asked for`},
		{"EMNIST, test of digits", tests["EMNIST"].in, OpenOptions{Split: "test", Labels: "digits"},
			"0: 00000.pgm=P5\n1 1\n255\np; 1: 00001.pgm=P5\n1 1\n255\np", ""},
		{"EMNIST, 26 names", tests["EMNIST"].in, OpenOptions{Split: "test", Labels: "letters",
			Names: strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z")},
			"a: 00000.pgm=P5\n1 1\n255\np; z: 00001.pgm=P5\n1 1\n255\np", ""},
		{"EMNIST, 27 names", tests["EMNIST"].in, OpenOptions{Split: "test", Labels: "letters",
			Names: strings.Fields("none a b c d e f g h i j k l m n o p q r s t u v w x y z")},
			"a: 00000.pgm=P5\n1 1\n255\np; z: 00001.pgm=P5\n1 1\n255\np", ""},
		{"EMNIST, none such", tests["EMNIST"].in, OpenOptions{Split: "test", Labels: "greek"}, "", `no labels "greek"`},
		{"CIFAR-10, coarse", tests["CIFAR-10"].in, OpenOptions{Split: "train", Labels: "coarse"}, "", `no "coarse"`},
		{"CIFAR-100, medium", tests["CIFAR-100"].in, OpenOptions{Split: "train", Labels: "medium"},
			"", `no labels "medium", have "fine", "coarse"`},
		{"CIFAR-100, Python", files{"train": "x", "test": "x", "meta": "x",
			"file.txt~": "x"}, OpenOptions{Split: "train"}, "", "the Python version of CIFAR"},
		{"STL-10, unlabeled", tests["STL-10"].in, OpenOptions{Split: "unlabeled"}, "", "comes without labels"},
		{"STL-10, a label too few", with("STL-10", files{"train_y.bin": "\x01"}), OpenOptions{Split: "train"},
			"", `"train_X.bin" has 55296 bytes, want 27648 for each of the 1 labels in "train_y.bin"`},
		{"Caltech, not unpacked", files{"101_ObjectCategories.tar.gz": "x", "Annotations.tar.gz": "x", "show.m": "x",
			"a/": ""}, OpenOptions{Split: "train"}, "",
			`"101_ObjectCategories.tar.gz" may hold the images: unpack it`},
		{"EMNIST in a folder of other names", files{"letters.mat": "x"}, OpenOptions{Split: "train"},
			"", `no folder "train", have "letters.mat"`},
		{"SVHN, no MAT-file", tests["SVHN"].in, OpenOptions{Split: "test"}, "", `"test_32x32.mat": is no MAT-file`},
	} {
		set, err := Open(t.Context(), makeFolder(t, test.in), test.o)
		if test.err != "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", test.name, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := contents(t, set); got != test.want {
			t.Errorf("%s: got  %s\nwant %s", test.name, got, test.want)
		}
		must(t, set.Close())
	}
}
