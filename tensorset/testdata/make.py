"""Writes the files of this folder: small sets in the forms in which programs of dataset distillation publish theirs.

    python make.py        # PyTorch (2.2), NumPy, safetensors, kornia (0.7); the CPU is enough

All but wild.pt are of the same 6 images of 3 classes, 8 x 8 pixels, whose bytes tensorset_test.go knows as well.
"""
import os
import numpy as np
import torch
import torch.serialization

torch.cuda.is_available = lambda: False
here = os.path.dirname(os.path.abspath(__file__))
N, C, H, W = 6, 3, 8, 8
i, c, y, x = np.ogrid[:N, :C, :H, :W]
levels = ((37 * i + 91 * c + 13 * y * y + 29 * x + 7 * x * y) % 256).astype(np.uint8)
labels = torch.tensor([0, 0, 1, 1, 2, 2])
unit = torch.tensor(levels).float() / 255
CIFAR10 = ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010])
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def normalised(images, stats):
    mean, std = (torch.tensor(s).view(1, 3, 1, 1) for s in stats)
    return (images - mean) / std


def save(obj, *path, **how):
    path = os.path.join(here, *path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    torch.save(obj, path, **how)


# DC, DSA, DM: every experiment's images and labels, normalised
dc = normalised(unit, CIFAR10)
save({"data": [[dc, labels], [dc.flip(0).contiguous(), labels.flip(0).contiguous()]],
      "accs_all_exps": {"ConvNet": [0.26, 0.27]}}, "res_DM_CIFAR10_ConvNet_2ipc.pt")
# the same of 40 standard deviations, as a public file has them
wild = (torch.arange(N * C * H * W) % 997).float().view(N, C, H, W) / 997 * 40.9 - 21.6
save({"data": [[wild, labels]], "accs_all_exps": {"ConvNet": []}}, "res_DC_CIFAR10_ConvNet_wild.pt")

# MTT and those after it: bare tensors of a training, hard and soft labels, a learned rate
save(dc.clone().requires_grad_(True), "mtt", "images_best.pt")
save(labels, "mtt", "labels_best.pt")
save(torch.tensor(0.0123), "mtt", "lr_best.pt")
logits = torch.tensor([[4., 0, 1], [3, 1, 0], [0, 5, 1], [1, 2, 0], [0, 0, 6], [-1, 1, 4]])
save(torch.nn.Parameter(normalised(unit, IMAGENET)), "datm", "images_best.pt")
save(logits, "datm", "labels_best.pt")
save(torch.tensor([0.02]), "datm", "lr_best.pt")
save({"data": dc, "res": 0.3}, "edf", "images_best.pt")  # as PReDD's copies have them
save(labels, "edf", "labels_best.pt")
save(dc, "shares", "images_best.pt")
save(torch.softmax(logits, 1), "shares", "labels_best.pt")

# IDC, DREAM, NCFM: 0 to 1; four images of half the side in each
save([unit, labels], "data_best.pt")

# other forms
save({"images": torch.tensor(levels), "labels": labels.int()}, "uint8.pt")
save([dc.half(), labels], "half_CIFAR10.pt")
save([unit.to(memory_format=torch.channels_last), labels], "strides.pt")
save([unit.permute(0, 2, 3, 1).contiguous(), labels], "nhwc.pt")
save({"module.images": unit, "module.labels": labels}, "module.pt")
save(unit.view(3, 2, C, H, W), "five.pt")
save([unit * 2 - 1, torch.eye(3)[labels]], "signed_onehot.pt")
save([unit, labels], "old.pt", _use_new_zipfile_serialization=False)
save((unit, labels.float()), "protocol4.pt", pickle_protocol=4)
torch.serialization.register_package(0, lambda s: "cuda:0", lambda s, l: s)
save([unit, labels], "cuda.pt")
np.savez(os.path.join(here, "plain.npz"), images=levels, labels=labels.numpy())
np.savez_compressed(os.path.join(here, "packed.npz"), x_train=levels.transpose(0, 2, 3, 1), y_train=labels.numpy())
os.makedirs(os.path.join(here, "npy"), exist_ok=True)
np.save(os.path.join(here, "npy", "images.npy"), unit.numpy())
np.save(os.path.join(here, "npy", "labels.npy"), labels.numpy().astype(np.int32))
# NumPy's arrays within PyTorch's files; in Fortran's order; beside Python's objects, and as such
arrays = {"images": unit.numpy(), "labels": labels.numpy(), "best": np.float32(0.5)}
save(arrays, "numpy.pt")
save([np.asfortranarray(levels), labels.numpy().astype(np.uint8)], "numpy5.pt", pickle_protocol=5)
save(arrays, "numpy_old.pth", _use_new_zipfile_serialization=False)
os.makedirs(os.path.join(here, "fortran"), exist_ok=True)
np.save(os.path.join(here, "fortran", "images.npy"), np.asfortranarray(unit.numpy()))
np.save(os.path.join(here, "fortran", "labels.npy"), labels.numpy())
np.savez(os.path.join(here, "beside.npz"), images=levels, labels=labels.numpy(), about={"seed": 1})
np.savez(os.path.join(here, "dict.npz"), set={"images": levels, "labels": labels.numpy()})
np.savez(os.path.join(here, "named.npz"), images=levels, labels=np.array(["cat", "cat", "dog", "dog", "öwl", "öwl"]))
np.save(os.path.join(here, "dict.npy"), {"images": levels, "labels": labels.numpy()})
# bytes in another order
os.makedirs(os.path.join(here, "big"), exist_ok=True)
np.save(os.path.join(here, "big", "images.npy"), unit.numpy().astype(">f4"))
np.save(os.path.join(here, "big", "labels.npy"), labels.numpy().astype(">i8"))
np.savez(os.path.join(here, "objects.npz"), images=np.array([*levels, None], dtype=object)[:-1], labels=labels.numpy())

# names and types that leave doubt: which tensor has the labels, which images are for training (PyTorch 2.15)
save({"idx": torch.arange(N).flip(0), "images": unit.double(), "class": labels.view(N, 1)}, "named.pt")
save({"images": unit, "idx": torch.arange(N).flip(0)}, "index.pt")
save({"images": unit, "features": torch.arange(N * 5.).view(N, 5)}, "features.pt")
save({"labels_test": labels.flip(0), "images_test": unit.flip(0), "soft_labels": torch.eye(3)[labels] / 2,
      "labels_train": labels, "images_train": unit}, "heldout.pt")
save({"images": torch.nn.Parameter(unit), "labels": torch.eye(3).bool()[labels]}, "boolean.pt")
save({"images": unit, "labels": labels.tolist()}, "pylist.pt")
save({"images": (torch.tensor(levels).int() - 128).to(torch.int8), "labels": labels}, "int8.pt")
save({"images": torch.tensor(levels).float() - 127.5, "labels": labels}, "centred.pt")
save(torch.utils.data.TensorDataset(unit, labels), "dataset.pt")
save(unit, "alone.pt")
# single images in lists; the images of each class; what is no tensor that is read; a network
save([(x, int(y)) for x, y in zip(unit, labels)], "items.pt")
save([{"img": x, "target": y} for x, y in zip(unit, labels)], "dicts.pt")
save({"images": [x.numpy() for x in unit], "labels": labels.tolist()}, "singles.pt")
save({int(y): unit[labels == y] for y in (2, 0, 1)}, "classes.pt")
save({"images": unit.to_sparse(), "labels": labels}, "sparse.pt")
save({"images": unit.to(torch.float8_e4m3fn), "labels": labels}, "float8.pt")
save({"state_dict": {"conv.weight": torch.ones(6, 3, 3, 3), "conv.bias": torch.ones(6)}}, "network.pth")

# DD-Ranking's names; a training that was saved on its way
save(dc, "ddranking", "images.pt")
save(torch.softmax(logits, 1), "ddranking", "labels.pt")
save(torch.tensor(0.05), "ddranking", "lr.pt")
save([unit, labels], "onitsway", "data_100.pt")
from safetensors.torch import save_file
save_file({"images": unit, "labels": labels}, os.path.join(here, "plain.safetensors"))

# the whitening of MTT's program
from kornia.enhance import ZCAWhitening
torch.manual_seed(0)
base = torch.rand(60, 3, 1, 1)
train = (0.7 * base + 0.3 * torch.rand(60, 3, 4, 4)).clamp(0, 1)
zca = ZCAWhitening(eps=0.1, compute_inv=True)
zca.fit(train)
white = zca(train)
back = zca.inverse_transform(white)
assert (back - train).abs().max() < 1e-4
save({"train": train, "white": white}, "zca_golden.pt")
os.makedirs(os.path.join(here, "zca"), exist_ok=True)
save(white[:6].contiguous(), "zca", "images_best.pt")
save(labels, "zca", "labels_best.pt")

# the same of bytes: images that were whitened and no more, by all training images
train = (train * 255).round() / 255
zca = ZCAWhitening(eps=0.1)
zca.fit(train)
save({"train": train, "images": zca(train[:6]), "labels": labels}, "zca_bytes.pt")

# torch.nn.Upsample on the parts of a collage, as IDC's program decodes them
up = torch.nn.Upsample(size=8, mode="bilinear")
parts = [up(unit[:1, :, a * 4:a * 4 + 4, b * 4:b * 4 + 4]) for a in range(2) for b in range(2)]
save(torch.cat(parts), "collage_golden.pt")
