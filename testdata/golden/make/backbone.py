"""The features that torchvision's ResNets give: what "fc" is given, of images in [0, 1] normalised as the weights
IMAGENET1K_V1 want it. Weights and images come from the formula of filled.py, in float64; a case is a page of numbers.
"""

import math
import zlib

import torch
import torchvision
from torch import nn

from case import Case
from filled import bound, formula

SEED, BATCH, SIDE, FIRST = 23, 2, 96, 24
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make(root, variant, seed):
    if variant != "small":
        return
    for name in ["resnet18", "resnet50"]:
        net = getattr(torchvision.models, name)().double().eval()
        net.fc = nn.Identity()
        with torch.no_grad():
            for key, p in [*net.named_parameters(), *net.named_buffers()]:
                if p.dtype.is_floating_point:
                    offset, width = (1.0, 0.25) if key.endswith("running_var") else bound(key, p)
                    values = formula(SEED, zlib.crc32(key.encode()) % (1 << 20), p.numel(), offset, width)
                    p.copy_(torch.from_numpy(values).view(p.shape))
            x = torch.from_numpy(formula(SEED, 0, BATCH * 3 * SIDE * SIDE, 0.5, 0.5)).view(BATCH, 3, SIDE, SIDE)
            mean, std = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (MEAN, STD))
            y = net((x - mean) / std)
            y32 = net.float()(((x - mean) / std).float()).double()
        case = Case(root, "backbone/" + name, f"torchvision {torchvision.__version__}, PyTorch {torch.__version__}; float64")
        case.finish(net=name, size=SIDE, batch=BATCH, seed=SEED, width=y.shape[1],
                    first=" ".join(f"{v:.9g}" for v in y[:, :FIRST].flatten().tolist()),
                    sums=" ".join(f"{v:.9g}" for v in y.sum(1).tolist()),
                    norms=" ".join(f"{v:.9g}" for v in y.norm(dim=1).tolist()),
                    float32_vs_float64=(y - y32).abs().max().item() / y.abs().max().item())
        print(name, y.shape, y.abs().max().item(), (y - y32).abs().max().item())
