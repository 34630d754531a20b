"""The networks of cross-architecture tables, from the libraries themselves: torchvision's, timm's, and DC's zoo spelled
out in PyTorch's layers under DC's names. One step of training each (batch norms by the batch, dropout and stochastic
depth off), and the trained net's answer. Weights and images come from the formula of filled.py, so that a case is a
page of numbers: the norm of each gradient, and its product with a vector of the formula, which tells orders apart.
"""

import math
import zlib

import timm
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from case import Case
from filled import bound, formula

CLASSES, BATCH, SEED_OF_ALL = 5, 4, 17
SEED = SEED_OF_ALL  # of the case in the making
# MobileNetV2's ReLU6 has two edges: of the seeds 1 to 33 at 33 pixels this alone has no number within a rounding of one
# that decides a gradient, in eleven runs.
SEEDS = {"mobilenet_v2": 15}
NOISES = 6  # runs with all numbers moved by a rounding: where ReLUs are near their tie, they show by how much one moves gradients
PROBES = 1 << 20  # the formula's vectors have an index beyond those of the weights

CONVNETS = {"ConvNet": {}, "ConvNetD4": {"depth": 4}, "ConvNetW32": {"width": 32}, "ConvNetAS": {"act": nn.Sigmoid},
            "ConvNetAL": {"act": lambda: nn.LeakyReLU(0.01)}, "ConvNetNN": {"norm": "none"}, "ConvNetBN": {"norm": "batch"},
            "ConvNetLN": {"norm": "layer"}, "ConvNetGN": {"norm": "group"}, "ConvNetNP": {"pool": None},
            "ConvNetMP": {"pool": nn.MaxPool2d}}


def norm_of(kind, c, side):
    return {"batch": lambda: nn.BatchNorm2d(c), "layer": lambda: nn.LayerNorm([c, side, side]),
            "instance": lambda: nn.GroupNorm(c, c), "group": lambda: nn.GroupNorm(4, c)}[kind]()


class Zoo(nn.Module):
    """One list of layers and a linear one."""

    def __init__(self, layers, head, features):
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.head_name = head
        setattr(self, head, nn.Linear(features, CLASSES))

    def forward(self, x):
        return getattr(self, self.head_name)(self.features(x).flatten(1))


def convnet(side, depth=3, width=128, act=nn.ReLU, norm="instance", pool=nn.AvgPool2d):
    layers, c = [], 3
    for _ in range(depth):
        layers.append(nn.Conv2d(c, width, 3, padding=1))
        if norm != "none":
            layers.append(norm_of(norm, width, side))
        layers.append(act())
        if pool:
            layers.append(pool(2))
            side //= 2
        c = width
    return Zoo(layers, "classifier", width * side * side)


