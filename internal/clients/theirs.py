"""Writes what other libraries write into the folder given, for mgd3 to read, and what must be found there.

want.safetensors    CLASS/N: the pixels of the sets, uint8 [H, W, 3]; the networks' inputs and outputs
state.safetensors   the tensors of all state.* files
"""

import os
import sys

import datasets
import diffusers
import numpy as np
import safetensors.torch
import timm
import torch
import torchvision
import webdataset
from PIL import Image

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(7)
torch.manual_seed(7)
want = {}


def at(*names):
    path = os.path.join(out, *names)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


# Sets: six images, labels not in the order of the names.
classes = ["owl", "cat", "dog"]
rows = []
for label, name in enumerate(classes):
    for i in range(2):
        pixels = rng.integers(0, 256, (12 + label, 16 + i, 3), dtype=np.uint8)
        want[f"{name}/{i}"] = torch.from_numpy(pixels)
        rows.append((Image.fromarray(pixels), label))

features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=classes)})
table = datasets.Dataset.from_dict({"image": [r[0] for r in rows], "label": [r[1] for r in rows]}, features=features)
table.to_parquet(at("parquet", "train-00000-of-00001.parquet"))
for i in range(2):
    table.shard(2, i).to_parquet(at("parquet2", f"train-{i:05d}-of-00002.parquet"))

os.makedirs(at("webdataset", ""), exist_ok=True)
with webdataset.ShardWriter(at("webdataset", "train-%06d.tar"), maxcount=4, verbose=0) as sink:
    for i, (image, label) in enumerate(rows):
        sink.write({"__key__": f"{i:06d}", "png": image, "cls": label})
with open(at("webdataset", "classes.txt"), "w") as f:
    f.write("\n".join(classes) + "\n")

# Tensors: every way to save them.
base = torch.randn(6, 4)
state = {
    "f32": torch.randn(3, 5),
    "f16": torch.randn(4).half(),
    "bf16": torch.randn(2, 2).bfloat16(),
    "i64": torch.tensor([1, -2, 1 << 40]),
    "scalar": torch.tensor(1.5),
    "empty": torch.zeros(0, 3),
    "turned": base.t(),
    "part": base[1:3],
    "parameter": torch.nn.Parameter(torch.randn(2, 3)),
}
safetensors.torch.save_file({k: v.detach().clone().contiguous() for k, v in state.items()}, at("state.safetensors"))
torch.save(state, at("state.pt"))
torch.save(state, at("state.old.pth"), _use_new_zipfile_serialization=False)
torch.save(state, at("state.4.pt"), pickle_protocol=4)
torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}, "best_acc1": 0.5}, at("state.module.pth.tar"))

# Networks, and what they make of an input.
with torch.no_grad():
    vae = diffusers.AutoencoderKL(
        in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 3, up_block_types=["UpDecoderBlock2D"] * 3,
        block_out_channels=[16, 16, 32], layers_per_block=1, latent_channels=4, norm_num_groups=8, sample_size=32, scaling_factor=0.5).eval()
    vae.save_pretrained(at("vae"))
    vae.save_pretrained(at("vae.bin"), safe_serialization=False)
    vae.save_pretrained(at("vae.shards"), max_shard_size="100KB")
    image = torch.rand(2, 3, 32, 32) * 2 - 1
    mean = vae.encode(image).latent_dist.mean
    want |= {"vae.image": image, "vae.mean": mean * 0.5, "vae.decoded": vae.decode(mean).sample}

    for name, net in {"torchvision": torchvision.models.resnet18(num_classes=3), "timm": timm.create_model("resnet18", num_classes=3)}.items():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
        net.eval()
        image = torch.randn(2, 3, 64, 64)
        want |= {f"{name}.image": image, f"{name}.logits": net(image)}
        torch.save(net.state_dict(), at(f"{name}.pth"))
        safetensors.torch.save_file(net.state_dict(), at(f"{name}.safetensors"))

    dit = diffusers.DiTTransformer2DModel(
        num_attention_heads=2, attention_head_dim=16, in_channels=4, out_channels=8, num_layers=2, sample_size=8, patch_size=2,
        num_embeds_ada_norm=3, norm_elementwise_affine=False, norm_type="ada_norm_zero", activation_fn="gelu-approximate")
    first = dit.transformer_blocks[0].norm1.emb.state_dict()
    for block in dit.transformer_blocks:  # as in the published ones, which have one embedder
        block.norm1.emb.load_state_dict(first)
    dit.save_pretrained(at("transformer"))
    for block in dit.transformer_blocks:  # to compute what the DiT programs do with the weights, see docs/method.md
        block.norm1.emb.time_proj.downscale_freq_shift, block.norm3.eps = 0, 1e-6
    want |= {"dit.x": torch.randn(2, 4, 8, 8), "dit.t": torch.tensor([999.0, 17.0]), "dit.y": torch.tensor([1, 3])}
    want["dit.out"] = dit.eval()(want["dit.x"], timestep=want["dit.t"].long(), class_labels=want["dit.y"]).sample

safetensors.torch.save_file({k: v.detach().clone().contiguous() for k, v in want.items()}, at("want.safetensors"))
