"""DiT (Peebles and Xie 2023), written from the paper under the names of its published weights, in float64."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from case import FILE, Case, f16, f32, half, i64, stream
from schedule import Chain, linear

SETTINGS = {
    "small": {"size": 8, "patch": 2, "hidden": 48, "heads": 3, "depth": 2, "classes": 5, "rows": 5},
    "other": {"size": 16, "patch": 4, "hidden": 64, "heads": 2, "depth": 3, "classes": 12, "rows": 4},
}
CHANNELS, FREQUENCIES, MID_ROWS = 4, 256, 2


def positions(hidden, side):
    """[1, side², hidden]: sines, then cosines of the column, then those of the row; row by row."""
    omega = 1 / 10000 ** (np.arange(hidden // 4) / (hidden / 4))

    def wave(at):
        angle = np.outer(at, omega)
        return np.concatenate([np.sin(angle), np.cos(angle)], 1)

    row, column = np.divmod(np.arange(side * side), side)
    return np.concatenate([wave(column), wave(row)], 1)[None]


def time_features(t):
    """[B, 256]: cosines, then sines. The frequencies and angles are rounded to float32 as published."""
    n = FREQUENCIES // 2
    exponent = np.float32(-math.log(10000)) * np.arange(n, dtype=np.float32) / np.float32(n)
    omega = np.exp(exponent.astype(np.float64)).astype(np.float32)
    angle = torch.from_numpy((t.numpy().astype(np.float32)[:, None] * omega).astype(np.float64))
    return torch.cat([torch.cos(angle), torch.sin(angle)], 1)


class Embedder(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(FREQUENCIES, hidden), nn.SiLU(), nn.Linear(hidden, hidden))


class Patches(nn.Module):
    def __init__(self, hidden, patch):
        super().__init__()
        self.proj = nn.Conv2d(CHANNELS, hidden, patch, patch)


class Table(nn.Module):
    def __init__(self, classes, hidden):
        super().__init__()
        self.embedding_table = nn.Embedding(classes + 1, hidden)  # the last row is "no class"


class Attention(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.heads, self.qkv, self.proj = heads, nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)

    def forward(self, x):
        b, n, d = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weight = torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(d // self.heads), -1)
        return self.proj((weight @ v).transpose(1, 2).reshape(b, n, d))


class MLP(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x), approximate="tanh"))


def modulate(x, shift, scale):
    return F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + scale[:, None]) + shift[:, None]


def modulation(hidden, n):
    return nn.Sequential(nn.SiLU(), nn.Linear(hidden, n * hidden))


class Block(nn.Module):
    def __init__(self, hidden, heads):
        super().__init__()
        self.attn, self.mlp = Attention(hidden, heads), MLP(hidden)
        self.adaLN_modulation = modulation(hidden, 6)

    def forward(self, x, c):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.adaLN_modulation(c).chunk(6, 1)
        x = x + gate1[:, None] * self.attn(modulate(x, shift1, scale1))
        return x + gate2[:, None] * self.mlp(modulate(x, shift2, scale2))


class Final(nn.Module):
    def __init__(self, hidden, out):
        super().__init__()
        self.linear, self.adaLN_modulation = nn.Linear(hidden, out), modulation(hidden, 2)

    def forward(self, x, c):
        return self.linear(modulate(x, *self.adaLN_modulation(c).chunk(2, 1)))


class DiT(nn.Module):
    """x [B, 4, S, S], t [B] and y [B] give [B, 8, S, S]: the noise, then the logits of its variance."""

    def __init__(self, s):
        super().__init__()
        self.s, side = s, s["size"] // s["patch"]
        self.x_embedder, self.t_embedder = Patches(s["hidden"], s["patch"]), Embedder(s["hidden"])
        self.y_embedder = Table(s["classes"], s["hidden"])
        self.blocks = nn.ModuleList(Block(s["hidden"], s["heads"]) for _ in range(s["depth"]))
        self.final_layer = Final(s["hidden"], s["patch"] ** 2 * 2 * CHANNELS)
        table = torch.from_numpy(positions(s["hidden"], side)).float()
        self.pos_embed = nn.Parameter(table, requires_grad=False)

    def forward(self, x, t, y, see=lambda name, value: None):
        freq = time_features(t).to(x.dtype)
        emb = self.t_embedder.mlp(freq)
        c = emb + self.y_embedder.embedding_table(y)
        h = self.x_embedder.proj(x).flatten(2).transpose(1, 2) + self.pos_embed
        for name, value in {"t_freq": freq, "t_emb": emb, "c": c, "tokens": h}.items():
            see(name, value)
        for i, block in enumerate(self.blocks):
            h = block(h, c)
            see(f"block{i}", h)
        h = self.final_layer(h, c)
        see("final_tokens", h)
        side, p = self.s["size"] // self.s["patch"], self.s["patch"]
        h = h.view(len(x), side, side, p, p, 2 * CHANNELS).permute(0, 5, 1, 3, 2, 4)
        return h.reshape(len(x), 2 * CHANNELS, side * p, side * p)


def latents(s, rng, labels):
    """Made-up latents: waves whose length and phase the class decides, and noise."""
    at = np.arange(s["size"]) / s["size"]
    out = []
    for y in labels:
        wave = [np.sin(2 * np.pi * (1 + y % 3) * at[:, None] + ch + y) + np.cos(2 * np.pi * (1 + y % 2) * at + ch - y)
                for ch in range(CHANNELS)]
        out.append(0.7 * np.stack(wave) + 0.3 * rng.standard_normal((CHANNELS, s["size"], s["size"])))
    return np.stack(out)


def trained(s, variant, seed, steps=300, batch=16):
    """A model that was trained for a moment, so that sampling stays in range; its weights are exact in float16."""
    rng, model = stream(seed, "dit", variant, "weights"), DiT(s).double()
    with torch.no_grad():
        for name, p in model.named_parameters():
            if name == "pos_embed":
                continue
            scale = 0.05 if p.dim() < 2 else 1 / math.sqrt(p[0].numel()) if "embedding_table" not in name else 0.5
            if "adaLN" in name:
                scale *= 0.5
            p.copy_(torch.from_numpy(scale * rng.standard_normal(tuple(p.shape))))
    chain, rng = Chain(linear(1000, 1e-4, 0.02), ""), stream(seed, "dit", variant, "training")
    adam = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    for step in range(steps):
        labels = rng.randint(0, s["classes"], batch)
        x0, eps = latents(s, rng, labels), rng.standard_normal((batch, CHANNELS, s["size"], s["size"]))
        t = rng.randint(0, 1000, batch)
        bar = chain.bar[t].reshape(-1, 1, 1, 1)
        seen = np.where(rng.uniform(size=batch) < 0.1, s["classes"], labels)
        out = model(torch.from_numpy(np.sqrt(bar) * x0 + np.sqrt(1 - bar) * eps), torch.from_numpy(t), torch.from_numpy(seen))
        loss = F.mse_loss(out[:, :CHANNELS], torch.from_numpy(eps)) + 0.01 * (out[:, CHANNELS:] ** 2).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.from_numpy(half(p)) if p.requires_grad else p)
    print(f"  dit_{variant}: trained to a loss of {loss:.3f}")
    return model.eval()


def to_diffusers(model):
    """The weights under the names of diffusers: q, k and v apart, both embedders in every block."""
    w, out = {n: p.detach().numpy() for n, p in model.state_dict().items()}, {}
    both = ("weight", "bias")
    for part in both:
        out["pos_embed.proj." + part] = w["x_embedder.proj." + part]
        out["proj_out_1." + part] = w["final_layer.adaLN_modulation.1." + part]
        out["proj_out_2." + part] = w["final_layer.linear." + part]
    for i in range(model.s["depth"]):
        here, there = f"blocks.{i}.", f"transformer_blocks.{i}."
        emb = there + "norm1.emb."
        out[emb + "class_embedder.embedding_table.weight"] = w["y_embedder.embedding_table.weight"]
        for part in both:
            out[emb + "timestep_embedder.linear_1." + part] = w["t_embedder.mlp.0." + part]
            out[emb + "timestep_embedder.linear_2." + part] = w["t_embedder.mlp.2." + part]
            out[there + "norm1.linear." + part] = w[here + "adaLN_modulation.1." + part]
            for name, x in zip("qkv", np.split(w[here + "attn.qkv." + part], 3)):
                out[f"{there}attn1.to_{name}.{part}"] = x
            out[there + "attn1.to_out.0." + part] = w[here + "attn.proj." + part]
            out[there + "ff.net.0.proj." + part] = w[here + "mlp.fc1." + part]
            out[there + "ff.net.2." + part] = w[here + "mlp.fc2." + part]
    return out


def check_diffusers(config, weights, model, x, y):
    """diffusers takes all these names, and at t = 0, where its other frequencies say nothing, gives the same."""
    from diffusers import DiTTransformer2DModel

    theirs = DiTTransformer2DModel(**{k: v for k, v in config.items() if not k.startswith("_")}).double().eval()
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()}, strict=True)
    for block in theirs.transformer_blocks:
        block.norm3.eps = 1e-6  # 1e-5 there, the other difference
    t = torch.zeros(len(x), dtype=torch.int64)
    with torch.no_grad():
        got = theirs(x, timestep=t, class_labels=y).sample
        off = (got - model(x, t, y)).abs().max().item()
    assert off < 1e-5, f"diffusers differs by {off}"
    return off


def make(root, variant, seed):
    """Makes the case and returns its name and model, which sampling uses."""
    s = SETTINGS[variant]
    case = Case(root, f"dit_{variant}", "the DiT paper (adaLN-Zero), under the names of its published weights; float64")
    model, rng = trained(s, variant, seed), stream(seed, "dit", variant, "inputs")
    rows = s["rows"]
    x = torch.from_numpy(half(rng.standard_normal((rows, CHANNELS, s["size"], s["size"]))))
    t = np.linspace(0, 999, rows).astype(np.int64)
    y = np.append(s["classes"], rng.randint(0, s["classes"], rows - 1))  # one of them is "no class"
    mid = {}
    with torch.no_grad():
        out = model(x, torch.from_numpy(t), torch.from_numpy(y), lambda name, v: mid.update({"mid/" + name: f32(v[:MID_ROWS])}))
        rough = model.float()(x.float(), torch.from_numpy(t), torch.from_numpy(y)).double()
        model.double()
    config = {
        "_class_name": "Transformer2DModel", "activation_fn": "gelu-approximate", "attention_bias": True,
        "attention_head_dim": s["hidden"] // s["heads"], "in_channels": CHANNELS, "out_channels": 2 * CHANNELS,
        "norm_elementwise_affine": False, "norm_type": "ada_norm_zero", "norm_eps": 1e-05,
        "num_attention_heads": s["heads"], "num_embeds_ada_norm": s["classes"], "num_layers": s["depth"],
        "patch_size": s["patch"], "sample_size": s["size"],
    }
    case.json("config_diffusers.json", config)
    diffusers = to_diffusers(model)
    off = check_diffusers(config, diffusers, model, x, torch.from_numpy(y))
    own = {n: f32(p.detach()) if n == "pos_embed" else f16(p.detach()) for n, p in model.state_dict().items()}
    files = {
        "weights_dit.safetensors": case.tensors("weights_dit.safetensors", own),
        "weights_diffusers.safetensors": case.tensors("weights_diffusers.safetensors", {n: f16(p) for n, p in diffusers.items()}),
        FILE: case.tensors(FILE, {"x": f32(x), "t": i64(t), "y": i64(y), "out": f32(out), **mid}),
    }
    case.finish(
        hyper={"input_size": s["size"], "patch_size": s["patch"], "in_channels": CHANNELS, "hidden_size": s["hidden"],
               "depth": s["depth"], "num_heads": s["heads"], "num_classes": s["classes"], "learn_sigma": True,
               "mlp_ratio": 4.0},
        files=files, float32_vs_float64=(rough - out).abs().max().item(), diffusers_at_t0_differs_by=off,
        tolerance={"out_max_abs": 1e-4, "mid_max_abs": 1e-4},
    )
    return f"dit_{variant}", model
