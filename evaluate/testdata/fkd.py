"""Writes fkd/epoch_E/batch_B.tar and fkd.pt by the rules of SRe2L's relabelling, with PyTorch and torchvision.

Six images of three classes, 16 x 16 pixels: pixel (y, x, c) of image i is a byte of the formula below, which the test
has as well. Batches of four and two, three epochs, CutMix; a folder fkd-mixup of one epoch has MixUp. fkd.pt has the
images of the batches as the training program sees them, [batches, n, 3, 12, 12]. Logits are 4 for the class of the
larger part and 0 elsewhere, in half precision.
"""
import os, sys
import numpy as np, torch
from PIL import Image
from torchvision.transforms import functional as F, RandomResizedCrop, InterpolationMode

MEAN, STD, SIZE, BATCH = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], 12, 4
H, W, N = 16, 16, 6


def image(i):
    y, x, c = np.meshgrid(np.arange(H), np.arange(W), np.arange(3), indexing="ij")
    return Image.fromarray(((i * 37 + y * 11 + x * x * 3 + c * 50 + y * x) % 256).astype(np.uint8))


def write(folder, epochs, mixup):
    torch.manual_seed(1); np.random.seed(1)
    order = torch.Generator(); order.manual_seed(42)
    sampler = torch.utils.data.RandomSampler(range(N), generator=order)
    seen = {}
    for epoch in range(epochs):
        os.makedirs(f"{folder}/epoch_{epoch}", exist_ok=True)
        for b, rows in enumerate(torch.utils.data.BatchSampler(sampler, BATCH, False)):
            coords, flips, images = [], [], []
            for row in rows:
                im = image(row)
                i, j, h, w = RandomResizedCrop.get_params(im, (0.08, 1), (3 / 4, 4 / 3))
                coords.append(torch.tensor([i / H, j / W, h / H, w / W], dtype=torch.float32))
                flips.append(bool(torch.rand(1) < 0.5))
                i, j, h, w = [v.item() * s for v, s in zip(coords[-1], (H, W, H, W))]  # as when they are loaded
                crop = F.resized_crop(im, i, j, h, w, [SIZE, SIZE], InterpolationMode.BILINEAR)
                crop = F.hflip(crop) if flips[-1] else crop
                images.append(F.normalize(F.to_tensor(crop), MEAN, STD))
            x, labels = torch.stack(images), torch.tensor([row // 2 for row in rows])
            index, lam, box = torch.randperm(len(rows)), np.random.beta(1.0, 1.0), None
            if mixup:
                kept = lam
                x = lam * x + (1 - lam) * x[index]
            else:
                side = np.sqrt(1.0 - lam)
                ch, cw = int(SIZE * side), int(SIZE * side)
                cy, cx = np.random.randint(SIZE), np.random.randint(SIZE)
                box = [np.clip(cy - ch // 2, 0, SIZE), np.clip(cx - cw // 2, 0, SIZE),
                       np.clip(cy + ch // 2, 0, SIZE), np.clip(cx + cw // 2, 0, SIZE)]
                r0, c0, r1, c1 = box
                x[:, :, r0:r1, c0:c1] = x[index][:, :, r0:r1, c0:c1]
                kept = 1 - float((r1 - r0) * (c1 - c0)) / SIZE ** 2
            larger = labels if kept >= 0.5 else labels[index]
            logits = (4 * torch.nn.functional.one_hot(larger, 3)).half()
            torch.save([torch.stack(coords), torch.tensor(flips), index, lam, box, logits],
                       f"{folder}/epoch_{epoch}/batch_{b}.tar")
            seen[f"{epoch}.{b}"] = x
    return seen


os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
torch.save({"cutmix": write("fkd", 3, False), "mixup": write("fkd-mixup", 1, True)}, "fkd.pt")