def plain(side, spec, head, norm):
    layers, c = [], 3
    for width, k, pooled in spec:
        layers.append(nn.Conv2d(c, width, k, padding=k // 2))
        if norm != "none":
            layers.append(norm_of(norm, width, side))
        layers.append(nn.ReLU())
        if pooled:
            layers.append(nn.MaxPool2d(2))
            side //= 2
        c = width
    return Zoo(layers, head, c * side * side)


ALEXNET = [(128, 5, 1), (192, 5, 1), (256, 3, 0), (192, 3, 0), (192, 3, 1)]
VGG11 = [(64, 3, 1), (128, 3, 1), (256, 3, 0), (256, 3, 1), (512, 3, 0), (512, 3, 1), (512, 3, 0), (512, 3, 1)]


class Block(nn.Module):
    def __init__(self, inputs, width, stride, norm, average):
        super().__init__()
        step, self.pool = (1, stride) if average else (stride, 1)
        self.conv1, self.bn1 = nn.Conv2d(inputs, width, 3, step, 1, bias=False), norm_of(norm, width, 0)
        self.conv2, self.bn2 = nn.Conv2d(width, width, 3, 1, 1, bias=False), norm_of(norm, width, 0)
        pools = [nn.AvgPool2d(2)] if average else []
        changes = stride > 1 or inputs != width
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, width, 1, step, bias=False), *pools, norm_of(norm, width, 0)) \
            if changes else nn.Sequential()

    def forward(self, x):
        y = F.avg_pool2d(F.relu(self.bn1(self.conv1(x))), self.pool)
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, side, norm, average):
        super().__init__()
        self.average, c = average, 64
        self.conv1, self.bn1 = nn.Conv2d(3, c, 3, 1, 1, bias=False), norm_of(norm, c, 0)
        for i in range(4):
            first = Block(c, 64 << i, 2 if i else 1, norm, average)
            c = 64 << i
            setattr(self, f"layer{i + 1}", nn.Sequential(first, Block(c, c, 1, norm, average)))
        self.classifier = nn.Linear(c * (side // 8) ** 2 if average else c, CLASSES)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))))
        return self.classifier((x if self.average else F.avg_pool2d(x, 4)).flatten(1))


def whole_rows(net):
    for m in net.modules():
        if isinstance(m, torchvision.ops.StochasticDepth):
            m.p = 0.0
    return net


NETS = {
    "mobilenet_v2": (33, lambda s: torchvision.models.mobilenet_v2(num_classes=CLASSES, dropout=0)),
    "efficientnet_b0": (64, lambda s: torchvision.models.efficientnet_b0(num_classes=CLASSES, dropout=0, stochastic_depth_prob=0)),
    "swin_t": (72, lambda s: whole_rows(torchvision.models.swin_t(num_classes=CLASSES))),
    "vit_tiny_patch16_224": (32, lambda s: timm.create_model("vit_tiny_patch16_224", num_classes=CLASSES, img_size=s)),
    "vit_small_patch16_224": (32, lambda s: timm.create_model("vit_small_patch16_224", num_classes=CLASSES, img_size=s)),
    "resnet18": (160, lambda s: torchvision.models.resnet18(num_classes=CLASSES)),
    **{"dc-" + n: (16, lambda s, o=o: convnet(s, **o)) for n, o in CONVNETS.items()},
    "dc-AlexNet": (32, lambda s: plain(s, ALEXNET, "fc", "none")),
    "dc-AlexNetBN": (32, lambda s: plain(s, ALEXNET, "fc", "batch")),
    "dc-VGG11": (64, lambda s: plain(s, VGG11, "classifier", "instance")),
    "dc-VGG11BN": (32, lambda s: plain(s, VGG11, "classifier", "batch")),
    "dc-ResNet18BN": (32, lambda s: ResNet(s, "batch", False)),
    "dc-ResNet18_AP": (32, lambda s: ResNet(s, "instance", True)),
}


def values(index, shape, offset, width):
    return torch.from_numpy(formula(SEED, index, math.prod(shape), offset, width)).view(shape)


def index(name):
    return zlib.crc32(name.encode()) % PROBES


def fill(net):
    """Weights and running moments by the formula."""
    with torch.no_grad():
        for name, p in [*net.named_parameters(), *net.named_buffers()]:
            if p.dtype.is_floating_point:
                p.copy_(values(index(name), p.shape, *((1.0, 0.25) if name.endswith("running_var") else bound(name, p))))


def measure(grads):
    norms, products = [], []
    for name, g in grads.items():
        g = g.detach().double()
        norms.append(g.norm().item())
        products.append((g * values(PROBES + index(name), g.shape, 0.0, 1.0)).sum().item())
    return norms, products


def run(build, side, x, target, dtype, noise=None):
    net = build(side)
    fill(net)
    if noise:
        with torch.no_grad():
            for p in [x := x.clone(), *net.parameters()]:
                p.mul_(1 + 2.0**-23 * (2 * torch.rand(p.shape, generator=noise) - 1))
    net = net.to(dtype)
    with torch.no_grad():
        logits = net.eval()(x.to(dtype)).double()
    loss = F.cross_entropy(net.train()(x.to(dtype)), target)
    loss.backward()
    grads = {n: p.grad for n, p in net.named_parameters()}
    return logits, loss.item(), list(grads), *measure(grads)


def round9(values):
    return [float(f"{v:.9g}") for v in values]


def make(root, variant, seed):
    if variant != "small":
        return
    global SEED
    for name, (side, build) in NETS.items():
        SEED = SEEDS.get(name, SEED_OF_ALL)
        x = values(0, (BATCH, 3, side, side), 0.0, 2.0)
        target = torch.arange(BATCH) * 3 % CLASSES
        logits, loss, names, norms, products = run(build, side, x, target, torch.float64)
        logits32, loss32, _, norms32, products32 = run(build, side, x, target, torch.float32)
        unit = [max(a, 1e-4 * max(norms)) for a in norms] * 2

        def far(norms32, products32):
            return max(abs(a - b) / u for a, b, u in zip([*norms, *products], [*norms32, *products32], unit))

        noise = torch.Generator().manual_seed(0)
        flips = [far(*run(build, side, x, target, torch.float32, noise)[3:]) for _ in range(NOISES)]
        rough = {"logits": (logits - logits32).abs().max().item() / logits.abs().max().item(), "loss": abs(loss - loss32),
                 "gradients": max(far(norms32, products32), *flips)}
        case = Case(root, "libnets/" + name, f"torchvision {torchvision.__version__}, timm {timm.__version__}, PyTorch {torch.__version__}; float64")
        case.finish(net=name, size=side, batch=BATCH, classes=CLASSES, seed=SEED, probes=PROBES, loss=loss,
                    logits=" ".join(map(str, round9(logits.flatten().tolist()))), names=" ".join(names),
                    norms=" ".join(map(str, round9(norms))), products=" ".join(map(str, round9(products))),
                    float32_vs_float64=rough)
        print(name, f"loss {loss:.4f}", rough)
