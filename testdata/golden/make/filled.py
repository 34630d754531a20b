"""Weights for nets with ReLUs, and how far their inputs stay from where a ReLU or a max pool changes its mind."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from case import half

TIMES = 8  # roundings that everything must be away from a tie


def bound(name, p):
    """(offset, bound) of uniform weights that keep values at about 1."""
    if p.dim() > 1:
        return 0.0, math.sqrt(6 / p[0].numel())
    return (1.0, 0.25) if name.endswith("weight") else (0.0, 0.1)


def formula(seed, index, count, offset, width):
    """Weights that need no file: a hash of seed, tensor and element, 24 bits of it, spread over offset ± width."""
    z = np.uint64((seed << 48) + (index << 32)) + np.arange(1, count + 1, dtype=np.uint64)
    z *= np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    u = (z >> np.uint64(40)).astype(np.float64) / 2**24
    return (offset + (2 * u - 1) * width).astype(np.float32).astype(np.float64)


def fill(net, seed, rng=None, prefix=""):
    """Fills the net from rng, or else from the formula; then returns what case.json says of that."""
    described = {"seed": seed, "tensors": [], "check_first_values": {}}
    with torch.no_grad():
        for index, (name, p) in enumerate(net.named_parameters()):
            offset, width = bound(name, p)
            if rng:
                x = half(offset + width * rng.uniform(-1, 1, p.numel()))
            else:
                x = formula(seed, index, p.numel(), offset, width)
                described["tensors"].append({"index": index, "name": prefix + name, "shape": list(p.shape), "offset": offset, "bound": width})
                described["check_first_values"][prefix + name] = x[:4].tolist()
            p.copy_(torch.from_numpy(x).view(p.shape))
    return None if rng else described


class Ties:
    """What decided a ReLU, the distance of its input to 0, or a max pool, that of the largest to the second."""

    def __init__(self):
        self.seen = []

    def relu(self, x):
        self.seen.append(x.detach().double())
        return F.relu(x)

    def max_pool(self, x):
        self.look(x, torch.nn.MaxPool2d(3, 2, 1))
        return F.max_pool2d(x, 3, 2, 1)

    def look(self, x, pool):
        """What decides a max pool; where all are 0 no gradient passes the ReLU before, so a tie there decides nothing."""
        edge, k, s = pool.padding, pool.kernel_size, pool.stride
        top = F.max_pool2d(x.detach().double(), k, s, edge, ceil_mode=pool.ceil_mode)
        x = F.pad(x.detach().double(), (edge, edge + s, edge, edge + s), value=-math.inf)  # enough for ceil_mode
        parts = x.unfold(2, k, s).unfold(3, k, s)[:, :, : top.shape[2], : top.shape[3]].flatten(4)
        best = parts.topk(2, -1).values
        assert (best[..., 0] == top).all()
        self.seen.append(torch.where(top > 0, (best[..., 0] - best[..., 1]).clamp(max=1), 1.0))

    def margin(self, rough):
        """The least distance to a tie, in units of the largest rounding in its channel of its image."""
        def one(x, y):
            rounding = (x - y).abs().amax((2, 3), keepdim=True) + 1e-7
            return (x.abs() / rounding).min().item()

        return min(one(x, y) for x, y in zip(self.seen, rough.seen))
