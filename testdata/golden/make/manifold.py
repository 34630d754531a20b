"""ManifoldGD's term of one step: a cloud around the mode, brought to the noise of the step; the tangent of its points nearest to x
from the eigenvectors of their covariance; x's rest across it."""

import numpy as np

from case import FILE, Case, f32, single, stream

POINTS, NEAREST, SHAPE = 300, 12, (4, 2, 2)
STEPS = [  # the program's defaults, and the settings of its scripts, whose radius shrinks
    {"name": "defaults", "scale": 0.1, "tangent": 1, "bandwidth": 0.1, "radius": 0.1, "alpha_bar": 0.02},
    {"name": "scripts", "scale": 0.1, "tangent": 3, "bandwidth": 0.2, "radius": 0.05, "alpha_bar": 0.4},
    {"name": "wide", "scale": 0.3, "tangent": 5, "bandwidth": 2.0, "radius": 0.2, "alpha_bar": 0.9},
    {"name": "near", "scale": 0.1, "tangent": 2, "bandwidth": 4.0, "radius": 0.1, "alpha_bar": 0.9999},
]


def term(x, mode, s, dirs, uniform, noise):
    even = np.linspace(0.1, s["radius"], POINTS // 2)
    radii = np.concatenate([even, s["radius"] * uniform])
    units = dirs / np.linalg.norm(dirs, axis=1, keepdims=True)
    cloud = np.sqrt(s["alpha_bar"]) * (mode + radii[:, None] * units) + np.sqrt(1 - s["alpha_bar"]) * noise
    distance = np.linalg.norm(cloud - x, axis=1)
    order = np.argsort(distance, kind="stable")
    gap = distance[order[NEAREST]] - distance[order[NEAREST - 1]]
    near = cloud[order[:NEAREST]]
    centred = near - near.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / (NEAREST - 1) + 1e-5 * np.eye(len(x)))
    axes = vectors[:, ::-1][:, : s["tangent"]]
    rest = x - near.mean(0)
    rest = rest - axes @ (axes.T @ rest)
    values = values[::-1]
    return (-s["scale"] * np.tanh(distance.min() / s["bandwidth"]) * rest / np.linalg.norm(rest), gap,
            values[s["tangent"] - 1] / values[s["tangent"]] - 1)


def make(root, variant, seed):
    case = Case(root, f"manifold_{variant}", "the term of ManifoldGD's program by its formula; float64")
    rng, d, out, steps = stream(seed, "manifold", variant), int(np.prod(SHAPE)), {}, []
    mode = single(0.8 * rng.standard_normal(d))
    for s in STEPS:
        while True:  # a point more or less among the nearest, or two axes that change places, would test luck
            x = single(np.sqrt(s["alpha_bar"]) * mode + np.sqrt(1 - s["alpha_bar"]) * rng.standard_normal(d))
            dirs, noise = single(rng.standard_normal((POINTS, d))), single(rng.standard_normal((POINTS, d)))
            uniform = single(rng.random_sample(POINTS // 2))
            y, gap, between = term(x, mode, s, dirs, uniform, noise)
            if gap > 1e-3 * np.sqrt(1 - s["alpha_bar"]) and between > 0.02:
                break
        out |= {f"{s['name']}/{k}": v for k, v in {"x": x, "dirs": dirs, "radii": uniform, "noise": noise, "term": y}.items()}
        steps.append(s)
    tensors = case.tensors(FILE, {"mode": f32(mode), **{k: f32(v) for k, v in out.items()}})
    # Both sides sum in float64 and round to float32: they may differ by one spacing there, 2^-25 below 0.5.
    case.finish(files={FILE: tensors}, steps=steps, tolerance={"term": 3e-8})
