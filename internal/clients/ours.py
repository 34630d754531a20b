"""Opens what mgd3 wrote into the folder given with the libraries that users have, and says what is not as it must be.

A line "ok NAME what" for each thing that was opened, "FAIL NAME what" for each that differs.
"""

import json
import os
import subprocess
import sys
import zipfile

import datasets
import diffusers
import huggingface_hub
import numpy as np
import safetensors.torch
import timm
import timm.data
import torch
import torchvision
import webdataset
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
for folder in ["testdata/golden/make", "scores/ranking/testdata"]:
    sys.path.insert(0, os.path.join(here, "..", "..", folder))
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

rows = datasets.load_dataset("parquet", data_files=at("view.parquet"), split="train", cache_dir=at("cache"))
names = rows.features["label"].names
same("datasets, the table of a page", ((names[r["label"]], r["image"]) for r in rows))
numbers = all(r[k] is not None for r in rows for k in ("x", "y", "distance", "near", "percentile"))
say(numbers and all(isinstance(r["flags"], list) for r in rows), "datasets, the table of a page", f"columns {rows.column_names}")

# Embedding Atlas's command writes what it shows: our rows, with a number of its own for each.
subprocess.run([os.path.join(os.path.dirname(sys.executable), "embedding-atlas"), at("view.parquet"), "--image", "image", "--x", "x", "--y", "y",
                "--export-application", at("atlas")], check=True, stdout=sys.stderr)
shown = datasets.load_dataset("parquet", data_files=at("atlas", "data", "dataset.parquet"), split="train", cache_dir=at("cache"))
points = lambda table: sorted((r["class"], r["image"]["bytes"], r["x"], r["y"]) for r in table)
raw = rows.cast_column("image", datasets.Image(decode=False))
say(points(shown) == points(raw), "embedding-atlas, the table of a page", f"{len(shown)} rows, columns {shown.column_names}")

zipfile.ZipFile(at("set.zip")).extractall(at("unzipped"))
unzipped = torchvision.datasets.ImageFolder(at("unzipped", "images"))
same("zip, unpacked, torchvision.ImageFolder", ((unzipped.classes[y], x) for x, y in unzipped))

shards = [at("shards", f) for f in sorted(os.listdir(at("shards"))) if f.endswith(".tar")]
names = open(at("shards", "classes.txt")).read().split("\n")
found = list(webdataset.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("png", "cls"))
same("webdataset", ((names[y], x) for x, y in found))

# Tensors: each number goes back to its byte.
levels = torch.stack([torch.from_numpy(pixels.copy()).permute(2, 0, 1) for label in order for (of, _), pixels in sorted(want.items()) if of == label])
numbered = torch.tensor([i for i, label in enumerate(order) for of, _ in want if of == label])
imagenet = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
cifar = ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])


def back(images, ways):
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ways)
    return ((images * std + mean) * 255).round().to(torch.uint8)


saved = torch.load(at("set.pt"), weights_only=True)
say(saved["images"].equal(levels) and saved["labels"].equal(numbered) and saved["classes"] == order, "torch.load", f"{tuple(saved['images'].shape)} {saved['images'].dtype}")
say(json.loads(saved["mgd3"])["classes"][0]["name"] == order[0], "torch.load, the manifest", "")
saved = torch.load(at("cifar.pt"), weights_only=True)
say(saved["images"].dtype == torch.float32 and back(saved["images"], cifar).equal(levels), "torch.load, cifar10", f"{tuple(saved['images'].shape)}")
images, labels = (torch.load(at("tensors", f"{what}_best.pt"), weights_only=True) for what in ["images", "labels"])
say(back(images, imagenet).equal(levels) and labels.dtype == torch.int64 and labels.equal(numbered), "torch.load, MTT's files", f"{tuple(images.shape)}")
mapped = torch.load(at("set.pt"), weights_only=True, mmap=True)
say(mapped["images"].equal(levels), "torch.load, mapped", "")

# Dataset cards.
for name, licence in [("hub", "cc0-1.0"), ("folder", "other")]:
    card = huggingface_hub.DatasetCard.load(at(name, "README.md"))
    say(card.data.license == licence and "dataset-distillation" in card.data.tags, f"huggingface_hub.DatasetCard {name}", f"{card.data.to_dict()}")
    rows = datasets.load_dataset(at(name), split="train", cache_dir=at("cache", name))
    names = rows.features["label"].names
    same(f"datasets, a folder with a card, {name}", ((names[r["label"]], r["image"]) for r in rows))

# The scores of `mgd3 rank` are those that ddranking computes of the same accuracies, of hard and of soft labels.
import make as ddranking  # its trainings replaced by accuracies

for file in ["ranked", "ranked.third"]:
    ranking = json.load(open(at(file, "ranking.json")))
    for r in ranking["ranked"]:
        runs = [[a[k] for k in ["full", "hard", "set", "random", "set_plain", "random_plain"]] for a in r["accuracies"]]
        theirs = ddranking.scores(runs, ranking["weight"])["soft"]
        for key, name in [("hlr", "hard_label_recovery"), ("ior", "improvement_over_random"), ("lrs", "label_robust_score"),
                          ("ars", "augmentation_robust_score")]:
            ours = [s[key] for s in r["scores"]]
            for what, got in {"mean": np.mean(ours), "std": np.std(ours)}.items():
                want_of = theirs[f"{name}_{what}"]
                say(len(ours) == 2 and abs(got - want_of) < 1e-12, f"ddranking, {file} {r['set']}", f"{key} {what} {got}, {want_of}")

# Networks. The bounds are those of the golden tensors of the same networks.
nets = safetensors.torch.load_file(at("nets.safetensors"))
with torch.no_grad():
    for name in ["autoencoder", "autoencoder.half"]:
        vae = diffusers.AutoencoderKL.from_pretrained(at(name)).float().eval()
        mean = vae.encode(nets["image"]).latent_dist.mean * vae.config.scaling_factor
        near(f"diffusers.AutoencoderKL {name}, mean", mean, nets[f"{name}.mean"], 1e-4)
        near(f"diffusers.AutoencoderKL {name}, decoded", vae.decode(mean / vae.config.scaling_factor).sample, nets[f"{name}.decoded"], 2e-4)

    from torch import nn

    mlp = nn.Sequential()
    for i, (a, b) in enumerate([(3072, 128), (128, 128), (128, 5)], 1):
        mlp.add_module(f"fc_{i}", nn.Linear(a, b))

    def dense(net, x):
        return net.fc_3(torch.relu(net.fc_2(torch.relu(net.fc_1(x.flatten(1))))))

    class LeNet(nn.Module):  # DC's, from its description
        def __init__(self):
            super().__init__()
            self.features = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
            self.fc_1, self.fc_2, self.fc_3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 5)

    lenet = LeNet()
    theirs = {"mlp": (mlp, lambda x: dense(mlp, x)), "lenet": (lenet, lambda x: dense(lenet, lenet.features(x)))}
    for name in ["vit_tiny_patch16_224", "vit_small_patch16_224"]:
        vit = timm.create_model(name, num_classes=5, img_size=32).eval()
        theirs[name] = vit, vit
    for name, (module, call) in theirs.items():
        module.load_state_dict({k.split("!w!")[1]: v for k, v in nets.items() if k.startswith(name + "!w!")})
        near(f"{name}, logits", call(nets[name + "!image"]), nets[name + "!logits"], 1e-4)

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
