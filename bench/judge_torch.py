"""What bench/judge_dm.py and bench/judge_mtt.py share: the images, DSA's augmentation, files, and how one is stopped."""
import io
import math
import os
import signal
import zipfile

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]))


def read(path, limit):
    """The training images of each class [N, 3, h, w], 0 to 1."""
    archive, images = zipfile.ZipFile(path), {}
    for name in sorted(archive.namelist()):
        parts = name.split("/")
        if len(parts) == 3 and parts[0] == "train" and parts[2]:
            of = images.setdefault(parts[1], [])
            if not limit or len(of) < limit:
                of.append(np.array(Image.open(io.BytesIO(archive.read(name))).convert("RGB")))
    return [torch.tensor(np.stack(images[c])).permute(0, 3, 1, 2).float() / 255 for c in sorted(images)]


def warp(x, a, b, c, d):
    theta = torch.tensor([[a, b, 0], [c, d, 0]]).expand(len(x), 2, 3)
    return F.grid_sample(x, F.affine_grid(theta, x.shape, align_corners=False), align_corners=False)


def augmentation():
    """One of DSA's six strategies (arXiv:2102.08259) with its numbers, one draw for all images that it is called with."""
    kind, u, v, w = int(torch.randint(6, ())), *torch.rand(3).tolist()

    def change(x):
        n = x.shape[-1]
        if kind == 0:
            x = x + (u - 0.5)
            mean = x.mean(1, keepdim=True)
            x = (x - mean) * 2 * v + mean
            mean = x.mean((1, 2, 3), keepdim=True)
            return (x - mean) * (w + 0.5) + mean
        if kind == 1:
            most = int(n / 8 + 0.5)
            down, right = int(u * (2 * most + 1)), int(v * (2 * most + 1))
            return F.pad(x, [most] * 4)[:, :, down:down + n, right:right + n]
        if kind == 2:
            side, top, left = n // 2, int(u * (n + 1)), int(v * (n + 1))
            mask = torch.ones(n, n)
            mask[max(0, top - side // 2):top + side // 2, max(0, left - side // 2):left + side // 2] = 0
            return x * mask
        if kind == 3:
            return x.flip(3) if u < 0.5 else x
        if kind == 4:
            low, high = 1 / 1.2, 1.2
            return warp(x, low + u * (high - low), 0, 0, low + v * (high - low))
        angle = math.radians((u - 0.5) * 2 * 15)
        return warp(x, math.cos(angle), -math.sin(angle), math.sin(angle), math.cos(angle))
    return change


def write(what, path):
    torch.save(what, path + ".new")
    os.replace(path + ".new", path)


def stops():
    """A list that is no more empty once the program is asked to end."""
    stopped = []
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, lambda *_: stopped.append(1))
    return stopped


def taken_up(state, settings):
    """What an earlier call wrote into the file state; its settings must be these."""
    if not os.path.exists(state):
        return None
    was = torch.load(state)
    if was["settings"] != settings:
        raise SystemExit(f"{state} was made with {was['settings']}, not {settings}: name another file")
    torch.set_rng_state(was["random"])
    print("goes on after step", was["step"], flush=True)
    return was
