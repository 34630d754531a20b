"""SqueezeNet 1.1 of torchvision and LPIPS (Zhang et al. 2018, equation 1) on it, with weights from the formula; float64."""

import torch
from torch import nn
from torchvision.models import squeezenet1_1

from case import FILE, Case, f16, f32, f64, half, stream
from filled import TIMES, Ties, fill, formula

SETTINGS = {"small": {"sizes": (17, 32)}, "other": {"sizes": (19, 40)}}
SLICES = [(0, 1), (2, 3, 4), (5, 6, 7), (8, 9), (10,), (11,), (12,)]  # a map of LPIPS is the end of each
CHANNELS = [64, 128, 256, 384, 384, 512, 512]


class Squeeze(nn.Module):
    """The maps of the network, for images in [-1, 1]."""

    def __init__(self):
        super().__init__()
        layers = squeezenet1_1(weights=None).features
        for i, part in enumerate(SLICES):
            setattr(self, f"slice{i + 1}", nn.ModuleDict({str(j): layers[j] for j in part}))
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1), persistent=False)
        self.ties = Ties()
        for module in self.modules():
            for name, child in module.named_children():
                if isinstance(child, nn.ReLU):
                    child.forward = self.ties.relu
                elif isinstance(child, nn.MaxPool2d):
                    child.register_forward_pre_hook(lambda m, x: self.ties.look(x[0], m))

    def forward(self, x):
        x, maps = (x - self.shift) / self.scale, []
        for i in range(len(SLICES)):
            for layer in getattr(self, f"slice{i + 1}").values():
                x = layer(x)
            maps.append(x)
        return maps


def distance(heads, f, g):
    def direction(x):
        return x / (x.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)

    return sum((w.view(1, -1, 1, 1) * (direction(x) - direction(y)) ** 2).sum(1).mean((1, 2)) for w, x, y in zip(heads, f, g))


def attempt(seed, rng, size):
    net = Squeeze().double()
    described = fill(net, seed, prefix="net.")
    heads = []
    for i, channels in enumerate(CHANNELS):
        name, index = f"lin{i}.model.1.weight", len(described["tensors"])
        described["tensors"].append({"index": index, "name": name, "shape": [1, channels, 1, 1], "offset": 0.5, "bound": 0.5})
        heads.append(torch.from_numpy(formula(seed, index, channels, 0.5, 0.5)))
    a, b = (torch.from_numpy(half(rng.uniform(-1, 1, (2, 3, size, size)))) for _ in range(2))

    rough = Squeeze()  # a copy would share the first one's ties
    rough.load_state_dict(net.state_dict())
    x = a.clone().requires_grad_()
    maps = net(x)
    d = distance(heads, maps, net(b))
    d.sum().backward()
    with torch.no_grad():
        rough(a.float()), rough(b.float())
    return net.ties.margin(rough.ties), described, {
        "a": f16(a), "b": f16(b), "features": f32(maps[-1].mean((2, 3)).detach()), "distance": f64(d.detach()),
        "slope": f64(x.grad.flatten(1).norm(dim=1))}


def make(root, variant, seed):
    sizes, tensors = SETTINGS[variant]["sizes"], {}
    case = Case(root, f"lpips_{variant}", "SqueezeNet 1.1 of torchvision, LPIPS by its equation; float64")
    for size in sizes:
        for number in range(500):
            margin, described, got = attempt(seed, stream(seed, "lpips", size, number), size)
            if margin >= TIMES:
                break
        print(f"  lpips, {size} pixels: attempt {number}, all ties {margin:.1f} roundings away")
        tensors.update({f"{size}/{k}": v for k, v in got.items()})
    case.finish(sizes=list(sizes), formula_weights=described, files={FILE: case.tensors(FILE, tensors)}, tolerance={"relative": 2e-5})
