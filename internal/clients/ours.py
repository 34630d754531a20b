"""Opens what mgd3 wrote into the folder given with the libraries that users have, and says what is not as it must be.

A line "ok NAME what" for each thing that was opened, "FAIL NAME what" for each that differs.
"""

import json
import os
import sys
import zipfile

import datasets
import diffusers
import numpy as np
import safetensors.torch
import timm.data
import torch
import torchvision
import webdataset
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "..", "testdata", "golden", "make"))
out = sys.argv[1]
datasets.disable_progress_bars()


def at(*names):
    return os.path.join(out, *names)


def say(good, name, what):
    print("ok" if good else "FAIL", name, what)


def near(name, got, want, bound):
    worst = (got - want).abs().max().item()
    say(got.shape == want.shape and worst <= bound, name, f"worst difference {worst:.2g}, bound {bound:g}")


# The set itself, file by file: what every form of it must hold, under the class's name.
want = {}
for label in sorted(os.listdir(at("set", "images"))):
    for file in sorted(os.listdir(at("set", "images", label))):
        want[label, file] = np.asarray(Image.open(at("set", "images", label, file)).convert("RGB"))
order = [c["name"] for c in json.load(open(at("set", "manifest.json")))["classes"]]


def same(name, found):
    """found: pairs of a class's name and an image, in any order"""
    key = lambda label, pixels: (label, pixels.shape, pixels.tobytes())
    got = sorted(key(label, np.asarray(image.convert("RGB"))) for label, image in found)
    say(got == sorted(key(label, pixels) for (label, _), pixels in want.items()), name, f"{len(got)} images of {len({g[0] for g in got})} classes")


folder = torchvision.datasets.ImageFolder(at("folder", "images"))
same("torchvision.ImageFolder", ((folder.classes[y], x) for x, y in folder))

reader = timm.data.create_dataset("", root=at("folder", "images"), class_map="")
names = sorted(reader.reader.class_to_idx, key=reader.reader.class_to_idx.get)
same("timm.create_dataset", ((names[y], x) for x, y in reader))

for name, kind, files in [("parquet", "parquet", at("set.parquet")), ("imagefolder", "imagefolder", at("folder", "images", "**"))]:
    rows = datasets.load_dataset(kind, data_files=files, split="train", cache_dir=at("cache"))
    names = rows.features["label"].names
    same(f"datasets {name}", ((names[r["label"]], r["image"]) for r in rows))
    if name == "parquet":
        say(names == order, "datasets parquet", f"label names {names}")

zipfile.ZipFile(at("set.zip")).extractall(at("unzipped"))
unzipped = torchvision.datasets.ImageFolder(at("unzipped", "images"))
same("zip, unpacked, torchvision.ImageFolder", ((unzipped.classes[y], x) for x, y in unzipped))

shards = [at("shards", f) for f in sorted(os.listdir(at("shards"))) if f.endswith(".tar")]
names = open(at("shards", "classes.txt")).read().split("\n")
found = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("png", "cls"))
same("webdataset", ((names[y], x) for x, y in found))

# Networks. The bounds are those of the golden tensors of the same networks.
nets = safetensors.torch.load_file(at("nets.safetensors"))
with torch.no_grad():
    for name in ["autoencoder", "autoencoder.half"]:
        vae = diffusers.AutoencoderKL.from_pretrained(at(name)).float().eval()
        mean = vae.encode(nets["image"]).latent_dist.mean * vae.config.scaling_factor
        near(f"diffusers.AutoencoderKL {name}, mean", mean, nets[f"{name}.mean"], 1e-4)
        near(f"diffusers.AutoencoderKL {name}, decoded", vae.decode(mean / vae.config.scaling_factor).sample, nets[f"{name}.decoded"], 2e-4)

    import dit  # the plain module that the golden tensors are made with

    config = json.load(open(at("dit", "config.json")))
    net = dit.DiT({"size": config["input_size"], "patch": config["patch_size"], "hidden": config["hidden_size"], "heads": config["num_heads"],
                   "depth": config["depth"], "classes": config["num_classes"]})
    for name in ["dit.trained", "dit"]:
        keys = net.load_state_dict(safetensors.torch.load_file(at(name, "model.safetensors")), strict=False)
        say(keys.missing_keys == ["pos_embed"] and not keys.unexpected_keys, f"{name} under the original names", f"{keys}")  # a fixed table
    near("DiT under the original names", net(nets["x"], nets["t"], nets["y"].long()), nets["out"], 1e-4)

    theirs, info = diffusers.DiTTransformer2DModel.from_pretrained(at("transformer"), output_loading_info=True)
    say(not any(info.values()), "diffusers.DiTTransformer2DModel", f"keys that are missing, unexpected or of another shape: {info}")
    qkv = torch.cat([getattr(theirs.transformer_blocks[1].attn1, f"to_{c}").weight for c in "qkv"])
    near("diffusers.DiTTransformer2DModel, q, k, v", qkv, net.blocks[1].attn.qkv.weight, 0)
