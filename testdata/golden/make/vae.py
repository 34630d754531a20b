"""The autoencoder of diffusers (AutoencoderKL), with made-up weights, run in float64."""

import numpy as np
import torch
from diffusers import AutoencoderKL

from case import FILE, Case, f16, f32, half, stream

SETTINGS = {
    "small": {"channels": [16, 32], "layers": 1, "groups": 16, "image": (2, 16, 16)},
    "other": {"channels": [24, 48, 48], "layers": 2, "groups": 6, "image": (3, 24, 40)},
}
OLD = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def fill(model, rng):
    """Weights that keep values at about 1, exact in float16; norms near 1, biases near 0."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            x = rng.standard_normal(tuple(p.shape))
            if p.dim() > 1:
                x /= np.sqrt(p[0].numel())
            else:
                x = 0.1 * x + (1 if "norm" in name and name.endswith("weight") else 0)
            p.copy_(torch.from_numpy(half(x)))


def watch(model, mid):
    """Keeps the first image's values inside the network: of most the first two channels."""
    def keep(name, whole=False):
        def hook(module, inputs, output):
            x = output[:1].detach() if whole else output[:1, :2].detach()
            mid.setdefault("mid/" + name + ("" if whole else "_first2ch"), f32(x))  # the first call counts
        return hook

    enc, dec = model.encoder, model.decoder
    enc.conv_in.register_forward_hook(keep("enc_conv_in"))
    for i, block in enumerate(enc.down_blocks):
        block.register_forward_hook(keep(f"enc_down{i}", whole=i == 0))
    enc.mid_block.register_forward_hook(keep("enc_mid"))
    model.quant_conv.register_forward_hook(keep("moments", whole=True))
    dec.conv_in.register_forward_hook(keep("dec_conv_in"))
    dec.mid_block.register_forward_hook(keep("dec_mid"))
    for i, block in enumerate(dec.up_blocks[:-1]):
        block.register_forward_hook(keep(f"dec_up{i}"))


def make(root, variant, seed):
    s = SETTINGS[variant]
    case, rng = Case(root, f"vae_{variant}", "AutoencoderKL of diffusers; float64"), stream(seed, "vae", variant)
    levels = len(s["channels"])
    config = {
        "_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "act_fn": "silu",
        "down_block_types": ["DownEncoderBlock2D"] * levels, "up_block_types": ["UpDecoderBlock2D"] * levels,
        "scaling_factor": 0.18215, "block_out_channels": s["channels"], "latent_channels": 4,
        "norm_num_groups": s["groups"], "layers_per_block": s["layers"], "sample_size": s["image"][1],
    }
    case.json("config.json", config)
    model = AutoencoderKL(**{k: v for k, v in config.items() if not k.startswith("_")}).double().eval()
    fill(model, rng)
    n, height, width = s["image"]
    small = (n, 4, height >> (levels - 1), width >> (levels - 1))
    image, noise = half(rng.uniform(-1, 1, (n, 3, height, width))), half(rng.standard_normal(small))
    latent = half(rng.standard_normal(small))

    def run(dtype):
        as_type = [torch.from_numpy(x).to(dtype) for x in (image, latent)]
        with torch.no_grad():
            posterior = model.to(dtype).encode(as_type[0]).latent_dist
            decoded = model.decode(as_type[1]).sample
            rebuilt = model.decode(posterior.mean).sample
        return {k: v.double().numpy() for k, v in {
            "mean": posterior.mean, "logvar": posterior.logvar, "std": posterior.std, "decoded": decoded, "reconstruction": rebuilt}.items()}

    rough, mid = run(torch.float32), {}
    watch(model, mid)
    out = run(torch.float64)
    out["sample"] = out["mean"] + out["std"] * noise
    probe = model.encoder.mid_block.attentions[0]
    with torch.no_grad():
        middle = []
        handle = model.encoder.mid_block.register_forward_hook(lambda m, i, o: middle.append(o))
        model.encode(torch.from_numpy(image[:1]))
        handle.remove()
        mid["mid/attn_probe_in_first2ch"] = f32(middle[0][:, :2])
        mid["mid/attn_probe_out_first2ch"] = f32(probe(middle[0])[:, :2])
    weights = {k: v.numpy() for k, v in model.state_dict().items()}
    old = {}
    for k, v in weights.items():
        if "attentions" in k:
            for new, name in OLD.items():
                k = k.replace(f".{new}.", f".{name}.")
            old[k] = f16(v)
    files = {
        "weights.safetensors": case.tensors("weights.safetensors", {k: f16(v) for k, v in weights.items()}),
        "weights_attention_old_names.safetensors": case.tensors("weights_attention_old_names.safetensors", old),
        FILE: case.tensors(FILE, {"image": f16(image), "noise": f16(noise), "latent": f16(latent), **{k: f32(v) for k, v in out.items()}, **mid}),
    }
    case.finish(
        files=files, float32_vs_float64={k: np.abs(rough[k] - out[k]).max() for k in rough},
        tolerance={"mean_max_abs": 1e-4, "logvar_max_abs": 1e-4, "decoded_max_abs": 3e-4, "mid_max_abs": 3e-4},
    )
