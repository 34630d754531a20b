"""Writes the Parquet files beside it as the library `datasets` does for the Hugging Face hub: pip install datasets==5.1.0 pillow

Six images of 8 x 8 pixels, whose bytes hub_test.go knows as well, of three classes that are not in the order of their
names: in one file, in two, and under the names img and fine_label, as CIFAR-100 has them. The last two are WebDatasets,
of KEY.cls and of KEY.json, that the library read and wrote as Parquet: each ending is a column.
"""
import io
import json
import os
import tarfile
import tempfile

import datasets
import numpy as np
from PIL import Image

here = os.path.dirname(os.path.abspath(__file__))
i, y, x, c = np.ogrid[:6, :8, :8, :3]
pixels = ((37 * i + 91 * c + 13 * y * y + 29 * x + 7 * x * y) % 256).astype(np.uint8)
names = ["owl", "cat", "dog"]


def table(image, label):
    features = datasets.Features({image: datasets.Image(), label: datasets.ClassLabel(names=names)})
    return datasets.Dataset.from_dict({image: [Image.fromarray(p) for p in pixels], label: [0, 1, 2, 0, 1, 2]}, features=features)


for folder, columns, parts in (("one", ("image", "label"), 1), ("two", ("image", "label"), 2), ("cifar100", ("img", "fine_label"), 1)):
    path = os.path.join(here, folder, "data")
    os.makedirs(path, exist_ok=True)
    for part in range(parts):
        table(*columns).shard(parts, part, contiguous=True).to_parquet(os.path.join(path, f"train-{part:05d}-of-{parts:05d}.parquet"))

for ending in ("cls", "json"):
    with tempfile.TemporaryDirectory() as dir:
        with tarfile.open(os.path.join(dir, "set.tar"), "w") as tar:
            for i, p in enumerate(pixels):
                image = io.BytesIO()
                Image.fromarray(p).save(image, "png")
                label = str(i % 3) if ending == "cls" else json.dumps({"label": i % 3, "text": names[i % 3]})
                for name, data in (("png", image.getvalue()), (ending, label.encode())):
                    member = tarfile.TarInfo(f"{i:06d}.{name}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
        tars = datasets.load_dataset("webdataset", data_files={"train": os.path.join(dir, "set.tar")}, split="train", cache_dir=dir)
        tars = tars.map(lambda row: {"__url__": "set.tar"})
        os.makedirs(os.path.join(here, "webdataset_" + ending), exist_ok=True)
        tars.to_parquet(os.path.join(here, "webdataset_" + ending, "train.parquet"))
