"""A set by distribution matching (DM; Zhao & Bilen 2023, arXiv:2110.04181), written from the paper, for bench/judge.sh.

    python bench/judge_dm.py CIFAR10.zip OUT.pt [--steps 20000] [--ipc 10] [--limit 0] [--batch 256]

The mean features of real and of synthetic images of a class, under ConvNet-3 with random weights drawn anew in each
step, are pulled together: loss = sum over classes of |mean f(real) - mean f(synthetic)|^2, SGD of rate 1 and momentum
0.5 on the pixels, 256 real images of a class. Without the siamese augmentation of DM's program. The file is of DC's
form. Needs PyTorch, NumPy and Pillow.
"""
import argparse
import io
import zipfile

import numpy as np
import torch
from PIL import Image

MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]))


def read(path, limit):
    archive, images = zipfile.ZipFile(path), {}
    for name in sorted(archive.namelist()):
        parts = name.split("/")
        if len(parts) == 3 and parts[0] == "train" and parts[2]:
            of = images.setdefault(parts[1], [])
            if not limit or len(of) < limit:
                of.append(np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGB")))
    stack = [torch.tensor(np.stack(images[c])).permute(0, 3, 1, 2).float() / 255 for c in sorted(images)]
    return [(x - MEAN) / STD for x in stack]


def features():
    layers, channels = [], 3
    for _ in range(3):
        layers += [torch.nn.Conv2d(channels, 128, 3, padding=1), torch.nn.GroupNorm(128, 128), torch.nn.ReLU(),
                   torch.nn.AvgPool2d(2)]
        channels = 128
    return torch.nn.Sequential(*layers, torch.nn.Flatten())


p = argparse.ArgumentParser()
p.add_argument("data")
p.add_argument("out")
p.add_argument("--steps", type=int, default=20000)
p.add_argument("--ipc", type=int, default=10)
p.add_argument("--limit", type=int, default=0)
p.add_argument("--batch", type=int, default=256)
a = p.parse_args()
torch.manual_seed(0)
real = read(a.data, a.limit)
made = torch.cat([x[torch.randperm(len(x))[:a.ipc]] for x in real]).clone().requires_grad_(True)
labels = torch.arange(len(real)).repeat_interleave(a.ipc)
optimiser = torch.optim.SGD([made], lr=1.0, momentum=0.5)
for step in range(a.steps):
    net = features()
    for q in net.parameters():
        q.requires_grad_(False)
    loss = 0
    for c, x in enumerate(real):
        some = x[torch.randperm(len(x))[:a.batch]]
        loss = loss + ((net(some).mean(0) - net(made[c * a.ipc:(c + 1) * a.ipc]).mean(0)) ** 2).sum()
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    if step % 100 == 0:
        print(step, float(loss), flush=True)
    if step % 100 == 99 or step == a.steps - 1:
        torch.save({"data": [[made.detach(), labels]], "accs_all_exps": {}}, a.out)
