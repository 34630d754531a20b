"""An autoencoder and a denoiser together: pictures to latents and back, and a guided run of 50 steps."""

import json

import numpy as np
import torch
from diffusers import AutoencoderKL
from safetensors.torch import load_file

from case import Case, f32, half, i64, single, stream
from sampling import sample
from schedule import Chain, linear

RUN = {"respacing": "50", "lam": 0.1, "stop": 25, "cfg": 4.0}


def make(root, variant, seed, model_name, model):
    rng, size = stream(seed, "whole", variant), model.s["size"]
    case = Case(root, f"whole_{variant}", f"the networks of {model_name} and vae_{variant}; float64")
    folder = case.dir + f"/../vae_{variant}/"
    config = json.load(open(folder + "config.json"))
    vae = AutoencoderKL(**{k: v for k, v in config.items() if not k.startswith("_")}).double().eval()
    vae.load_state_dict({k: v.double() for k, v in load_file(folder + "weights.safetensors").items()})
    scale, pixels = config["scaling_factor"], size << (len(config["block_out_channels"]) - 1)
    image = rng.randint(0, 256, (2, 3, pixels, pixels))
    t, y = np.array([0, 321, 999]), np.array([1, model.s["classes"], 0])
    x = half(rng.standard_normal((3, 4, size, size)))
    inputs = {"z": single(rng.standard_normal((1, 4, size, size))), "mode": single(0.8 * rng.standard_normal((1, 4, size, size))),
              "noise_50": single(rng.standard_normal((50, 1, 4, size, size)))}
    with torch.no_grad():
        latent = vae.encode(torch.from_numpy(image / 127.5 - 1)).latent_dist.mean * scale
        back = vae.decode(latent / scale).sample
        out = model(torch.from_numpy(x), torch.from_numpy(t), torch.from_numpy(y))
        chain = Chain(linear(1000, 1e-4, 0.02), "50")
        final = sample(model, chain, inputs, 1, RUN)["x"][-1]
        rough = sample(model.float(), chain, inputs, 1, RUN)["x"][-1]
        model.double()
        decoded = vae.decode(torch.from_numpy(final) / scale).sample
    file = "check.safetensors"
    tensors = {"image_u8": image.astype(np.uint8), "latent_mean_scaled": f32(latent), "reconstruction": f32(back), "dit_x": f32(x), "dit_t": i64(t),
               "dit_y": i64(y), "dit_out": f32(out), "start": f32(inputs["z"]), "mode": f32(inputs["mode"]), "noise": f32(inputs["noise_50"]),
               "label": i64([1]), "final_latent": f32(final), "final_image": f32(decoded)}
    case.finish(model=model_name, autoencoder=f"vae_{variant}", files={file: case.tensors(file, tensors)},
                float32_vs_float64_at_the_end=np.abs(rough - final).max(),
                tolerance={"latent": 1e-4, "image": 3e-4, "dit_out": 1e-4, "final_latent": 1e-3})
