package dataset

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fieldTest is a small imitation of a download, whose files lie below the path that the document names.
type fieldTest struct {
	in   files  // below the path; of one file "" is its content
	tar  bool   // the path is a tar of in
	zip  bool   // the path is a zip of in
	want string // as contents has it
}

// fieldTests are those of the rows of the table in docs/data.md.
func fieldTests(t testing.TB) map[string]fieldTest {
	imagenet := files{
		"train/n01440764/n01440764_1.JPEG": "a", "train/n01443537/n01443537_2.JPEG": "b",
		"val/n01440764/ILSVRC2012_val_00000002.JPEG": "c", "val/n01443537/ILSVRC2012_val_00000001.JPEG": "d"}
	const imagenetTrain = "n01440764: n01440764_1.JPEG=a; n01443537: n01443537_2.JPEG=b"
	const flatVal = "n01440764: ILSVRC2012_val_00000002.JPEG=c; n02119789: ILSVRC2012_val_00000001.JPEG=d"
	fast := files{"train/n02/a.JPEG": "a", "train/n03/b.JPEG": "b", "val/n02/c.JPEG": "c", "val/n03/d.JPEG": "d",
		"noisy_imagenette.csv": "path,noisy"}
	idxSet := func(begin string, labels string) files {
		n := uint32(len(labels))
		pixels := strings.Repeat("p", len(labels))
		return files{
			begin + "train-images-idx3-ubyte.gz": zipped(t, idx(idxImages, pixels, n, 1, 1)),
			begin + "train-labels-idx1-ubyte.gz": zipped(t, idx(idxLabels, labels, n)),
			begin + map[bool]string{true: "t10k", false: "test"}[begin == ""] + "-images-idx3-ubyte.gz": zipped(t,
				idx(idxImages, pixels, n, 1, 1)),
			begin + map[bool]string{true: "t10k", false: "test"}[begin == ""] + "-labels-idx1-ubyte.gz": zipped(t,
				idx(idxLabels, labels, n))}
	}
	const digits = "1: 00001.pgm=P5\n1 1\n255\np; 5: 00000.pgm=P5\n1 1\n255\np"
	emnist := files{}
	for _, set := range []string{"balanced", "byclass", "bymerge", "digits", "letters", "mnist"} {
		for name, content := range idxSet("emnist-"+set+"-", map[bool]string{true: "\x01\x1a",
			false: "\x00\x01"}[set == "letters"]) {
			emnist["gzip/"+name] = content
		}
	}
	cifar100 := files{
		"train.bin": cifarRow(1, 1, 0) + cifarRow(2, 0, 1), "test.bin": cifarRow(1, 1, 0),
		"fine_label_names.txt": "apple\naquarium_fish", "coarse_label_names.txt": "fish\nfruit"}
	stl := func(n int) string { return strings.Repeat("\x01", 3*stlSide*stlSide*n) }
	places := files{
		"categories_places365.txt":                      "/a/airfield 0\n/a/apartment_building/outdoor 1\n",
		"places365_val.txt":                             "Places365_val_00000001.jpg 1\nPlaces365_val_00000002.jpg 0\n",
		"val_256/Places365_val_00000001.jpg":            "a",
		"val_256/Places365_val_00000002.jpg":            "b",
		"data_256/a/airfield/00000001.jpg":              "c",
		"data_256/a/apartment_building/outdoor/001.jpg": "d"}
	return map[string]fieldTest{
		"ImageNet, in folders": {in: imagenet, want: imagenetTrain},
		"ImageNet, the tar": {in: files{
			"n01440764.tar": tarText(t, files{"n01440764_1.JPEG": "a"}), "n01443537.tar": tarText(t,
				files{"n01443537_2.JPEG": "b"})},
			tar: true, want: imagenetTrain},
		"ImageNet, of Kaggle": {in: files{
			"ILSVRC/Data/CLS-LOC/train/n01440764/n01440764_1.JPEG":       "x",
			"ILSVRC/Data/CLS-LOC/test/ILSVRC2012_test_00000001.JPEG":     "x",
			"ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG":       "d",
			"ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000002.JPEG":       "c",
			"ILSVRC/ImageSets/CLS-LOC/val.txt":                           "ILSVRC2012_val_00000001 1",
			"ILSVRC/Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml": "<a/>",
			"LOC_synset_mapping.txt":                                     "n01440764 tench",
			"LOC_sample_submission.csv":                                  "ImageId,PredictionString",
			"LOC_val_solution.csv": "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 1 2 3 4 \n" +
				"ILSVRC2012_val_00000001,n02119789 85 1 499 272 n02119789 1 1 2 2 \n"}, want: flatVal},
		"ImageNet, with the devkit": {in: files{
			"train/n01440764/n01440764_1.JPEG": "x", "val/ILSVRC2012_val_00000001.JPEG": "d",
			"val/ILSVRC2012_val_00000002.JPEG":                 "c",
			devkit + "/ILSVRC2012_validation_ground_truth.txt": "1\n2\n", devkit + "/meta.mat": matGolden(t,
				"synsets")}, want: flatVal},
		"ImageNet, with Caffe's lists": {in: files{
			"train/n01440764/n01440764_1.JPEG": "x", "val/ILSVRC2012_val_00000001.JPEG": "d",
			"val/ILSVRC2012_val_00000002.JPEG": "c",
			"synsets.txt":                      "n01440764\nn02119789\n", "val.txt": "ILSVRC2012_val_00000001.JPEG " +
				"1\nILSVRC2012_val_00000002.JPEG 0\n"}, want: flatVal},
		"ImageNet, of the hub": {in: files{
			"data/train-00000-of-00001.parquet": hubFile(t, []string{"tench, Tinca tinca", "goldfish"}, hubRow("a",
				0), hubRow("b", 1)),
			"data/validation-00000-of-00001.parquet": hubFile(t, nil, hubRow("x", 0)), "README.md": "x"},
			want: "n01440764: train-00000-of-00001-000000=a; n01443537: train-00000-of-00001-000001=b"},
		"ImageNet, WebDataset": {in: files{
			"imagenet1k-train-0000.tar":      tarText(t, files{"0.jpg": "a", "0.cls": "0", "1.jpg": "b", "1.cls": "1"}),
			"imagenet1k-validation-0000.tar": tarText(t, files{"0.jpg": "x", "0.cls": "0"})},
			want: "n01440764: 0.jpg=a; n01443537: 1.jpg=b"},
		"ImageNet-100, IDC's ten, ImageNet-A to E": {in: idcFiles(t), want: ""},
		"ImageNette": {in: fast, want: "n02: a.JPEG=a; n03: b.JPEG=b"},
		"ImageWoof":  {in: fast, want: "n02: a.JPEG=a; n03: b.JPEG=b"},
		"ImageNetV2": {in: files{"0/a.jpeg": "a", "1/b.jpeg": "b", "10/c.jpeg": "c"},
			want: "n01440764: a.jpeg=a; n01443537: b.jpeg=b; n01530575: c.jpeg=c"},
		"Tiny-ImageNet": {in: tinyImageNet, want: "n01443537: val_1.JPEG=d; n01629819: val_0.JPEG=c " +
			"val_2.JPEG=e"},
		"CIFAR-10": {in: files{"data_batch_1.bin": cifarRow(1, 1), "test_batch.bin": cifarRow(1, 0),
			"batches.meta.txt": "airplane\nautomobile\n\n"}, want: "automobile: data_batch_1-00000.ppm=3085"},
		"CIFAR-100": {in: cifar100, want: "apple: train-00000.ppm=3085; aquarium_fish: " +
			"train-00001.ppm=3085"},
		"CIFAR-100, coarse": {in: cifar100, want: "fish: train-00001.ppm=3085; fruit: train-00000.ppm=3085"},
		"CINIC-10": {in: files{"train/bird/a.png": "a", "valid/bird/b.png": "b", "test/bird/c.png": "c"},
			want: "bird: b.png=b"},
		"MNIST":         {in: idxSet("", "\x05\x01"), want: digits},
		"Fashion-MNIST": {in: idxSet("", "\x05\x01"), want: digits},
		"KMNIST":        {in: idxSet("", "\x05\x01"), want: digits},
		"EMNIST": {in: emnist, want: "0001: 00000.pgm=P5\n1 1\n255\np; 0026: 00001.pgm=P5\n1 " +
			"1\n255\np"},
		"SVHN": {in: files{"train_32x32.mat": matGolden(t, "svhn"), "test_32x32.mat": "x",
			"extra_32x32.mat": "x"}, want: "0: train_32x32-000000.ppm=3085 train_32x32-000002.ppm=3085; 1: " +
			"train_32x32-000001.ppm=3085"},
		"STL-10": {in: files{"train_X.bin": stl(2), "train_y.bin": "\x02\x01", "test_X.bin": stl(1),
			"test_y.bin": "\x01", "unlabeled_X.bin": stl(1), "class_names.txt": "airplane\nbird\n",
			"fold_indices.txt": "0 1"}, want: "airplane: train_X-000001.ppm=27661; bird: train_X-000000.ppm=27661"},
		"Caltech-101": {in: files{"101_ObjectCategories/BACKGROUND_Google/image_0001.jpg": "a",
			"101_ObjectCategories/ant/image_0001.jpg": "b", "101_ObjectCategories/BACKGROUND_Google/tmp": "x",
			"Annotations/ant/annotation_0001.mat": "x", "show_annotation.m": "x"},
			want: "BACKGROUND_Google: image_0001.jpg=a; ant: image_0001.jpg=b"},
		"Caltech-256": {in: files{"256_ObjectCategories/001.ak47/001_0001.jpg": "a",
			"256_ObjectCategories/257.clutter/257_0001.jpg": "b"}, tar: true, want: "001.ak47: 001_0001.jpg=a; " +
			"257.clutter: 257_0001.jpg=b"},
		"Food-101": {in: files{"images/apple_pie/1005649.jpg": "a", "images/waffles/7.jpg": "b",
			"images/waffles/8.jpg": "c", "meta/train.txt": "apple_pie/1005649\nwaffles/8\n",
			"meta/test.txt": "waffles/7\n", "meta/train.json": "{}", "meta/classes.txt": "apple_pie\nwaffles",
			"README.txt": "x"}, want: "apple_pie: 1005649.jpg=a; waffles: 8.jpg=c"},
		"CUB-200-2011": {in: files{"images.txt": "1 001.Black_footed_Albatross/B_1.jpg\n2 " +
			"001.Black_footed_Albatross/B_2.jpg\n3 002.Laysan_Albatross/L_3.jpg\n",
			"image_class_labels.txt": "1 1\n2 1\n3 2\n", "train_test_split.txt": "1 0\n2 1\n3 1\n",
			"classes.txt":        "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n",
			"bounding_boxes.txt": "1 60.0 27.0 325.0 304.0",
			"images/001.Black_footed_Albatross/B_1.jpg": "a",
			"images/001.Black_footed_Albatross/B_2.jpg": "b",
			"images/002.Laysan_Albatross/L_3.jpg":       "c", "parts/parts.txt": "1 back",
			"attributes/certainties.txt": "x"}, want: "001.Black_footed_Albatross: " +
			"B_2.jpg=b; 002.Laysan_Albatross: L_3.jpg=c"},
		"Oxford Flowers-102": {in: files{"jpg/image_00001.jpg": "a", "jpg/image_00002.jpg": "b",
			"jpg/image_00003.jpg": "c", "jpg/image_00004.jpg": "d", "imagelabels.mat": matGolden(t, "flowers"),
			"setid.mat": matGolden(t, "flowers")}, want: "0001: image_00002.jpg=b; 0002: image_00001.jpg=a"},
		"Oxford-IIIT Pets": {in: files{"images/Abyssinian_1.jpg": "a", "images/Abyssinian_2.jpg": "b",
			"images/american_bulldog_1.jpg": "c", "images/Abyssinian_100.mat": "x",
			"annotations/trainval.txt": "Abyssinian_1 1 1 1\namerican_bulldog_1 2 2 1\n",
			"annotations/test.txt":     "Abyssinian_2 1 1 1\n", "annotations/list.txt": "#Image CLASS-ID",
			"annotations/trimaps/Abyssinian_1.png": "x"}, want: "Abyssinian: Abyssinian_1.jpg=a; " +
			"american_bulldog: american_bulldog_1.jpg=c"},
		"Stanford Cars": {in: files{"cars_train/00001.jpg": "x", "cars_train/00002.jpg": "x",
			"cars_test/00001.jpg": "a", "cars_test/00002.jpg": "b", "devkit/cars_train_annos.mat": matGolden(t, "cars"),
			"devkit/cars_meta.mat": matGolden(t, "cars"), "cars_test_annos_withlabels.mat": matGolden(t, "cars")},
			want: "Acura TL Sedan 2012: 00002.jpg=b; Ram C_V Cargo Van Minivan 2012: 00001.jpg=a"},
		"Stanford Dogs": {in: files{"Images/n02085620-Chihuahua/n02085620_1.jpg": "a",
			"Images/n02085782-Japanese_spaniel/n02085782_2.jpg": "b", "train_list.mat": matGolden(t, "dogs"),
			"test_list.mat": matGolden(t, "dogs"), "file_list.mat": matGolden(t, "dogs")},
			want: "n02085620-Chihuahua: n02085620_1.jpg=a; n02085782-Japanese_spaniel: n02085782_2.jpg=b"},
		"FGVC-Aircraft": {in: files{"data/images/1025794.jpg": "a", "data/images/0034309.jpg": "b",
			"data/images/1.jpg": "x", "data/images_variant_trainval.txt": "1025794 Boeing 707-320\n0034309 F/A-18\n",
			"data/images_variant_test.txt": "1 F/A-18\n", "data/images_variant_train.txt": "",
			"data/images_variant_val.txt": "", "data/images_family_trainval.txt": "1025794 Boeing 707",
			"data/variants.txt": "x", "README": "x"}, want: "Boeing 707-320: 1025794.jpg=a; F_A-18: " +
			"0034309.jpg=b"},
		"DTD": {in: files{"images/banded/banded_0002.jpg": "a", "images/zigzagged/z.jpg": "b",
			"images/zigzagged/.directory": "x", "labels/train1.txt": "banded/banded_0002.jpg\n", "labels/val1.txt": "",
			"labels/test1.txt": "zigzagged/z.jpg\n", "imdb/imdb.mat": "x"}, want: "banded: banded_0002.jpg=a"},
		"SUN397": {in: files{"ClassName.txt": "/a/abbey\n/a/apartment_building/outdoor\n",
			"README.txt": "x", "a/abbey/sun_aa.jpg": "a", "a/apartment_building/outdoor/sun_ab.jpg": "b"},
			want: "abbey: sun_aa.jpg=a; apartment_building_outdoor: sun_ab.jpg=b"},
		"EuroSAT": {in: files{"2750/AnnualCrop/AnnualCrop_1.jpg": "a",
			"2750/SeaLake/SeaLake_1.jpg": "b"}, zip: true, want: "AnnualCrop: AnnualCrop_1.jpg=a; SeaLake: " +
			"SeaLake_1.jpg=b"},
		"Places365": {in: places, want: "airfield: Places365_val_00000002.jpg=b; " +
			"apartment_building_outdoor: Places365_val_00000001.jpg=a"},
		"Places365, easy format": {in: files{"train/airfield/00000001.jpg": "x",
			"val/airfield/Places365_val_00000435.jpg": "a"}, want: "airfield: Places365_val_00000435.jpg=a"},
		"Sets of SRe2L, RDED and others": {in: files{"new000/class000_id000.jpg": "a", "new001/class001_id000.jpg": "b",
			"new010/class010_id000.jpg": "c"},
			want: "n01440764: class000_id000.jpg=a; n01443537: class001_id000.jpg=b; n01530575: class010_id000.jpg=c"},
	}
}

