"""The autoencoder with a codebook of diffusers (VQModel), with made-up weights, run in float64."""

import numpy as np
import torch
from diffusers import VQModel

from case import FILE, Case, f16, f32, half, stream
from vae import fill

SETTINGS = {
    "small": {"channels": [8, 16], "layers": 1, "groups": 4, "latent": 3, "embed": 3, "codes": 1500, "scaling": 1.0, "image": (2, 12, 16)},
    "other": {"channels": [12, 12, 24], "layers": 2, "groups": 6, "latent": 4, "embed": 2, "codes": 37, "scaling": 0.5, "image": (1, 16, 24)},
}


def make(root, variant, seed):
    s = SETTINGS[variant]
    case, rng = Case(root, f"vq_{variant}", "VQModel of diffusers; float64"), stream(seed, "vq", variant)
    levels = len(s["channels"])
    model = VQModel(
        down_block_types=["DownEncoderBlock2D"] * levels, up_block_types=["UpDecoderBlock2D"] * levels, block_out_channels=s["channels"],
        layers_per_block=s["layers"], latent_channels=s["latent"], sample_size=s["image"][1], num_vq_embeddings=s["codes"],
        norm_num_groups=s["groups"], vq_embed_dim=s["embed"], scaling_factor=s["scaling"]).double().eval()
    fill(model, rng)
    case.json("config.json", {"_class_name": "VQModel", **{k: v for k, v in model.config.items() if not k.startswith("_")}})
    n, height, width = s["image"]
    book = model.quantize.embedding.weight.detach()
    book.copy_(torch.from_numpy(half(rng.standard_normal(tuple(book.shape)))))
    image = half(rng.uniform(-1, 1, (n, 3, height, width)))

    def nearest(z):
        """The two least distances of every cell's latent to the codebook."""
        rows = torch.from_numpy(z).permute(0, 2, 3, 1).reshape(-1, 1, s["embed"])
        return (rows - book).norm(dim=-1).topk(2, largest=False).values

    while True:  # no cell lies where rounding decides between two entries
        latent = half(1.2 * rng.standard_normal((n, s["embed"], height >> (levels - 1), width >> (levels - 1))))
        two = nearest(latent)
        margin = (two[:, 1] - two[:, 0]).min().item()
        if margin > 1e-4:
            break
    mid = {}
    model.post_quant_conv.register_forward_hook(lambda m, i, o: mid.update({"quantized": f32(i[0].detach())}))
    model.decoder.mid_block.register_forward_hook(lambda m, i, o: mid.update({"dec_mid": f32(o.detach())}))

    def run(dtype):
        with torch.no_grad():
            encoded = model.to(dtype).encode(torch.from_numpy(image).to(dtype)).latents
            decoded = model.decode(torch.from_numpy(latent).to(dtype)).sample
        return {"encoded": encoded.double().numpy(), "decoded": decoded.double().numpy()}

    rough, out = run(torch.float32), run(torch.float64)
    files = {
        "weights.safetensors": case.tensors("weights.safetensors", {k: f16(v.numpy()) for k, v in model.state_dict().items()}),
        FILE: case.tensors(FILE, {"image": f16(image), "latent": f16(latent), **{k: f32(v) for k, v in out.items()}, **mid}),
    }
    case.finish(
        files=files, float32_vs_float64={k: np.abs(rough[k] - out[k]).max() for k in rough}, codebook_margin=margin,
        tolerance={"encoded_max_abs": 1e-4, "decoded_max_abs": 3e-4, "mid_max_abs": 3e-4},
    )
