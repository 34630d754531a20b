"""Augmentation of training images: colours and CutMix from their formulas in float64, crops by torchvision."""

import math

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms.v2 import functional as V

from case import Case, f32, half, i64, stream

SETTINGS = {
    "small": {"image": (24, 36), "batch": (4, 3, 24, 20), "sizes": (16, 41), "mixes": 4,
              "drawn": [(256, 256), (224, 224), (40, 56), (300, 90), (90, 300), (64, 64)]},
    "other": {"image": (31, 27), "batch": (5, 3, 17, 23), "sizes": (13, 33), "mixes": 5,
              "drawn": [(225, 225), (31, 47), (47, 31), (128, 40), (30, 140)]},
}
FILE = "augment.safetensors"
LUMA = np.array([0.299, 0.587, 0.114])
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
SPREAD = [0.2175, 0.0188, 0.0045]  # the principal axes of ImageNet's colours, as AlexNet's training uses them
AXES = [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]


def grey(x):
    return np.tensordot(LUMA, x, 1)[None]


COLOURS = {
    "brightness": lambda x, a: x + a * (0 - x),
    "contrast": lambda x, a: x + a * (grey(x).mean() - x),
    "saturation": lambda x, a: x + a * (grey(x) - x),
}


def jitter(x, order, alphas):
    for kind, a in zip(order, alphas):
        x = COLOURS[kind](x, a)
    return x


def lighting(x, alpha):
    return x + (np.array(AXES) @ (np.array(alpha) * SPREAD))[:, None, None]


def normalize(x, mean, std):
    return (x - np.array(mean)[:, None, None]) / np.array(std)[:, None, None]


def crop(x, c):
    return V.resized_crop(torch.from_numpy(x), c["top"], c["left"], c["height"], c["width"], [c["size"], c["size"]],
                          antialias=c["antialias"]).numpy()


def chain(x, p):
    x = crop(x, p["crop"])
    if p["flip"]:
        x = x[:, :, ::-1]
    x = lighting(jitter(x, p["jitter_order"], p["jitter_alphas_in_that_order"]), p["lighting_alpha"])
    return normalize(x, MEAN, STD)