// idcFiles is ImageNet of the ten classes of IDC, and one more.
func idcFiles(t testing.TB) files {
	classes, err := NamedClasses("idc")
	must(t, err)
	in := files{"train/n00000001/a.JPEG": "x", "val/n00000001/a.JPEG": "x"}
	for _, class := range classes {
		in["train/"+class+"/a.JPEG"] = "a"
		in["val/"+class+"/b.JPEG"] = "b"
	}
	return in
}

// tinyImageNet has its validation images in one folder.
var tinyImageNet = files{
	"wnids.txt": "n01443537\nn01629819\n", "words.txt": "n01443537\tgoldfish\n",
	"train/n01443537/images/n01443537_0.JPEG": "a",
	"train/n01443537/n01443537_boxes.txt":     "n01443537_0.JPEG\t0\t10\t63\t58\n",
	"train/n01629819/images/n01629819_0.JPEG": "b", "train/n01629819/n01629819_boxes.txt": "",
	"val/val_annotations.txt": "val_0.JPEG\tn01629819\t0\t32\t44\t62\n" +
		"val_1.JPEG\tn01443537\t52\t55\t57\t59\nval_2.JPEG\tn01629819\t0\t0\t1\t1\n",
	"val/images/val_0.JPEG": "c", "val/images/val_1.JPEG": "d", "val/images/val_2.JPEG": "e",
	"test/images/test_0.JPEG": "f",
}

