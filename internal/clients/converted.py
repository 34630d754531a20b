"""Holds the weights that "mgd3 convert" made of the files of theirs.py, in the folder given, against torch.load of those files."""

import os
import sys

import diffusers
import safetensors.torch
import torch

out = sys.argv[1]


def at(*names):
    return os.path.join(out, *names)


def same(name, got, want):
    off = [k for k in got.keys() | want.keys()
           if not (k in got and k in want and got[k].dtype == want[k].dtype and got[k].shape == want[k].shape and torch.equal(got[k], want[k]))]
    print("ok" if want and not off else "FAIL", name, f"{len(want)} tensors, {len(off)} of them differ: {sorted(off)[:5]}")


def load(name):
    return {k: v.detach() for k, v in torch.load(at(name), weights_only=True).items()}


for name in ["state.pt", "torchvision.pth"]:
    same(name, safetensors.torch.load_file(at(name.split(".")[0] + ".converted.safetensors")), load(name))
half = {k: v.half() if v.is_floating_point() else v for k, v in load("timm.pth").items()}
same("timm.pth, in half precision", safetensors.torch.load_file(at("timm.converted.safetensors")), half)

whole = torch.load(at("vae.bin", "diffusion_pytorch_model.bin"), weights_only=True)
parts = [safetensors.torch.load_file(at("vae.converted", f)) for f in os.listdir(at("vae.converted")) if f.endswith(".safetensors")]
same("vae.bin, in shards", {k: v for part in parts for k, v in part.items()}, whole)
vae, info = diffusers.AutoencoderKL.from_pretrained(at("vae.converted"), output_loading_info=True)
same("vae.bin, in shards, diffusers.AutoencoderKL", vae.state_dict() if not any(info.values()) else {}, whole)

dit, info = diffusers.DiTTransformer2DModel.from_pretrained(at("transformer.converted"), output_loading_info=True)
theirs = diffusers.DiTTransformer2DModel.from_pretrained(at("transformer"))
same("transformer, to the DiT programs' names and back", dit.state_dict() if not any(info.values()) else {}, theirs.state_dict())
