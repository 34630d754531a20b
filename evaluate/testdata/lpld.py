"""Writes lpld/ and lpqld/ by the rules of LPLD's and LPQLD's relabelling, from the batches that fkd.py wrote.

    python lpld.py        # PyTorch 2.15; the CPU is enough

LPLD: the full batches of the first two epochs as epoch_E/batch_0.tar, and sampler_indices_epoch.json with the images of
each epoch. LPQLD: those of all three epochs as batch_0.tar to batch_2.tar and sampler_indices_batch.json; coordinates in
half precision, index and box in bytes, the two largest logits in half precision and their classes in 16 bits.
"""
import json, os, sys
import torch

os.chdir(os.path.dirname(os.path.abspath(sys.argv[0])))
BATCH, N = 4, 6
order = torch.Generator(); order.manual_seed(42)
sampler = torch.utils.data.RandomSampler(range(N), generator=order)
epochs = [list(sampler)[:BATCH] for _ in range(3)]
os.makedirs("lpqld", exist_ok=True)
for epoch, rows in enumerate(epochs):
    coords, flips, index, lam, box, logits = torch.load(f"fkd/epoch_{epoch}/batch_0.tar", weights_only=False)
    if epoch < 2:
        os.makedirs(f"lpld/epoch_{epoch}", exist_ok=True)
        torch.save([coords, flips, index, lam, box, logits], f"lpld/epoch_{epoch}/batch_0.tar")
    logits = logits + torch.tensor([0.25, 0.5, 0.75]).half()  # no two are equal
    top = torch.topk(logits, 2, dim=1)
    torch.save([coords.half(), flips, index.to(torch.uint8), lam, [torch.tensor(v, dtype=torch.uint8) for v in box],
                top.values.half(), top.indices.short()], f"lpqld/batch_{epoch}.tar")
json.dump({str(e): rows for e, rows in enumerate(epochs[:2])}, open("lpld/sampler_indices_epoch.json", "w"))
json.dump({str(e): rows for e, rows in enumerate(epochs)}, open("lpqld/sampler_indices_batch.json", "w"))
