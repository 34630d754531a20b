"""Training steps of the classifiers of the hard-label protocol, as plain PyTorch modules under the published names.

A ReLU, or the choice of a max pool, whose input lies within rounding of a tie would make the case a test of rounding. So of
the seeds 0, 1, … the first is taken at which none does in any step: each is at least TIMES as far from its tie as the
float32 run is from the float64 run anywhere in that channel of that image. case.json states how far, as relu_margin.
"""

import copy
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from case import FILE, Case, f16, f32, f64, half, i64, stream
from filled import TIMES, Ties, fill

RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4

SETTINGS = {
    "small": {
        "convnet_d3_w8_in16": {"arch": "convnet", "depth": 3, "width": 8, "input": 16},
        "convnet_d2_w6_in15_odd_pool": {"arch": "convnet", "depth": 2, "width": 6, "input": 15},
        "resnet10_base3_mid_stem": {"arch": "resnet", "depth": 10, "base": 3, "size": 128, "input": 40},
        "resnet18_base2_small_stem": {"arch": "resnet", "depth": 18, "base": 2, "size": 64, "input": 24},
        "resnet_ap10_w3_small_stem": {"arch": "resnet_ap", "depth": 10, "width": 3 / 64, "size": 64, "input": 24},
        "resnet_ap10_w3_large_stem": {"arch": "resnet_ap", "depth": 10, "width": 3 / 64, "size": 224, "input": 64},
        "resnet18_base2_large_stem_formula": {"arch": "resnet", "depth": 18, "base": 2, "size": 224, "input": 72, "formula": True},
    },
    "other": {
        "four_by_ten": {"arch": "convnet", "depth": 4, "width": 10, "input": 24},
        "formula_five_wide": {"arch": "convnet", "depth": 2, "width": 5, "input": 21, "formula": True},
        "ten_mid": {"arch": "resnet_ap", "depth": 10, "width": 2 / 64, "size": 100, "input": 40},
        "ten_large": {"arch": "resnet", "depth": 10, "base": 4, "size": 160, "input": 56},
    },
}
CLASSES, BATCH, STEPS = 7, 2, 2


def norm(channels):
    return nn.GroupNorm(channels, channels)


def conv(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class ConvNet(nn.Module):
    """Blocks of convolution, norm, ReLU, average pool; then one linear layer."""

    def __init__(self, s, ties):
        super().__init__()
        width, side, self.ties = s["width"], s["input"], ties
        self.layers = nn.ModuleDict({
            "conv": nn.ModuleList(nn.Conv2d(width if i else 3, width, 3, padding=1) for i in range(s["depth"])),
            "norm": nn.ModuleList(norm(width) for _ in range(s["depth"])),
        })
        self.classifier = nn.Linear(width * (side >> s["depth"]) ** 2, CLASSES)

    def forward(self, x):
        for c, n in zip(self.layers["conv"], self.layers["norm"]):
            x = F.avg_pool2d(self.ties.relu(n(c(x))), 2)
        return self.classifier(x.flatten(1))


class Block(nn.Module):
    """Two convolutions and a way around them. With average pools the convolutions keep the size."""

    def __init__(self, inputs, width, stride, average, ties):
        super().__init__()
        self.ties, self.pool = ties, stride if average else 1
        step = 1 if average else stride
        self.conv1, self.bn1 = conv(inputs, width, 3, step), norm(width)
        self.conv2, self.bn2 = conv(width, width, 3), norm(width)
        self.downsample = nn.Sequential()
        if stride > 1 or inputs != width:
            pool = [nn.AvgPool2d(stride)] if average and stride > 1 else []
            self.downsample = nn.Sequential(conv(inputs, width, 1, step), *pool, norm(width))

    def forward(self, x):
        y = self.ties.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(F.avg_pool2d(y, self.pool)))
        return self.ties.relu(y + self.downsample(x))


class Stem(nn.Module):
    def __init__(self, s, width, average, ties):
        super().__init__()
        self.large, self.mid, self.average, self.ties = s["size"] > 128, 64 < s["size"] <= 128, average, ties
        kernel, stride = (7, 1 if average else 2) if self.large else (3, 1)
        self.conv1, self.bn1 = conv(3, width, kernel, stride), norm(width)

    def forward(self, x):
        x = self.ties.relu(self.bn1(self.conv1(x)))
        if not (self.large or self.mid):
            return x
        if self.average:
            return F.avg_pool2d(x, 4 if self.large else 2)
        return self.ties.max_pool(x)


