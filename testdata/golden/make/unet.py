"""The denoiser of diffusers (UNet2DConditionModel) in four small configurations, with made-up weights, run in float64."""

import numpy as np
import torch
from diffusers import UNet2DConditionModel

from case import FILE, Case, f16, f32, half, stream
from vae import fill

DOWN, UP = ("DownBlock2D", "CrossAttnDownBlock2D"), ("UpBlock2D", "CrossAttnUpBlock2D")


def blocks(*attention):
    """The kinds of blocks, full resolution first: with cross-attention or without."""
    return {"down_block_types": [DOWN[a] for a in attention], "up_block_types": [UP[a] for a in reversed(attention)]}


# Sizes of latents are odd in places: on the way down they are halved and rounded up, on the way up cut.
SETTINGS = {
    "small": {
        "sd1": ({**blocks(1, 1, 0), "block_out_channels": [8, 16, 16], "layers_per_block": 1, "attention_head_dim": 2,
                 "cross_attention_dim": 12, "norm_num_groups": 4}, (2, 7, 10), 5),
        "sd2": ({**blocks(1, 1, 0), "block_out_channels": [8, 16, 16], "layers_per_block": 1, "attention_head_dim": [1, 2, 4],
                 "cross_attention_dim": 10, "norm_num_groups": 4, "use_linear_projection": True, "upcast_attention": True}, (2, 8, 8), 5),
        "sdxl": ({**blocks(0, 1, 1), "block_out_channels": [8, 8, 16], "layers_per_block": 1, "attention_head_dim": [1, 2, 4],
                  "cross_attention_dim": 14, "norm_num_groups": 4, "use_linear_projection": True, "transformer_layers_per_block": [1, 2, 3],
                  "addition_embed_type": "text_time", "addition_time_embed_dim": 6, "projection_class_embeddings_input_dim": 6 * 6 + 5}, (2, 8, 8), 7),
        "ldm": ({**blocks(0, 1, 1, 1), "block_out_channels": [8, 8, 16, 16], "layers_per_block": 1, "attention_head_dim": 1, "in_channels": 3,
                 "out_channels": 3, "cross_attention_dim": 6, "norm_num_groups": 4}, (2, 8, 8), 1),
    },
    "other": {
        "sd1": ({**blocks(0, 1), "block_out_channels": [12, 24], "layers_per_block": [2, 1], "attention_head_dim": 3, "cross_attention_dim": 9,
                 "norm_num_groups": 6, "flip_sin_to_cos": False, "freq_shift": 1, "norm_eps": 1e-4, "mid_block_type": None}, (3, 6, 5), 4),
        "sd2": ({**blocks(1, 0), "block_out_channels": [16, 32], "layers_per_block": 2, "attention_head_dim": [2, 4], "cross_attention_dim": 8,
                 "norm_num_groups": 8, "use_linear_projection": True}, (1, 4, 12), 6),
        "sdxl": ({**blocks(1, 1), "block_out_channels": [8, 24], "layers_per_block": 2, "attention_head_dim": [2, 3], "cross_attention_dim": 16,
                  "norm_num_groups": 2, "use_linear_projection": True, "transformer_layers_per_block": [2, 1],
                  "addition_embed_type": "text_time", "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 6 * 8 + 9}, (3, 5, 5), 3),
        "ldm": ({**blocks(1, 1), "block_out_channels": [16, 16], "layers_per_block": 1, "attention_head_dim": 1, "in_channels": 3,
                 "out_channels": 3, "cross_attention_dim": 7, "norm_num_groups": 4}, (4, 8, 4), 1),
    },
}


def watch(model, mid):
    """Keeps the first row's values inside the network."""
    def keep(name):
        def hook(module, inputs, output):
            output = output[0] if isinstance(output, tuple) else output
            mid["mid/" + name] = f32(output[:1].detach())
        return hook

    model.time_proj.register_forward_hook(keep("time_proj"))
    model.time_embedding.register_forward_hook(keep("time_emb"))
    model.conv_in.register_forward_hook(keep("conv_in"))
    if model.mid_block is not None:
        model.mid_block.register_forward_hook(keep("mid"))
    for way, levels in (("down", model.down_blocks), ("up", model.up_blocks)):
        for i, block in enumerate(levels):
            block.register_forward_hook(keep(f"{way}{i}"))


def make(root, variant, seed):
    for kind, (config, (n, height, width), tokens) in SETTINGS[variant].items():
        make_one(root, variant, seed, kind, {"sample_size": height, **config}, (n, height, width), tokens)


def make_one(root, variant, seed, kind, config, size, tokens):
    case = Case(root, f"unet_{variant}_{kind}", "UNet2DConditionModel of diffusers; float64")
    rng, (n, height, width) = stream(seed, "unet", variant, kind), size
    model = UNet2DConditionModel(**config).double().eval()
    fill(model, rng)
    case.json("config.json", {"_class_name": "UNet2DConditionModel", **{k: v for k, v in model.config.items() if not k.startswith("_")}})
    x = half(rng.standard_normal((n, model.config.in_channels, height, width)))
    context = half(rng.standard_normal((n, tokens, config["cross_attention_dim"])))
    t = np.array([981.0, 1.0, 500.0, 333.0])[:n]
    inputs = {"x": f16(x), "t": f32(t), "context": f16(context)}
    added = {}
    if "addition_time_embed_dim" in config:
        text = half(rng.standard_normal((n, config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"])))
        sizes = np.array([[64, 80, 0, 0, 64, 64], [512, 384, 8, 16, 256, 256], [1024, 1024, 0, 256, 1024, 1024]], np.float64)[:n]
        inputs["added"] = f16(np.concatenate([text, sizes], 1))
        added = {"text_embeds": text, "time_ids": sizes}

    def run(dtype):
        as_type = lambda v: torch.from_numpy(v).to(dtype)  # noqa: E731
        with torch.no_grad():
            out = model.to(dtype)(as_type(x), as_type(t), as_type(context), added_cond_kwargs={k: as_type(v) for k, v in added.items()}).sample
        return out.double().numpy()

    rough, mid = run(torch.float32), {}
    watch(model, mid)
    out = run(torch.float64)
    files = {
        "weights.safetensors": case.tensors("weights.safetensors", {k: f16(v.numpy()) for k, v in model.state_dict().items()}),
        FILE: case.tensors(FILE, {**inputs, "out": f32(out), **mid}),
    }
    case.finish(files=files, float32_vs_float64=np.abs(rough - out).max(), tolerance={"out_max_abs": 1e-4, "mid_max_abs": 1e-4})
