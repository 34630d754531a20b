"""Writes dsa.pt: what DSA's augmentation makes of two images, from the formulas of the paper's program written anew
with PyTorch's own affine_grid, grid_sample, pad and indexing, at given numbers in the place of drawn ones.

    python dsa.py        # PyTorch 2.2
"""
import math
import os
import torch
import torch.nn.functional as F

torch.cuda.is_available = lambda: False
out = {}
for n in (8, 7):
    x = torch.sin(torch.arange(3 * n * n).float() * 0.7).view(1, 3, n, n) * 2
    out[f"x{n}"] = x
    y = x + (0.9 - 0.5) * 1.0
    m = y.mean(dim=1, keepdim=True)
    y = (y - m) * (0.3 * 2.0) + m
    m = y.mean(dim=[1, 2, 3], keepdim=True)
    out[f"color{n}"] = (y - m) * (0.2 + 0.5) + m
    for dx, dy in ((1, -1), (-1, 0)):
        p = F.pad(x, [1, 1, 1, 1])
        gx = torch.clamp(torch.arange(n) + dx + 1, 0, n + 1)
        gy = torch.clamp(torch.arange(n) + dy + 1, 0, n + 1)
        out[f"crop{n}{dx}{dy}"] = p[:, :, gx][:, :, :, gy].contiguous()
    side = int(n * 0.5 + 0.5)
    for ox, oy in ((0, n - 1), (3, 4)):
        mask = torch.ones(n, n)
        gx = torch.clamp(torch.arange(side) + ox - side // 2, 0, n - 1)
        gy = torch.clamp(torch.arange(side) + oy - side // 2, 0, n - 1)
        mask[gx[:, None], gy[None]] = 0
        out[f"cutout{n}{ox}{oy}"] = x * mask
    out[f"flip{n}"] = x.flip(3).contiguous()
    for align in (False, True):
        t = torch.tensor([[[1.1, 0, 0], [0, 0.85, 0]]])
        out[f"scale{n}{align}"] = F.grid_sample(x, F.affine_grid(t, x.shape, align_corners=align), align_corners=align)
        a = 0.2
        t = torch.tensor([[[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0]]])
        out[f"rotate{n}{align}"] = F.grid_sample(x, F.affine_grid(t, x.shape, align_corners=align), align_corners=align)
torch.save(out, os.path.join(os.path.dirname(os.path.abspath(__file__)), "dsa.pt"))
