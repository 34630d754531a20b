"""The networks of the loads in PyTorch, under the names of the published weights, and the guided step. They are written once, here;
ONNX Runtime and OpenVINO run what is exported from them. check.py holds them against the golden tensors."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import loads


def positions(hidden, side):
    """[1, side², hidden]: sines, then cosines of the column, then those of the row."""
    omega = 10000.0 ** (-np.arange(hidden // 4) / (hidden / 4))
    row, column = (np.outer(at, omega) for at in np.divmod(np.arange(side * side), side))
    table = np.concatenate([np.sin(column), np.cos(column), np.sin(row), np.cos(row)], 1)
    return torch.from_numpy(table.astype(np.float32))[None]


class Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, d))


class MLP(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


def modulate(x, shift, scale):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale.unsqueeze(1)) + shift.unsqueeze(1)


class Block(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.attn, self.mlp = Attention(hidden, heads), MLP(hidden)
        self.adaLN_modulation = nn.Sequential(nn.SiLU(), nn.Linear(hidden, 6 * hidden))

    def forward(self, x, c):
        d1, s1, a1, d2, s2, a2 = self.adaLN_modulation(c).chunk(6, 1)
        x = x + a1.unsqueeze(1) * self.attn(modulate(x, d1, s1))
        return x + a2.unsqueeze(1) * self.mlp(modulate(x, d2, s2))


class DiT(nn.Module):
    """x [B, 4, S, S], t [B] and y [B] give [B, 8, S, S]: the noise, then the logits of its variance."""

    def __init__(self, size, hidden, depth, heads, classes, patch=2):
        super().__init__()
        self.side, self.patch, self.classes = size // patch, patch, classes
        self.x_embedder = nn.ModuleDict({"proj": nn.Conv2d(4, hidden, patch, patch)})
        self.t_embedder = nn.ModuleDict({"mlp": nn.Sequential(nn.Linear(256, hidden), nn.SiLU(), nn.Linear(hidden, hidden))})
        self.y_embedder = nn.ModuleDict({"embedding_table": nn.Embedding(classes + 1, hidden)})
        self.blocks = nn.ModuleList(Block(hidden, heads) for _ in range(depth))
        self.final_layer = nn.ModuleDict({
            "linear": nn.Linear(hidden, patch * patch * 8),
            "adaLN_modulation": nn.Sequential(nn.SiLU(), nn.Linear(hidden, 2 * hidden))})
        self.register_buffer("pos_embed", positions(hidden, self.side))
        self.register_buffer("omega", torch.exp(-math.log(10000) * torch.arange(128) / 128), persistent=False)

    def forward(self, x, t, y):
        angle = t[:, None] * self.omega
        c = self.t_embedder["mlp"](torch.cat([angle.cos(), angle.sin()], 1)) + self.y_embedder["embedding_table"](y)
        h = self.x_embedder["proj"](x).flatten(2).transpose(1, 2) + self.pos_embed
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.final_layer["adaLN_modulation"](c).chunk(2, 1)
        h = self.final_layer["linear"](modulate(h, shift, scale))
        n, p = self.side, self.patch
        return h.view(x.shape[0], n, n, p, p, 8).permute(0, 5, 1, 3, 2, 4).reshape(x.shape[0], 8, n * p, n * p)


class Step(nn.Module):
    """One guided step: x, mode and z [B, 4, S, S], y [B], a row of loads.coefficients; the next x."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x, y, mode, z, coef):
        time, a, b, c1, c2, low, high, guide, noise = coef.unbind(0)
        n, k = x.shape[0], loads.GUIDED
        out = self.net(torch.cat([x, x]), time.expand(2 * n), torch.cat([y, torch.full_like(y, self.net.classes)]))
        cond, free, v = out[:n, :4], out[n:, :4], out[:n, 4:]
        eps = torch.cat([free[:, :k] + loads.CFG * (cond[:, :k] - free[:, :k]), cond[:, k:]], 1)
        x0 = a * x - b * eps
        sigma = torch.exp(0.5 * (low + (v + 1) / 2 * (high - low)))
        return c1 * x0 + c2 * x + sigma * (guide * (mode - x0) + noise * z)


def conv(i, o, k=3, stride=1, padding=1):
    return nn.Conv2d(i, o, k, stride, padding)


class Res(nn.Module):
    def __init__(self, i, o, groups):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(groups, i, 1e-6), conv(i, o)
        self.norm2, self.conv2 = nn.GroupNorm(groups, o, 1e-6), conv(o, o)
        if i != o:
            self.conv_shortcut = conv(i, o, 1, 1, 0)

    def forward(self, x):
        h = self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))
        return h + (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x)


