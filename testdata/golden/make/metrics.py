"""Scores of sets of features, from their formulas in float64."""

import numpy as np
import scipy.linalg

from case import Case, f32, f64, half, i64, stream

SETTINGS = {
    "small": {"real": 48, "syn": 9, "dim": 40, "a": 120, "b": 90, "fid_dim": 12, "few": (9, 8), "split": (50, 70)},
    "other": {"real": 37, "syn": 14, "dim": 25, "a": 75, "b": 130, "fid_dim": 17, "few": (12, 15), "split": (40, 35)},
}
FILE = "metrics.safetensors"


def cosines(x, y):
    return (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (y / np.linalg.norm(y, axis=1, keepdims=True)).T


def squares(x, y):
    return ((x[:, None] - y[None]) ** 2).sum(2)


def mmd(x, y, gamma=None):
    """The unbiased squared discrepancy of the kernel exp(-gamma d²), cut off at 0; by default gamma is 1/median of d²."""
    both = np.concatenate([x, y])
    d = np.sort(squares(both, both)[np.triu_indices(len(both), 1)])
    gamma = gamma or 1 / d[(len(d) - 1) // 2]
    kernel = [np.exp(-gamma * squares(p, q)) for p, q in ((x, x), (y, y), (x, y))]
    same = [(k.sum() - np.trace(k)) / len(k) / (len(k) - 1) for k in kernel[:2]]
    return {"mmd2": max(0.0, same[0] + same[1] - 2 * kernel[2].mean()), "gamma": gamma}


def frechet(a, b):
    """|m - n|² + tr(S + T) - 2 tr (S^½ T S^½)^½."""
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)

    def root(m):
        values, vectors = np.linalg.eigh(m)
        return (vectors * np.sqrt(values.clip(0))) @ vectors.T

    symmetric = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(root(root(s) @ t @ root(s)))
    if min(len(a), len(b)) > a.shape[1]:
        other = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(scipy.linalg.sqrtm(s @ t).real)
        assert abs(other - symmetric) < 1e-7 * max(1, symmetric), (other, symmetric)
    return {"rows_a": len(a), "rows_b": len(b), "symmetric_form": symmetric}


def kl(p, q):
    p, q = np.array(p), np.array(q)
    x, y = np.maximum(p / p.sum(), 1e-10), np.maximum(q / q.sum(), 1e-10)
    return {"p_counts": p.tolist(), "q_counts": q.tolist(), "kl": (x * np.log(x / y)).sum()}


def top(logits, target, k):
    return 100 * np.mean([y in np.argsort(-row)[:k] for row, y in zip(logits, target)])


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "metrics", variant)
    case = Case(root, f"metrics_{variant}", "the formulas, in float64")
    shape = rng.uniform(0.3, 1.5, s["dim"])
    real = half(0.5 + shape * rng.standard_normal((s["real"], s["dim"])))
    syn = half(0.9 + 0.7 * shape * rng.standard_normal((s["syn"], s["dim"])))
    mix = rng.standard_normal((s["fid_dim"], s["fid_dim"])) / np.sqrt(s["fid_dim"])
    a = half(rng.standard_normal((s["a"], s["fid_dim"])) @ mix + 0.2)
    b = half(1.3 * rng.standard_normal((s["b"], s["fid_dim"])))
    logits = half(rng.permutation(120).reshape(12, 10) / 16)  # no two are equal
    target = rng.randint(0, 10, 12)
    earlier, near, own = real[:30], cosines(syn, real), cosines(syn, syn)
    np.fill_diagonal(own, -1)
    m, n = real.mean(0), syn.mean(0)
    few, split = s["few"], s["split"]
    values = {
        "manifoldgd_diversity": 1 - own.max(), "manifoldgd_representativeness": near.max(1).min(),
        "minimax_representativeness_loss": 1 - near.min(), "minimax_diversity_loss": cosines(syn, earlier).max(),
        "mean_feature_l2": np.linalg.norm(m - n), "mean_feature_cosine_distance": 1 - m @ n / np.linalg.norm(m) / np.linalg.norm(n),
        "mmd_gamma_median": mmd(real, syn), "mmd_gamma_0.01": mmd(real, syn, 0.01),
        "kl": kl(rng.randint(0, 20, 6), [8, 12, 10, 15, 5, 0]),
        "fid_full": frechet(a, b), "fid_same_set": {"rows_a": len(a), "rows_b": len(a), "symmetric_form": 0.0},
        "fid_fewer_rows_than_dims": frechet(a[: few[0]], b[: few[1]]),
        "fid_split_of_one_set": frechet(a[: split[0]], a[split[0] : sum(split)]),
        "accuracy": {"top1_percent": top(logits, target, 1), "top5_percent": top(logits, target, 5)},
    }
    tensors = {"real": f32(real), "syn": f32(syn), "cosine_syn_real": f32(near), "fid/a": f32(a), "fid/b": f32(b),
               "fid/mean_a": f64(a.mean(0)), "fid/cov_a": f64(np.cov(a, rowvar=False)), "acc/logits": f32(logits), "acc/target": i64(target)}
    case.finish(
        values=values, notes="minimax_diversity_loss: the earlier samples are the first 30 rows of real", files={FILE: case.tensors(FILE, tensors)},
        tolerance={"cosine_scores_abs": 1e-5, "minimax_abs": 1e-5, "mean_l2_relative": 1e-5, "mmd2_abs": 1e-5},
    )