def operations(x, rng, sizes):
    """(name, parameters, result) of every operation."""
    height, width = x.shape[1:]
    amounts = [0.4, -0.4, rng.uniform(-0.4, 0.4)]
    for kind, f in COLOURS.items():
        for a in amounts:
            yield kind, {"alpha": a}, f(x, a)
    orders = [list(rng.permutation(list(COLOURS))) for _ in range(3)]
    for order in orders:
        alphas = rng.uniform(-0.4, 0.4, 3).tolist()
        yield "color_jitter", {"order": order, "alphas_in_that_order": alphas}, jitter(x, order, alphas)
    for _ in range(2):
        alpha = (0.1 * rng.standard_normal(3)).tolist()
        yield "lighting", {"alpha": alpha}, lighting(x, alpha)
    yield "hflip", {}, x[:, :, ::-1]
    for mean, std in ((MEAN, STD), ([0.5] * 3, [0.5] * 3)):
        yield "normalize", {"mean": mean, "std": std}, normalize(x, mean, std)
    boxes = [(0, 0, height, width), (3, 2, height - 7, width - 5), (height // 4, width // 3, height // 2, width // 2), (1, 0, 17, 17)]
    crops = [dict(zip(("top", "left", "height", "width"), box), size=size, antialias=antialias)
             for box in boxes for size in sizes for antialias in (False, True)]
    for c in crops:
        yield "resized_crop", c, crop(x, c)
    for i, c in enumerate((crops[4], crops[-1])):
        p = {"crop": c, "flip": i == 0, "jitter_order": orders[i], "jitter_alphas_in_that_order": rng.uniform(-0.4, 0.4, 3).tolist(),
             "lighting_alpha": (0.1 * rng.standard_normal(3)).tolist()}
        yield "train_chain", p, chain(x, p)


class Drawn:
    """Records what torchvision draws while it chooses a crop."""

    def __enter__(self):
        self.draws, self.uniform_, self.randint = [], torch.Tensor.uniform_, torch.randint

        def uniform_(tensor, low, high):
            value = self.uniform_(tensor, low, high)
            self.draws.append({"draw": "uniform", "low": float(low), "high": float(high), "value": value.item()})
            return value

        def randint(low, high, size):
            value = self.randint(low, high, size)
            self.draws.append({"draw": "integer", "low": low, "high_exclusive": high, "value": value.item()})
            return value

        torch.Tensor.uniform_, torch.randint = uniform_, randint
        return self.draws

    def __exit__(self, *_):
        torch.Tensor.uniform_, torch.randint = self.uniform_, self.randint


def drawn_crops(sizes, seed):
    torch.manual_seed(1000 + seed)
    scale, ratio, cases = (0.5, 1.0), (3 / 4, 4 / 3), []
    for height, width in sizes:
        with Drawn() as draws:
            box = RandomResizedCrop.get_params(torch.zeros(3, height, width), scale, ratio)
        cases.append({"image_height": height, "image_width": width, "scale": scale, "ratio": ratio, "draws_in_order": draws,
                      "result": dict(zip(("top", "left", "height", "width"), map(int, box)))})
    return cases


def cut_mix(batch, lam, row, column, order):
    """CutMix (Yun et al. 2019) of a batch: the box around a pixel comes from the other image."""
    height, width = batch.shape[2:]
    rows, columns = int(height * math.sqrt(1 - lam)) // 2, int(width * math.sqrt(1 - lam)) // 2
    top, left, bottom, right = max(row - rows, 0), max(column - columns, 0), min(row + rows, height), min(column + columns, width)
    out = batch.copy()
    out[:, :, top:bottom, left:right] = batch[order][:, :, top:bottom, left:right]
    kept = 1 - (bottom - top) * (right - left) / (height * width)
    return out, {"lam": lam, "centre_row": row, "centre_col": column, "permutation": order, "row0": top, "col0": left,
                 "row1": bottom, "col1": right, "ratio_of_original": kept}


def epochs(ipc, classes):
    """The table of the hard-label protocol; for 100 classes two thirds of it, rounded down to hundreds."""
    n = next((n for most, n in ((1, 3000), (10, 2000), (50, 1500), (200, 1000), (500, 500)) if ipc <= most), 300)
    return 2 * n // 3 // 100 * 100 if classes == 100 else n


def rates(n):
    """A fifth of the rate after two thirds, and again after five sixths, of the epochs; epochs count from 1."""
    return {"epochs": n, "changes": [{"from_epoch": 1, "lr": 0.01}, {"from_epoch": 2 * n // 3 + 1, "lr": 0.002},
                                     {"from_epoch": 5 * n // 6 + 1, "lr": 0.0004}]}


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "augment", variant)
    case = Case(root, f"augment_{variant}", "the formulas in float64; resized_crop and RandomResizedCrop of torchvision")
    image, batch = half(rng.uniform(size=(3, *s["image"]))), half(rng.standard_normal(s["batch"]))
    tensors, ops, mixes = {"image": f32(image), "batch": f32(batch)}, [], []
    for i, (op, parameters, result) in enumerate(operations(image, rng, s["sizes"])):
        name = f"out_{i:02}_{op}"
        ops.append({"op": op, "output": name, "parameters": parameters})
        tensors[name] = f32(result)
    for i in range(s["mixes"]):
        order = rng.permutation(len(batch)).tolist()
        out, mix = cut_mix(batch, rng.uniform(), rng.randint(batch.shape[2]), rng.randint(batch.shape[3]), order)
        mixes.append({"output": f"cutmix_{i}", **mix})
        tensors[f"cutmix_{i}"] = f32(out)
    logits, target = half(rng.standard_normal((len(batch), 5))), rng.randint(0, 5, len(batch))
    loss = [F.cross_entropy(torch.from_numpy(logits), torch.from_numpy(y)).item() for y in (target, target[mixes[0]["permutation"]])]
    kept = mixes[0]["ratio_of_original"]
    tensors.update({"cutmix_loss/logits": f32(logits), "cutmix_loss/target": i64(target)})
    case.finish(
        image_ops=ops, random_resized_crop_parameters=drawn_crops(s["drawn"], seed), cutmix=mixes,
        cutmix_loss={"uses": "cutmix_0", "loss": kept * loss[0] + (1 - kept) * loss[1]},
        epochs_table=[{"ipc": ipc, "nclass": n, "epochs": epochs(ipc, n)} for n in (10, 100, 1000) for ipc in (1, 2, 10, 11, 50, 51, 200, 201, 500, 501)],
        learning_rate_table=[rates(n) for n in (30, 100, 2000)], files={FILE: case.tensors(FILE, tensors)},
        tolerance={"colour_and_lighting_max_abs": 1e-5, "resized_crop_max_abs": 2e-5, "train_chain_max_abs": 1e-4, "loss": 1e-5},
    )
