"""Clustering by scikit-learn: Lloyd from given centres, greedy k-means++ with given draws, and the quality of whole runs."""

import warnings

import numpy as np
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning

from case import Case, f16, f32, f64, half, i64, single, stream

SETTINGS = {
    "small": {"n": 160, "dim": 24, "k": 6, "wide": (40, 256, 4), "replay": [4, 6, 9]},
    "other": {"n": 230, "dim": 37, "k": 9, "wide": (31, 100, 5), "replay": [2, 9]},
}
MARGIN = 3e-5  # relative, of some 30 roundings: no row lies nearer than this to the border of two clusters, at any iteration
FILE = "kmeans.safetensors"


def mixture(rng, n, dim, k):
    """n rows of k overlapping clusters, exact in float16."""
    centres = rng.standard_normal((k, dim))
    return half(centres[rng.randint(0, k, n)] + 1.5 * rng.standard_normal((n, dim)))


def squares(x, centres):
    return ((x[:, None] - centres[None]) ** 2).sum(2)


def fit(x, init, iterations, dtype=np.float64):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = KMeans(len(init), init=init.astype(dtype), n_init=1, max_iter=iterations, tol=1e-4, algorithm="lloyd")
        return model.fit(x.astype(dtype))


def margin(x, centres):
    """How much further, at least, the second nearest centre is from a row than the nearest, relative to that distance."""
    if len(centres) < 2:
        return 1.0
    d = np.sort(squares(x, centres), 1)
    return ((d[:, 1] - d[:, 0]) / d[:, 1]).min()


def lloyd(name, x, init, iterations=300):
    """One entry of case.json and its tensors; None if rounding could decide an assignment."""
    got, rough = fit(x, init, iterations), fit(x, init, iterations, np.float32)
    least = min(margin(x, c) for c in [init] + [fit(x, init, i).cluster_centers_ for i in range(1, got.n_iter_ + 1)])
    nearest = np.sort(squares(x, got.cluster_centers_), 0)
    gap = ((nearest[1] - nearest[0]) / nearest[1]).min()  # of closest_row
    if min(least, gap) < MARGIN or (got.labels_ != rough.labels_).any() or got.n_iter_ != rough.n_iter_:
        return None
    tensors = {"init": f32(init), "centers": f32(got.cluster_centers_), "labels": i64(got.labels_),
               "closest_row": i64(squares(x, got.cluster_centers_).argmin(0))}
    entry = {"name": name, "n": len(x), "dim": x.shape[1], "k": len(init), "max_iter": iterations, "tol": 1e-4,
             "inertia": got.inertia_, "n_iter": int(got.n_iter_), "smallest_relative_margin": least,
             "cluster_sizes": np.bincount(got.labels_, minlength=len(init)).tolist(),
             "float32_vs_float64": np.abs(got.cluster_centers_ - rough.cluster_centers_).max()}
    return entry, {f"{name}/{k}": v for k, v in tensors.items()}


def search(name, seed, build):
    """The first data and start, of the streams 0, 1, …, that rounding cannot decide."""
    for attempt in range(200):
        x, init, *rest = build(stream(seed, "kmeans", name, attempt))
        if found := lloyd(name, x, init, *rest):
            print(f"  {name}: attempt {attempt}, margin {found[0]['smallest_relative_margin']:.1e}")
            return x, *found
    raise SystemExit(f"kmeans: {name}: no data with a margin of {MARGIN}")


def plus_plus(x, k, first, uniforms):
    """Greedy k-means++: of each step's candidates, drawn by squared distance, the one that leaves the least sum."""
    rows, d, gap = [first], squares(x, x[[first]])[:, 0], np.inf
    for draws in uniforms:
        running = np.cumsum(d)
        at = draws * running[-1]
        gap = min(gap, np.abs(running[None] - at[:, None]).min() / running[-1])
        left = np.minimum(d, squares(x, x[np.searchsorted(running, at)]).T)
        best = left.sum(1).argmin()
        rows.append(int(np.searchsorted(running, at)[best]))
        d = left[best]
    return rows, gap


def replay(x, k, seed):
    """The draws of scikit-learn's own run, and the rows it chose; None where rounding could choose others."""
    _, chosen = kmeans_plusplus(x, k, random_state=np.random.RandomState(seed))
    rng, trials = np.random.RandomState(seed), 2 + int(np.log(k))
    first = rng.choice(len(x), p=np.full(len(x), 1 / len(x)))
    uniforms = np.stack([rng.uniform(size=trials) for _ in range(k - 1)])
    rows, gap = plus_plus(x, k, first, uniforms)
    assert rows == chosen.tolist(), f"our k-means++ chose {rows}, scikit-learn {chosen.tolist()}"
    return (first, uniforms, rows, gap) if gap > 1e-6 else None