class ResNet(nn.Module):
    def __init__(self, s, ties):
        super().__init__()
        average = s["arch"] == "resnet_ap"
        width = round(64 * s["width"]) if average else s["base"]
        self.layer0, inputs = Stem(s, width, average, ties), width
        for stage in range(4):
            blocks = []
            for i in range(s["depth"] // 8):  # 10 and 18: one and two a stage
                blocks.append(Block(inputs, width << stage, 2 if stage and not i else 1, average, ties))
                inputs = width << stage
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(inputs, CLASSES)

    def forward(self, x):
        for stage in (self.layer0, self.layer1, self.layer2, self.layer3, self.layer4):
            x = stage(x)
        return self.fc(x.mean((2, 3)))


def build(s, seed, rng):
    """The net with its weights, and what case.json says of them if they come from the formula."""
    ties = Ties()
    net = (ConvNet if s["arch"] == "convnet" else ResNet)(s, ties).double()
    return net, ties, fill(net, seed, None if s.get("formula") else rng)


def train(net, x, target):
    """The steps of SGD, and all that the case stores of them."""
    sgd, losses = torch.optim.SGD(net.parameters(), RATE, MOMENTUM, weight_decay=DECAY), []
    for step in range(STEPS):
        logits = net(x)
        each = F.cross_entropy(logits, target, reduction="none")
        sgd.zero_grad()
        each.mean().backward()
        losses.append(each.mean().item())
        if step == 0:
            first = {"logits": logits.detach().double(), "per_sample_loss": each.detach().double()}
            grads = {name: p.grad.double().clone() for name, p in net.named_parameters()}
        sgd.step()
    with torch.no_grad():
        first["logits_after"] = net(x).double()
    losses.append(F.cross_entropy(first["logits_after"], target).item())
    return losses, first, grads, {name: p.detach().double() for name, p in net.named_parameters()}


def attempt(s, seed, rng):
    """One seed's case, or None where rounding could decide it."""
    x, target = half(rng.standard_normal((BATCH, 3, s["input"], s["input"]))), rng.randint(0, CLASSES, BATCH)
    net, ties, described = build(s, seed, rng)
    start = {name: p.detach().clone() for name, p in net.named_parameters()}
    rough = copy.deepcopy(net).float()
    got = train(net, torch.from_numpy(x), torch.from_numpy(target))
    got32 = train(rough, torch.from_numpy(x).float(), torch.from_numpy(target))
    margin = ties.margin(next(m.ties for m in rough.modules() if hasattr(m, "ties")))
    return (margin, x, target, start, described, got, got32) if margin >= TIMES else None


def norms(tensors):
    return f64([x.norm().item() for x in tensors.values()])


def make_one(root, name, s, seed):
    for number in range(seed * 10000, seed * 10000 + 1000):
        if found := attempt(s, number % 65536, stream(number, "nets", name)):
            break
    else:
        raise SystemExit(f"nets/{name}: at every seed a ReLU or pool lies within {TIMES} roundings of a tie")
    margin, x, target, start, described, (losses, first, grads, after), (_, first32, grads32, after32) = found
    print(f"  nets/{name}: seed {number}, all ties {margin:.1f} roundings away")
    case = Case(root, "nets/" + name, "the networks and training of the hard-label protocol; float64")
    stored = [n for n, p in start.items() if p.numel() <= 1500]
    io = {"input": f16(x), "target": i64(target), **{k: f32(v) for k, v in first.items()}, "losses": f64(losses),
          "grad_norms": norms(grads), "weight_norms_after": norms(after),
          "weight_change_norms_after": norms({n: after[n] - start[n] for n in start})}
    for n in stored:
        io["grad/" + n], io["after/" + n] = f32(grads[n]), f32(after[n])
    files = {FILE: case.tensors(FILE, io)}
    if not described:
        files["weights.safetensors"] = case.tensors("weights.safetensors", {n: f16(p) for n, p in start.items()})
    case.finish(
        hyper={**s, "nclass": CLASSES}, norm="GroupNorm with groups = channels, eps 1e-5, affine",
        optimiser={"kind": "SGD", "lr": RATE, "momentum": MOMENTUM, "weight_decay": DECAY}, steps=STEPS,
        parameter_order=list(start), full_tensors_given_for=stored, losses=losses, relu_margin=margin,
        **({"formula_weights": described} if described else {}),
        float32_vs_float64={
            "logits": (first["logits"] - first32["logits"]).abs().max().item(),
            "logits_after": (first["logits_after"] - first32["logits_after"]).abs().max().item(),
            "gradient_relative": max(((grads[n] - grads32[n]).norm() / grads[n].norm()).item() for n in grads if grads[n].norm() > 1e-5),
            "after": max((after[n] - after32[n]).abs().max().item() for n in after)},
        files=files,
        tolerance={"logits_max_abs": 2e-4, "loss_abs": 1e-4, "grad_norm_relative": 1e-3, "grad_norm_abs_floor": 1e-6,
                   "grad_tensor_relative_l2": 2e-3, "grad_ignore_below_norm": 1e-5, "after_tensor_max_abs": 2e-5,
                   "logits_after_max_abs": 1e-3},
    )


def make(root, variant, seed):
    for name, s in SETTINGS[variant].items():
        make_one(root, name, s, seed)
