#!/usr/bin/env python3
"""The training steps of train/bench_test.go in PyTorch: the same networks, batches, losses, clipping, AdamW and running means.
Prints one line for each: name, images per second. Needs torch and numpy.

Usage: train_torch.py [--threads 2] [--seconds 10]
"""
import argparse, math, time
import torch, torch.nn as nn, torch.nn.functional as F

GROUPS = 8


class Res(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.n1, self.c1 = nn.GroupNorm(GROUPS, i, 1e-6), nn.Conv2d(i, o, 3, padding=1)
        self.n2, self.c2 = nn.GroupNorm(GROUPS, o, 1e-6), nn.Conv2d(o, o, 3, padding=1)
        self.skip = nn.Conv2d(i, o, 1) if i != o else nn.Identity()

    def forward(self, x):
        return self.skip(x) + self.c2(F.silu(self.n2(self.c1(F.silu(self.n1(x))))))


class Down(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = nn.Conv2d(c, c, 3, 2)

    def forward(self, x):
        return self.c(F.pad(x, (0, 1, 0, 1)))


class Autoencoder(nn.Module):
    """AutoencoderKL with widths 32, 32, 64, one layer, four channels of latents, no attention."""

    def __init__(self, widths=(32, 32, 64), z=4):
        super().__init__()
        c, last = widths[0], widths[-1]
        e = [nn.Conv2d(3, c, 3, padding=1)]
        for i, w in enumerate(widths):
            e += [Res(c, w)] + ([Down(w)] if i < len(widths) - 1 else [])
            c = w
        e += [Res(c, c), Res(c, c), nn.GroupNorm(GROUPS, c, 1e-6), nn.SiLU(), nn.Conv2d(c, 2 * z, 3, padding=1), nn.Conv2d(2 * z, 2 * z, 1)]
        d = [nn.Conv2d(z, z, 1), nn.Conv2d(z, last, 3, padding=1), Res(last, last), Res(last, last)]
        c = last
        for i, w in enumerate(reversed(widths)):
            d += [Res(c, w), Res(w, w)]
            if i < len(widths) - 1:
                d += [nn.Upsample(scale_factor=2.0), nn.Conv2d(w, w, 3, padding=1)]
            c = w
        d += [nn.GroupNorm(GROUPS, c, 1e-6), nn.SiLU(), nn.Conv2d(c, 3, 3, padding=1)]
        self.encoder, self.decoder = nn.Sequential(*e), nn.Sequential(*d)

    def loss(self, x, zeta):
        mean, logvar = self.encoder(x).chunk(2, 1)
        logvar = logvar.clamp(-30, 20)
        d = x - self.decoder(mean + torch.exp(0.5 * logvar) * zeta)
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).mean()
        return d.abs().mean() + 1e-4 * kl + 0.5 * (d.diff(dim=2).abs().mean() + d.diff(dim=3).abs().mean())

    def batch(self, b=16):
        return torch.rand(b, 3, 32, 32) * 2 - 1, torch.randn(b, 4, 8, 8)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.ada = nn.Linear(d, 6 * d)

    def forward(self, x, c):
        b, n, d = x.shape
        s1, g1, a1, s2, g2, a2 = self.ada(c).unsqueeze(1).chunk(6, -1)
        h = F.layer_norm(x, (d,), eps=1e-6) * (1 + g1) + s1
        q, k, v = self.qkv(h).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-1, -2) / math.sqrt(d // self.heads)).softmax(-1)
        x = x + a1 * self.proj((p @ v).transpose(1, 2).reshape(b, n, d))
        h = F.layer_norm(x, (d,), eps=1e-6) * (1 + g2) + s2
        return x + a2 * self.fc2(F.gelu(self.fc1(h), approximate="tanh"))


class DiT(nn.Module):
    """DiT with width 192, six blocks of six heads, patches of 2, on latents of 4 × 8 × 8."""

    def __init__(self, size=8, ch=4, patch=2, d=192, depth=6, heads=6, classes=10):
        super().__init__()
        self.size, self.ch, self.patch, self.d = size, ch, patch, d
        self.embed = nn.Conv2d(ch, d, patch, patch)
        self.register_buffer("pos", torch.randn(1, (size // patch) ** 2, d))
        self.t1, self.t2 = nn.Linear(256, d), nn.Linear(d, d)
        self.y = nn.Embedding(classes + 1, d)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(depth))
        self.ada, self.out = nn.Linear(d, 2 * d), nn.Linear(d, patch * patch * 2 * ch)
        betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
        ab = torch.cumprod(1 - betas, 0)
        prev = torch.cat([torch.ones(1, dtype=torch.float64), ab[:-1]])
        variance = betas * (1 - prev) / (1 - ab)
        variance[0] = variance[1]
        mean = betas / ((1 - betas) * (1 - ab)).sqrt()
        self.register_buffer("coef", torch.stack([ab.sqrt(), (1 - ab).sqrt(), variance.log(), betas.log(), mean], 1).float())

    def forward(self, x, t, y):
        f = torch.exp(-math.log(10000) * torch.arange(128) / 128)
        a = t[:, None].float() * f
        c = F.silu(self.t2(F.silu(self.t1(torch.cat([a.cos(), a.sin()], -1)))) + self.y(y))
        h = self.embed(x).flatten(2).transpose(1, 2) + self.pos
        for block in self.blocks:
            h = block(h, c)
        s, g = self.ada(c).unsqueeze(1).chunk(2, -1)
        h = self.out(F.layer_norm(h, (self.d,), eps=1e-6) * (1 + g) + s)
        n, p = self.size // self.patch, self.patch
        h = h.reshape(-1, n, n, p, p, 2 * self.ch)
        return torch.einsum("nhwpqc->nchpwq", h).reshape(-1, 2 * self.ch, n * p, n * p)

    def loss(self, x0, eps, t, y):
        signal, noise, lo, hi, mean = self.coef[t].reshape(-1, 5, 1, 1, 1).unbind(1)
        out, v = self(signal * x0 + noise * eps, t, y).chunk(2, 1)
        wrong = out - eps
        logvar = lo + (v + 1) / 2 * (hi - lo)
        kl = 0.5 * (logvar - lo - 1 + torch.exp(lo - logvar) + (mean * wrong.detach()) ** 2 * torch.exp(-logvar)) / math.log(2)
        return (wrong**2).mean() + kl.mean()

    def batch(self, b=64):
        x = torch.randn(b, self.ch, self.size, self.size)
        return x, torch.randn_like(x), torch.randint(1000, (b,)), torch.randint(11, (b,))


def measure(net, seconds, precision):
    parameters = list(net.parameters())
    means = [p.detach().clone() for p in parameters]
    adam = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0)

    def step():
        batch = net.batch()
        adam.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
            loss = net.loss(*batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        adam.step()
        with torch.no_grad():
            torch._foreach_mul_(means, 0.999)
            torch._foreach_add_(means, parameters, alpha=0.001)
        return len(batch[0])

    for _ in range(3):
        step()
    images, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        images += step()
    return images / (time.perf_counter() - start)


def blas():
    """The libraries that multiply matrices, of a torch that does not have its own: the reference ones are many times as slow."""
    try:
        with open("/proc/self/maps") as maps:
            return sorted({line.split()[-1] for line in maps if "blas" in line.split()[-1]})
    except OSError:
        return []


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("--threads", type=int, default=2)
    a.add_argument("--seconds", type=float, default=10)
    a.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    a = a.parse_args()
    torch.set_num_threads(a.threads)
    print(f"torch {torch.__version__}, BLAS: {', '.join(blas()) or 'its own'}")
    for net in (Autoencoder(), DiT()):
        name = type(net).__name__
        n = sum(p.numel() for p in net.parameters())
        print(f"torch {name}: {measure(net, a.seconds, a.precision):.1f} images/s, {n} parameters", flush=True)
