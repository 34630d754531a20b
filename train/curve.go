package train

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"mgd3/stage/atomicfile"
	"mgd3/store"
)

// curve is the file of the loss: a row of CSV for every LogEvery steps, with the number of the last of them and the
// means over them. Steps taken again after a kill give the same rows.
type curve struct {
	file    store.Growing
	columns []string
	sums    []float64
	count   int // steps in sums
	rows    int
	last    map[string]float64 // the last row
}

// openCurve opens the curve as it was when x was kept.
func openCurve(path string, columns []string, x extra) (*curve, error) {
	file, err := atomicfile.Append(path)
	if err != nil {
		return nil, err
	}
	c := &curve{file: file, columns: columns, sums: x.Sums, count: x.Count, rows: x.Rows, last: x.Last}
	if c.sums == nil {
		c.sums, c.last = make([]float64, len(columns)), map[string]float64{}
	}
	if err := c.cut(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	return c, nil
}

// cut keeps the header and the rows there were when the checkpoint was written, and removes what was written after it:
// these steps are taken again. A file with fewer rows is an error, since what is missing cannot be made again.
func (c *curve) cut() error {
	header := "step," + strings.Join(c.columns, ",") + "\n"
	r := bufio.NewReader(c.file)
	end := int64(0)
	for i := 0; i <= c.rows; i++ {
		line, err := r.ReadString('\n')
		if i == 0 && (err != nil || line != header) {
			break
		}
		if err != nil {
			return fmt.Errorf("has %d rows, want the %d of the state beside it", max(0, i-1), c.rows)
		}
		end += int64(len(line))
	}
	if end == 0 && c.rows > 0 {
		return fmt.Errorf("has no header %q", header)
	}
	if err := c.file.Truncate(end); err != nil {
		return err
	}
	if _, err := c.file.Seek(end, io.SeekStart); err != nil {
		return err
	}
	if end == 0 {
		_, err := io.WriteString(c.file, header)
		return err
	}
	return nil
}

// add counts in one step.
func (c *curve) add(values []float32) {
	for i, v := range values {
		c.sums[i] += float64(v)
	}
	c.count++
}

// row ends a row after step steps: the means over the steps since the last one, in float64, six digits.
func (c *curve) row(step int) error {
	var b strings.Builder
	fmt.Fprint(&b, step)
	for i, sum := range c.sums {
		mean := sum / float64(c.count)
		fmt.Fprintf(&b, ",%.6g", mean)
		c.last[c.columns[i]] = mean
		c.sums[i] = 0
	}
	c.count = 0
	c.rows++
	_, err := io.WriteString(c.file, b.String()+"\n")
	return err
}

func (c *curve) extra() extra { return extra{c.sums, c.count, c.rows, c.last} }

func (c *curve) Close() error { return c.file.Close() }
