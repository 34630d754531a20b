package dataset

// FromFunc returns a set of the given classes whose files come from a function that draws them, say,
// when they are asked for: read(ref) is the whole file of ref. It is called from several goroutines and
// must return the same bytes every time; an error of it becomes an [ErrImage]. The Size of a Ref need
// not be set. name stands for the set in messages.
func FromFunc(name string, classes []Class, read func(Ref) ([]byte, error)) *Set {
	return &Set{Classes: classes, path: name, src: function(read), notes: &ImageNotes{}}
}

type function func(Ref) ([]byte, error)

func (f function) read(_ string, ref Ref) ([]byte, error) { return f(ref) }

func (function) Close() error { return nil }
