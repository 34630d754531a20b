"""The tiny autoencoder of diffusers (AutoencoderTiny, as TAESD), with made-up weights, in float64."""

import numpy as np
import torch
from diffusers import AutoencoderTiny

from case import FILE, Case, f16, f32, half, stream

SETTINGS = {"small": {"latent": 4, "size": 32}, "other": {"latent": 16, "size": 40}}


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "taesd", variant)
    case = Case(root, f"taesd_{variant}", "AutoencoderTiny of diffusers; float64")
    config = {
        "_class_name": "AutoencoderTiny", "in_channels": 3, "out_channels": 3, "act_fn": "relu", "latent_channels": s["latent"],
        "encoder_block_out_channels": [8] * 4, "decoder_block_out_channels": [8] * 4, "num_encoder_blocks": [1, 3, 3, 3],
        "num_decoder_blocks": [3, 3, 3, 1], "latent_magnitude": 3, "latent_shift": 0.5, "scaling_factor": 1.0,
        "upsampling_scaling_factor": 2, "force_upcast": False,
    }
    case.json("config.json", config)
    model = AutoencoderTiny(**{k: v for k, v in config.items() if not k.startswith("_")}).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            x = rng.standard_normal(tuple(p.shape))
            p.copy_(torch.from_numpy(half(x / np.sqrt(p[0].numel()) if p.dim() > 1 else 0.1 * x)))
        image = half(rng.uniform(-1, 1, (2, 3, s["size"], s["size"])))
        latent = half(1.5 * rng.standard_normal((2, s["latent"], s["size"] // 8, s["size"] // 8)))
        encoded = model.encode(torch.from_numpy(image)).latents
        decoded = model.decode(torch.from_numpy(latent)).sample
    files = {
        "weights.safetensors": case.tensors("weights.safetensors", {k: f16(v) for k, v in model.state_dict().items()}),
        FILE: case.tensors(FILE, {"image": f16(image), "latent": f16(latent), "encoded": f32(encoded), "decoded": f32(decoded)}),
    }
    case.finish(files=files, tolerance={"encoded": 1e-4, "decoded": 3e-4})