class Spatial(nn.Module):
    """Attention over the pixels, one head."""

    def __init__(self, c, groups):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, c, 1e-6)
        self.to_q, self.to_k, self.to_v = (nn.Linear(c, c) for _ in range(3))
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x):
        b, c, h, w = x.shape
        y = self.group_norm(x).flatten(2).transpose(1, 2)
        y = F.scaled_dot_product_attention(*(f(y).unsqueeze(1) for f in (self.to_q, self.to_k, self.to_v))).squeeze(1)
        return x + self.to_out[0](y).transpose(1, 2).reshape(b, c, h, w)


class Middle(nn.Module):
    def __init__(self, c, groups, attention):
        super().__init__()
        self.resnets = nn.ModuleList([Res(c, c, groups), Res(c, c, groups)])
        self.attentions = nn.ModuleList([Spatial(c, groups)] if attention else [])

    def forward(self, x):
        x = self.resnets[0](x)
        for attention in self.attentions:
            x = attention(x)
        return self.resnets[1](x)


class Level(nn.Module):
    """Residual blocks, then half or twice the size."""

    def __init__(self, i, o, n, groups, down=False, up=False):
        super().__init__()
        self.resnets = nn.ModuleList(Res(i if j == 0 else o, o, groups) for j in range(n))
        if down:
            self.downsamplers = nn.ModuleList([nn.ModuleDict({"conv": conv(o, o, 3, 2, 0)})])
        if up:
            self.upsamplers = nn.ModuleList([nn.ModuleDict({"conv": conv(o, o)})])

    def forward(self, x):
        for block in self.resnets:
            x = block(x)
        if hasattr(self, "downsamplers"):
            x = self.downsamplers[0]["conv"](F.pad(x, (0, 1, 0, 1)))
        if hasattr(self, "upsamplers"):
            x = self.upsamplers[0]["conv"](F.interpolate(x, scale_factor=2.0, mode="nearest"))
        return x


class Encoder(nn.Module):
    def __init__(self, widths, layers, latent, groups, attention):
        super().__init__()
        pairs, last = list(zip(widths[:1] + widths, widths)), widths[-1]
        self.conv_in = conv(3, widths[0])
        self.down_blocks = nn.ModuleList(
            Level(i, o, layers, groups, down=n < len(widths) - 1) for n, (i, o) in enumerate(pairs))
        self.mid_block = Middle(last, groups, attention)
        self.conv_norm_out, self.conv_out = nn.GroupNorm(groups, last, 1e-6), conv(last, 2 * latent)

    def forward(self, x):
        x = self.conv_in(x)
        for level in self.down_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(self.mid_block(x))))


class Decoder(nn.Module):
    def __init__(self, widths, layers, latent, groups, attention):
        super().__init__()
        widths = widths[::-1]
        pairs, last = list(zip(widths[:1] + widths, widths)), widths[-1]
        self.conv_in, self.mid_block = conv(latent, widths[0]), Middle(widths[0], groups, attention)
        self.up_blocks = nn.ModuleList(
            Level(i, o, layers + 1, groups, up=n < len(widths) - 1) for n, (i, o) in enumerate(pairs))
        self.conv_norm_out, self.conv_out = nn.GroupNorm(groups, last, 1e-6), conv(last, 3)

    def forward(self, x):
        x = self.mid_block(self.conv_in(x))
        for level in self.up_blocks:
            x = level(x)
        return self.conv_out(F.silu(self.conv_norm_out(x)))


class Encode(nn.Module):
    """Images [B, 3, S, S] in [-1, 1] to the scaled mean of the posterior."""

    def __init__(self, widths, layers, latent, groups, scale, attention=True):
        super().__init__()
        self.scale, self.encoder = scale, Encoder(widths, layers, latent, groups, attention)
        self.quant_conv = conv(2 * latent, 2 * latent, 1, 1, 0)

    def forward(self, x):
        return self.scale * self.quant_conv(self.encoder(x)).chunk(2, 1)[0]


class Decode(nn.Module):
    """Scaled latents to images."""

    def __init__(self, widths, layers, latent, groups, scale, attention=True):
        super().__init__()
        self.scale, self.post_quant_conv = scale, conv(latent, latent, 1, 1, 0)
        self.decoder = Decoder(widths, layers, latent, groups, attention)

    def forward(self, x):
        return self.decoder(self.post_quant_conv(x / self.scale))


def instance(c):
    return nn.GroupNorm(c, c)


