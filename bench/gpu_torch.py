#!/usr/bin/env python3
"""Sampling with DiT in PyTorch, beside "mgd3 bench"; bench/gpu.sh runs both. It has never been run on a GPU.

Random weights of the published shapes; --steps guided steps per image, classifier-free guidance of scale 4 on three channels, so two
rows per image and step. Prints one JSON object per load, with the fields of "mgd3 bench", for

  --as published   float32, products in TF32, attention in its three operations, one image at a time (--batch is ignored)
  --as bf16        everything in bfloat16 but the step, scaled_dot_product_attention, --batch images at a time

and with --peak first the product of two 8192×8192 matrices in bfloat16, eight times over. bf16 needs torch 2.

Usage: gpu_torch.py [--as bf16] [--batch 1,4,8] [--model xl2] [--steps 50] [--peak] [--repeat 3] [--device cuda] [--compile]
       gpu_torch.py --as published --steps 10 --device cpu --threads 2        (beside "mgd3 bench dit_xl2_10steps_b1")
"""
import argparse, json, math, time
import torch, torch.nn as nn, torch.nn.functional as F

# size of the latent, width, depth, heads, classes, GFLOP of one row once through the network (as internal/bench counts them)
MODELS = {"xl2": (32, 1152, 28, 16, 1000, 237.2428), "toy": (8, 64, 2, 4, 10, 0.003530752)}
CHANNELS, PATCH, CFG, LAMBDA = 4, 2, 4.0, 0.1