// docRow is a row of the table "The field's sets" in docs/data.md.
type docRow struct {
	name, data string
	options    OpenOptions
}

// docRows reads the table: the name, and the flags in the last column.
func docRows(t testing.TB) []docRow {
	t.Helper()
	text, err := os.ReadFile("../docs/data.md")
	must(t, err)
	_, section, _ := strings.Cut(string(text), "## The field's sets\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []docRow
	for _, m := range regexp.MustCompile("(?m)^\\| ([^|]+) \\|.*\\| `(--data [^`]+)` "+
		"\\|$").FindAllStringSubmatch(section, -1) {
		row := docRow{name: m[1]}
		words := strings.Fields(m[2])
		for i := 0; i+1 < len(words); i += 2 {
			switch value := words[i+1]; words[i] {
			case "--data":
				row.data = value
			case "--split":
				row.options.Split = value
			case "--labels":
				row.options.Labels = value
			case "--classes":
				row.options.Classes, err = ParseClasses(value)
			case "--class-names":
				row.options.Names, err = ParseClasses(value)
			default:
				t.Errorf("%s: flag %s", row.name, words[i])
			}
			must(t, err)
		}
		rows = append(rows, row)
	}
	return rows
}

// TestFieldSets opens an imitation of each set by the flags that docs/data.md gives for it. Rows without one, and
// imitations without a row, are failures.
func TestFieldSets(t *testing.T) {
	tests := fieldTests(t)
	rows := docRows(t)
	if len(rows) < 30 {
		t.Fatalf("the table has %d rows, want thirty at least", len(rows))
	}
	for _, row := range rows {
		test, ok := tests[row.name]
		if !ok {
			t.Errorf("row %q has no test", row.name)
			continue
		}
		delete(tests, row.name)
		t.Run(row.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), row.data)
			switch {
			case test.tar:
				must(t, os.Rename(makeTar(t, test.in), path))
			case test.zip:
				must(t, os.Rename(makeZip(t, test.in), path))
			default:
				must(t, os.Rename(makeFolder(t, test.in), path))
			}
			set, err := Open(t.Context(), path, row.options)
			must(t, err)
			defer set.Close()
			if test.want == "" {
				if got := set.ClassNames(); !slices.Equal(got, row.options.Classes) {
					t.Errorf("classes %v, want %v", got, row.options.Classes)
				}
				return
			}
			if got := contents(t, set); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(tests)) {
		t.Errorf("%q is tested, but has no row in docs/data.md", name)
	}
}

// TestFieldSetsPacked: sets with lists beside the images are the same in a zip and a tar, also below a folder.
func TestFieldSetsPacked(t *testing.T) {
	tests := fieldTests(t)
	for _, row := range docRows(t) {
		test := tests[row.name]
		known := slices.ContainsFunc(fieldSets, func(f fieldSet) bool { return f.name == row.name })
		if !known || test.tar {
			continue
		}
		below := files{}
		for name, content := range test.in {
			below["set/"+name] = content
		}
		for form, pack := range makers {
			set, err := Open(t.Context(), pack(t, below), row.options)
			if err != nil {
				t.Errorf("%s as a %s: %v", row.name, form, err)
				continue
			}
			if got := contents(t, set); got != test.want {
				t.Errorf("%s as a %s: got  %s\nwant %s", row.name, form, got, test.want)
			}
			must(t, set.Close())
		}
	}
}