def quality(name, x, k, seeds=60):
    runs = [KMeans(k, n_init=1, random_state=i).fit(x).inertia_ for i in range(seeds)]
    doubt = 3 * np.sqrt(2 / seeds) * np.std(runs) / np.mean(runs)  # of the difference of two such means
    assert doubt < 0.02, f"{name}, k = {k}: the means of {seeds} runs differ by up to {doubt:.1%}"
    best = KMeans(k, n_init=30, random_state=1000).fit(x).inertia_
    return {"data": name, "k": k, "seeds": seeds, "final_inertia_stats": {"mean": np.mean(runs), "std": np.std(runs)}, "best_of_30": best}


def make(root, variant, seed):
    s = SETTINGS[variant]
    case = Case(root, f"kmeans_{variant}", "scikit-learn's KMeans and kmeans_plusplus, on float64")
    n, dim, k = s["n"], s["dim"], s["k"]
    tensors, entries, shared = {}, [], {}

    def add(name, x, entry, more, data=None):
        tensors.update(more)
        entries.append(entry)
        if data:
            shared[name] = data + "/x"
        else:
            tensors[name + "/x"] = f16(x)

    def distinct_rows(rng):
        x = mixture(rng, n, dim, k)
        return x, x[rng.permutation(n)[:k]]

    mix, *found = search("mix", seed, distinct_rows)
    add("mix", mix, *found)
    for name, build in {
        "mix_bunched": lambda rng: (mix, single(mix.mean(0) + 0.3 * rng.standard_normal((k, dim)))),
        "mix_two_iterations": lambda rng: (mix, mix[rng.permutation(n)[:k]], 2),
        "mix_one_cluster": lambda rng: (mix, mix[rng.permutation(n)[:1]]),
        "mix_empty": lambda rng: (mix, np.concatenate([mix[rng.permutation(n)[:k - 1]], 50 + 0 * mix[:1]])),
        "mix_two_empty": lambda rng: (mix, np.concatenate([mix[rng.permutation(n)[:k - 2]], 50 + 0 * mix[:1], -60 + 0 * mix[:1]])),
    }.items():
        add(name, *search(name, seed, build), data="mix")

    def wide(rng):
        rows, cols, clusters = s["wide"]
        x = mixture(rng, rows, cols, clusters)
        return x, x[rng.permutation(rows)[:clusters]]

    add("wide", *search("wide", seed, wide))

    rng = stream(seed, "kmeans", "duplicates")
    x = half(rng.standard_normal((3, dim)))[rng.permutation(np.arange(12) % 3)]
    got = fit(x, x[:5], 300)
    tensors.update({"duplicates/x": f16(x), "duplicates/init": f32(x[:5]), "duplicates/centers": f32(got.cluster_centers_),
                    "duplicates/labels": i64(got.labels_)})
    entries.append({"name": "duplicates", "n": 12, "dim": dim, "k": 5, "max_iter": 300, "tol": 1e-4, "inertia": 0.0,
                    "n_iter": int(got.n_iter_), "note": "three distinct rows: only the distinct centres and the inertia are compared"})

    replays, candidate = [], 1000 * seed
    for i, clusters in enumerate(s["replay"]):
        while (found := replay(mix, clusters, candidate)) is None:
            candidate += 1
        first, uniforms, rows, gap = found
        candidate += 1
        tensors.update({f"kpp_{i}/uniforms": f64(uniforms), f"kpp_{i}/indices": i64(rows)})
        replays.append({"prefix": f"kpp_{i}", "data": "mix/x", "k": clusters, "first_index": int(first),
                        "local_trials": uniforms.shape[1], "closest_gap_of_a_draw_to_a_boundary": gap})
    case.finish(
        lloyd_cases=entries, data_shared_with=shared, kmeanspp_replay=replays,
        kmeanspp_quality=[quality("mix/x", mix, c) for c in (k, 2 * k)],
        too_few_points=[{"n": 3, "k": 5}, {"n": 1, "k": 2}], files={FILE: case.tensors(FILE, tensors)},
        tolerance={"centers": 1e-4, "inertia_relative": 1e-4, "quality_most": 1.02, "quality_least": 0.98},
    )
