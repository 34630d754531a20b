package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mgd3/dataset"
	"mgd3/engine"
)

// namedOrder is an order in which somebody numbers classes.
type namedOrder struct {
	name  string
	names []string
}

// ordersOf are the orders in which these classes are numbered somewhere, in the order in which they are tried.
func ordersOf(classes []string) []namedOrder {
	bytewise := slices.Sorted(slices.Values(classes))
	natural := slices.Clone(bytewise)
	slices.SortStableFunc(natural, naturally)
	list := []namedOrder{
		{"the byte order of the names", bytewise},
		{"the numbers' order, which is timm's as well", natural},
		{"the order of the set's classes", classes},
	}
	for _, known := range []struct{ name, list string }{{"ILSVRC's own numbers", "ilsvrc"},
		{"the order of ImageNet's classes", "imagenet1k"}} {
		if order := within(known.list, classes); order != nil {
			list = append(list, namedOrder{known.name, order})
		}
	}
	for _, o := range slices.Clone(list) {
		back := slices.Clone(o.names)
		slices.Reverse(back)
		list = append(list, namedOrder{o.name + " backwards", back})
	}
	for shift := 1; shift < len(bytewise); shift++ {
		list = append(list, namedOrder{fmt.Sprintf("the byte order moved on by %d", shift),
			slices.Concat(bytewise[len(bytewise)-shift:], bytewise[:len(bytewise)-shift])})
	}
	return list
}

// within returns the classes in the order of a list that has them all, else nil.
func within(list string, classes []string) (order []string) {
	known, err := dataset.NamedClasses(list)
	if err != nil {
		return nil
	}
	for _, name := range known {
		if slices.Contains(classes, name) {
			order = append(order, name)
		}
	}
	if len(order) != len(classes) {
		return nil
	}
	return order
}

var numbers = regexp.MustCompile(`[0-9]+|[^0-9]+`)

// naturally compares names as timm's natural_key does: without capitals, and numbers in them as numbers.
func naturally(a, b string) int {
	x, y := numbers.FindAllString(strings.ToLower(a), -1), numbers.FindAllString(strings.ToLower(b), -1)
	for i := range min(len(x), len(y)) {
		m, errM := strconv.Atoi(x[i])
		n, errN := strconv.Atoi(y[i])
		switch {
		case errM == nil && errN == nil && m != n:
			return m - n
		case (errM == nil) != (errN == nil), errM != nil && x[i] != y[i]:
			return strings.Compare(x[i], y[i])
		}
	}
	return len(x) - len(y)
}

// wholeOrders are the orders in which all of ImageNet's classes are numbered somewhere.
func wholeOrders() (list []namedOrder) {
	for _, o := range []struct{ name, list string }{{"the order of ImageNet's classes", "imagenet1k"},
		{"ILSVRC's own numbers", "ilsvrc"}} {
		names, err := dataset.NamedClasses(o.list)
		if err != nil {
			continue
		}
		back := slices.Clone(names)
		slices.Reverse(back)
		list = append(list, namedOrder{o.name, names}, namedOrder{o.name + " backwards", back})
	}
	return list
}

// TryOrders opens the teacher in a file of ImageNet's 1,000 outputs by each of the orders in which these are numbered
// somewhere, tests it, and returns the best; "" of a teacher with other outputs, and if none is better than noise.
func TryOrders(ctx context.Context, e *engine.Engine, path string, o TeacherOptions, test *Data,
	p Protocol) (name string, accuracy float64, err error) {
	whole := wholeOrders()
	for _, order := range whole {
		o.Order = order.names
		t, err := OpenTeacher(ctx, e, path, o)
		if errors.Is(err, ErrTeacher) {
			return "", 0, nil
		} else if err != nil {
			return "", 0, err
		}
		err = t.Test(ctx, e, test, p, "")
		for _, w := range t.Weights {
			err = errors.Join(err, w.FinalizeAll())
		}
		if err != nil {
			return "", 0, err
		}
		if t.Known.Tested.Accuracy > accuracy && t.right(math.Log(float64(len(whole)))) {
			name, accuracy = order.name, t.Known.Tested.Accuracy
		}
	}
	return name, accuracy, nil
}