class ConvNet(nn.Module):
    def __init__(self, depth, width, size, classes):
        super().__init__()
        self.layers = nn.ModuleDict({
            "conv": nn.ModuleList(conv(width if i else 3, width) for i in range(depth)),
            "norm": nn.ModuleList(instance(width) for _ in range(depth))})
        self.classifier = nn.Linear(width * (size >> depth) ** 2, classes)

    def forward(self, x):
        for c, norm in zip(self.layers["conv"], self.layers["norm"]):
            x = F.avg_pool2d(F.relu(norm(c(x))), 2)
        return self.classifier(x.flatten(1))


class Basic(nn.Module):
    """The shortcut of a ResNetAP pools before its convolution, as ours: the same sums at a quarter of the cost."""

    def __init__(self, i, o, stride, pool):
        super().__init__()
        self.halve = pool and stride == 2
        self.conv1 = nn.Conv2d(i, o, 3, 1 if self.halve else stride, 1, bias=False)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = instance(o), instance(o)
        if stride != 1 or i != o:
            first = nn.Conv2d(i, o, 1, 1 if self.halve else stride, bias=False)
            self.downsample = nn.Sequential(first, *([nn.Identity()] if self.halve else []), instance(o))

    def forward(self, x):
        h, short = F.relu(self.bn1(self.conv1(x))), x
        if self.halve:
            h, short = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        if hasattr(self, "downsample"):
            short = self.downsample(short)
        return F.relu(self.bn2(self.conv2(h)) + short)


class ResNet(nn.Module):
    """With the stem for images of more than 128 pixels, unless it is small: up to 64."""

    def __init__(self, blocks, width, classes, pool, small=False):
        super().__init__()
        self.pool, self.small = pool, small
        k, stride = (3, 1) if small else (7, 1 if pool else 2)
        self.layer0 = nn.ModuleDict({"conv1": nn.Conv2d(3, width, k, stride, k // 2, bias=False), "bn1": instance(width)})
        i = width
        for n, count in enumerate(blocks):
            o = width << n
            setattr(self, f"layer{n + 1}", nn.Sequential(
                *(Basic(i if j == 0 else o, o, 2 if n and j == 0 else 1, pool) for j in range(count))))
            i = o
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = F.relu(self.layer0["bn1"](self.layer0["conv1"](x)))
        if not self.small:
            x = F.avg_pool2d(x, 4) if self.pool else F.max_pool2d(x, 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class Product(nn.Module):
    def forward(self, a, b):
        return a @ b


class Prompted(nn.Module):
    """diffusers' own network. Weights of half precision are kept so and computed with in float32 (diffusers' layerwise casting):
    processors without float16 are no faster in it. Without cast they are only stored so, for an exporter."""

    def __init__(self, model, side, half, cast):
        super().__init__()
        import diffusers

        with torch.device("meta"):
            net = diffusers.UNet2DConditionModel(sample_size=side, **loads.UNET[model])
        self.net = (net.half() if half else net).to_empty(device="cpu")
        for p in self.net.parameters():
            p.data.normal_(0, (p[0].numel() + 10) ** -0.5)
        if half and cast:
            self.net.enable_layerwise_casting(storage_dtype=torch.float16, compute_dtype=torch.float32)
            for m in self.net.modules():  # which casting leaves alone
                if isinstance(m, (nn.GroupNorm, nn.LayerNorm)):
                    m.float()

    def forward(self, x, t, context, text=None, sizes=None):
        added = {"text_embeds": text, "time_ids": sizes} if text is not None else None
        return self.net(x, t, context, added_cond_kwargs=added, return_dict=False)[0]


def network(load, cast=True):
    """The network of a load, with random weights; cast is that of Prompted."""
    torch.manual_seed(0)
    if load in loads.PROMPTED:
        return Prompted(*loads.PROMPTED[load], half=load.endswith("_half"), cast=cast)
    if load in loads.SAMPLING:
        return Step(DiT(**loads.DIT[loads.SAMPLING[load][0]]))
    if load in loads.AUTOENCODER:
        return (Encode if "encode" in load else Decode)(**loads.VAE)
    return {
        "convnet6_128_train_b32": lambda: ConvNet(6, 128, loads.IMAGE, loads.CLASSES),
        "resnetap10_128_train_b32": lambda: ResNet([1, 1, 1, 1], 64, loads.CLASSES, pool=True),
        "resnet18_128_train_b32": lambda: ResNet([2, 2, 2, 2], 64, loads.CLASSES, pool=False),
    }.get(load, Product)()