class Block(nn.Module):
    def __init__(self, d, heads, fused):
        super().__init__()
        self.heads, self.fused = heads, fused
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)
        self.ada = nn.Linear(d, 6 * d)

    def attention(self, h):
        b, n, d = h.shape
        q, k, v = self.qkv(h).reshape(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        if self.fused:
            a = F.scaled_dot_product_attention(q, k, v)
        else:
            a = (q * (d // self.heads) ** -0.5 @ k.transpose(-2, -1)).softmax(-1) @ v
        return self.proj(a.transpose(1, 2).reshape(b, n, d))

    def forward(self, h, c):
        d1, s1, a1, d2, s2, a2 = self.ada(c).unsqueeze(1).chunk(6, -1)
        h = h + a1 * self.attention(norm(h) * (1 + s1) + d1)
        z = self.fc1(norm(h) * (1 + s2) + d2)
        return h + a2 * self.fc2(F.gelu(z, approximate="tanh"))


def norm(h):
    return F.layer_norm(h, h.shape[-1:], eps=1e-6)


class DiT(nn.Module):
    def __init__(self, size, d, depth, heads, classes, fused):
        super().__init__()
        self.side, self.d = size // PATCH, d
        self.embed = nn.Linear(CHANNELS * PATCH * PATCH, d)
        self.positions = nn.Parameter(torch.randn(1, self.side**2, d))
        self.t1, self.t2 = nn.Linear(256, d), nn.Linear(d, d)
        self.labels = nn.Embedding(classes + 1, d)
        self.blocks = nn.ModuleList(Block(d, heads, fused) for _ in range(depth))
        self.ada, self.out = nn.Linear(d, 2 * d), nn.Linear(d, PATCH * PATCH * 2 * CHANNELS)

    def forward(self, x, t, y):
        dtype, n, p = self.embed.weight.dtype, self.side, PATCH
        angle = t[:, None] * torch.exp(-math.log(10000) * torch.arange(128, device=x.device) / 128)
        freq = torch.cat([angle.cos(), angle.sin()], -1).to(dtype)
        c = F.silu(self.t2(F.silu(self.t1(freq))) + self.labels(y))
        h = x.to(dtype).reshape(-1, CHANNELS, n, p, n, p).permute(0, 2, 4, 1, 3, 5).reshape(-1, n * n, CHANNELS * p * p)
        h = self.embed(h) + self.positions
        for block in self.blocks:
            h = block(h, c)
        d, s = self.ada(c).unsqueeze(1).chunk(2, -1)
        h = self.out(norm(h) * (1 + s) + d).reshape(-1, n, n, p, p, 2 * CHANNELS)
        return h.permute(0, 5, 1, 3, 2, 4).reshape(-1, 2 * CHANNELS, n * p, n * p)


def tables(steps):
    """The DDPM chain of 1000 steps, respaced to so many: timestep and the scalars of a step, last step first."""
    alpha_bar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64), 0)
    times = [round(i * 999 / (steps - 1)) for i in range(steps)]
    a = alpha_bar[times]
    before = torch.cat([torch.ones(1, dtype=torch.float64), a[:-1]])
    beta = 1 - a / before
    posterior = beta * (1 - before) / (1 - a)
    posterior[0] = posterior[1]
    for i in reversed(range(steps)):
        yield times[i], [float(v[i]) for v in (
            a.rsqrt(), (1 / a - 1).sqrt(), beta * before.sqrt() / (1 - a), (1 - before) * (beta.neg() + 1).sqrt() / (1 - a),
            posterior.log(), beta.log())] + [LAMBDA if i > steps // 2 else 0.0, 1.0 if i else 0.0]


@torch.no_grad()
def sample(net, size, classes, batch, device, steps):
    """Draws batch latents, and waits for them."""
    x = torch.randn(batch, CHANNELS, size, size, device=device)
    mode = torch.randn_like(x)
    y = torch.tensor([0] * batch + [classes] * batch, device=device)
    for t, (recip, recip1, c1, c2, low, high, guide, noisy) in tables(steps):
        out = net(torch.cat([x, x]), torch.full((2 * batch,), float(t), device=device), y).float()
        (cond, free), v = out[:, :CHANNELS].chunk(2), out[:batch, CHANNELS:]
        eps = torch.cat([free[:, :3] + CFG * (cond[:, :3] - free[:, :3]), cond[:, 3:]], 1)
        x0 = recip * x - recip1 * eps
        sigma = torch.exp(0.5 * (low + (v + 1) / 2 * (high - low)))
        x = c1 * x0 + c2 * x + sigma * (guide * (mode - x0) + noisy * torch.randn_like(x))
    return x.cpu()


def timed(run, repeat):
    run()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return sorted(times)[repeat // 2]


def show(load, batch, seconds, gflop, peak, **more):
    speed = gflop * batch / seconds
    line = {"load": load, "batch": batch, "seconds": round(seconds, 6), "per_item_s": round(seconds / batch, 7),
            "threads": torch.get_num_threads(), "torch": torch.__version__, "gflop_per_item": round(gflop, 3), "gflops": round(speed, 1)}
    if peak:
        line["peak_share"] = round(speed / peak, 3)
    print(json.dumps(line | more), flush=True)
    return speed


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--as", dest="kind", choices=["published", "bf16"], default="bf16")
    p.add_argument("--batch", default="1,4,8,16,32,64")
    p.add_argument("--model", choices=MODELS, default="xl2")
    p.add_argument("--steps", type=int, default=50)
    p.add_argument("--threads", type=int, help="of the processor")
    p.add_argument("--peak", action="store_true")
    p.add_argument("--repeat", type=int, default=3)
    p.add_argument("--device", default="cuda")
    p.add_argument("--compile", action="store_true")
    o = p.parse_args()
    torch.manual_seed(0)
    if o.threads:
        torch.set_num_threads(o.threads)
    published = o.kind == "published"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = published
    peak = 0
    if o.peak:
        n = 8192 if o.model == "xl2" else 64
        a, b = (torch.randn(n, n, device=o.device, dtype=torch.bfloat16) / n**0.5 for _ in range(2))

        def product():
            x = a
            for _ in range(8):
                x = x @ b
            return x.float().sum().item()

        peak = show(f"matmul_{n}_x8" + ("" if n == 8192 else "_toy"), 1, timed(product, o.repeat), 8 * 2 * n**3 / 1e9, 0, precision="bf16")
        del a, b
    size, d, depth, heads, classes, gflop = MODELS[o.model]
    net = DiT(size, d, depth, heads, classes, fused=not published).eval().to(o.device, torch.float32 if published else torch.bfloat16)
    if o.compile:
        net = torch.compile(net)
    for batch in [1] if published else [int(b) for b in o.batch.split(",")]:
        try:
            seconds = timed(lambda: sample(net, size, classes, batch, o.device, o.steps), o.repeat)
        except torch.cuda.OutOfMemoryError:
            print(json.dumps({"skipped": f"batch {batch}", "why": "out of memory"}), flush=True)
            break
        show(f"dit_{o.model}_{o.steps}steps_b{batch}", batch, seconds, 2 * o.steps * gflop, peak, precision="bf16" if not published else "tf32" if o.device != "cpu" else "float32")


if __name__ == "__main__":
    main()
