package scores

import (
	"errors"
	"math"
	"testing"

	"mgd3/internal/fixtures/golden"
	"mgd3/matrix"
)

// frechetValue is one Fréchet distance of case.json. The three forms are those of the programs that compute it.
type frechetValue struct {
	RowsA     int     `json:"rows_a"`
	RowsB     int     `json:"rows_b"`
	Symmetric float64 `json:"symmetric_form"`
}

// values of case.json.
type values struct {
	ManifoldDiversity          float64 `json:"manifoldgd_diversity"`
	ManifoldRepresentativeness float64 `json:"manifoldgd_representativeness"`
	MinimaxRepresentativeness  float64 `json:"minimax_representativeness_loss"`
	MinimaxDiversity           float64 `json:"minimax_diversity_loss"`
	MeanL2                     float64 `json:"mean_feature_l2"`
	MeanCosine                 float64 `json:"mean_feature_cosine_distance"`
	Median                     mmd     `json:"mmd_gamma_median"`
	Fixed                      mmd     `json:"mmd_gamma_0.01"`
	KL                         struct {
		P  []float64 `json:"p_counts"`
		Q  []float64 `json:"q_counts"`
		KL float64
	}
	Full     frechetValue `json:"fid_full"`
	Same     frechetValue `json:"fid_same_set"`
	Few      frechetValue `json:"fid_fewer_rows_than_dims"`
	Split    frechetValue `json:"fid_split_of_one_set"`
	Accuracy struct {
		Top1 float64 `json:"top1_percent"`
		Top5 float64 `json:"top5_percent"`
	}
}

type mmd struct{ MMD2, Gamma float64 }

func TestGolden(t *testing.T) {
	for _, c := range golden.Cases(t, "metrics") {
		t.Run(c.Name, func(t *testing.T) {
			var g struct{ Values values }
			c.Decode(t, &g)
			v, ctx := g.Values, t.Context()
			const file = "metrics.safetensors"
			real, syn := table(t, c, file, "real"), table(t, c, file, "syn")
			earlier := real.Slice(0, 30) // as case.json's note says
			cosine, minimax := c.Tolerance(t, "cosine_scores_abs"), c.Tolerance(t, "minimax_abs")
			near(t, "ManifoldGD diversity", v.ManifoldDiversity, cosine)(ManifoldDiversity(ctx, syn))
			near(t, "ManifoldGD representativeness", v.ManifoldRepresentativeness,
				cosine)(ManifoldRepresentativeness(ctx, real, syn))
			near(t, "Minimax representativeness", v.MinimaxRepresentativeness,
				minimax)(MinimaxRepresentativeness(ctx, real, syn))
			near(t, "Minimax diversity", v.MinimaxDiversity, minimax)(MinimaxDiversity(ctx, earlier, syn))
			share := c.Tolerance(t, "mean_l2_relative")
			near(t, "distance of the means", v.MeanL2, share*v.MeanL2)(MeanDistance(real, syn))
			near(t, "cosine distance of the means", v.MeanCosine, share*v.MeanCosine)(MeanCosineDistance(real, syn))
			near(t, "KL", v.KL.KL, 1e-12)(KL(v.KL.P, v.KL.Q))

			for name, m := range map[string]struct {
				want  mmd
				gamma float64
			}{"median": {v.Median, 0}, "given": {v.Fixed, v.Fixed.Gamma}} {
				got, err := MMD(ctx, real, syn, m.gamma)
				near(t, name+" gamma", m.want.Gamma, 1e-6*m.want.Gamma)(got.Gamma, err)
				// the program cuts off at 0
				near(t, name+" MMD²", m.want.MMD2, c.Tolerance(t, "mmd2_abs"))(max(0, got.Squared), err)
			}

			a, b := table(t, c, file, "fid/a"), table(t, c, file, "fid/b")
			near(t, "Fréchet", v.Full.Symmetric,
				1e-6*v.Full.Symmetric)(FrechetDistance(ctx, a.Slice(0, v.Full.RowsA), b.Slice(0, v.Full.RowsB)))
			near(t, "Fréchet of equal sets", 0, 1e-6)(FrechetDistance(ctx, a, a))
			near(t, "Fréchet of few", v.Few.Symmetric,
				1e-3*v.Few.Symmetric)(FrechetDistance(ctx, a.Slice(0, v.Few.RowsA), b.Slice(0, v.Few.RowsB)))
			second := a.Slice(v.Split.RowsA, v.Split.RowsA+v.Split.RowsB)
			near(t, "Fréchet of a split", v.Split.Symmetric,
				1e-6*v.Split.Symmetric)(FrechetDistance(ctx, a.Slice(0, v.Split.RowsA), second))

			m := NewMoments(a.Cols)
			if err := m.Add(ctx, wide(a)); err != nil {
				t.Fatal(err)
			}
			cov := c.Float64s(t, file, "fid/cov_a")
			for i, want := range c.Float64s(t, file, "fid/mean_a") {
				near(t, "mean", want, 1e-12)(m.Mean()[i], nil)
				near(t, "covariance", cov[i*a.Cols+i/2], 1e-12)(m.Covariance().At(i, i/2), nil)
			}

			logits := table(t, c, file, "acc/logits")
			var labels []int
			for _, label := range c.Int64s(t, file, "acc/target") {
				labels = append(labels, int(label))
			}
			near(t, "top 1", v.Accuracy.Top1/100, 1e-6)(TopK(logits, labels, 1)) // percentages in float32
			near(t, "top 5", v.Accuracy.Top5/100, 1e-6)(TopK(logits, labels, 5))
		})
	}
}

func table(t *testing.T, c golden.Case, file, name string) matrix.Matrix {
	t.Helper()
	shape := c.Tensor(t, file, name).Shape
	return matrix.Matrix{Rows: shape[0], Cols: shape[1], Data: c.Float32s(t, file, name)}
}

// near returns a check of a score and its error.
func near(t *testing.T, name string, want, tol float64) func(float64, error) {
	t.Helper()
	return func(got float64, err error) {
		t.Helper()
		if err != nil || !(math.Abs(got-want) <= tol) {
			t.Errorf("%s is %v, want %v ± %.1e; error %v", name, got, want, tol, err)
		}
		t.Logf("%-40s worst difference %.2e of %.2e", name, math.Abs(got-want), tol)
	}
}

// fails checks that an error says what is wrong.
func fails(t *testing.T, name string, want error) func(float64, error) {
	t.Helper()
	return func(got float64, err error) {
		t.Helper()
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%s is %v with error %v, want error %v", name, got, err, want)
		}
	}
}
