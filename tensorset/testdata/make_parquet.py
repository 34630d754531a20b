"""Writes the Parquet sets of this folder, whose images are lists of numbers: pip install datasets==5.2.0 pyarrow==26.0.1 numpy

They are the six images of make.py, of 3 classes, 8 x 8 pixels, as the library datasets writes them for the Hugging Face
hub, and as pyarrow does; the names of the classes are in the metadata, beside the files, or are the labels.
"""
import os

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
i, c, y, x = np.ogrid[:6, :3, :8, :8]
levels = ((37 * i + 91 * c + 13 * y * y + 29 * x + 7 * x * y) % 256).astype(np.uint8)
labels = [0, 0, 1, 1, 2, 2]
names = ["cat", "dog", "owl"]
unit = levels.astype(np.float32) / np.float32(255)
mean, std = np.array([0.4914, 0.4822, 0.4465], np.float32), np.array([0.2023, 0.1994, 0.2010], np.float32)
normalised = (unit - mean[:, None, None]) / std[:, None, None]
logits = np.array([[4, 0, 1], [3, 1, 0], [0, 5, 1], [1, 2, 0], [0, 0, 6], [-1, 1, 4]], np.float32)
last = levels.transpose(0, 2, 3, 1)


def path(*parts):
    file = os.path.join(here, *parts)
    os.makedirs(os.path.dirname(file), exist_ok=True)
    return file


# datasets: Array3D; plain lists of floats, in two files; lists of fixed lengths, the labels named last
named = datasets.ClassLabel(names=names)
array = datasets.Features({"image": datasets.Array3D((8, 8, 3), "uint8"), "label": named})
datasets.Dataset.from_dict({"image": last, "label": labels}, features=array).to_parquet(path("array3d", "data", "train-00000-of-00001.parquet"))
lists = datasets.Dataset.from_dict({"img": unit.tolist(), "label": labels})
for part in range(2):
    lists.shard(2, part, contiguous=True).to_parquet(path("lists", f"train-{part:05d}-of-00002.parquet"))
fixed = datasets.List(datasets.List(datasets.List(datasets.Value("float32"), length=8), length=8), length=3)
owls = datasets.ClassLabel(names=["owl", "cat", "dog"])
datasets.Dataset.from_dict({"pixel_values": normalised, "labels": [(k + 1) % 3 for k in labels]},
                           features=datasets.Features({"pixel_values": fixed, "labels": owls})).to_parquet(path("sequence.parquet"))
half = datasets.List(datasets.List(datasets.List(datasets.Value("float16"))))
datasets.Dataset.from_dict({"image": unit.astype(np.float16), "label": labels},
                           features=datasets.Features({"image": half, "label": named})).to_parquet(path("half.parquet"))

# pyarrow: three planes and words for labels, over many pages; every pixel's three, in pages of version 2; soft labels
planes = pa.table({"image": levels.reshape(6, 3, 64).tolist(), "label": [names[k] for k in labels]})
pq.write_table(planes, path("planes.parquet"), data_page_size=100, write_batch_size=50, use_dictionary=False, compression="zstd")
pixels = pa.table({"image": pa.array(last.reshape(6, 64, 3).astype(np.float64).tolist()), "cls": pa.array(labels, pa.int8())})
pq.write_table(pixels, path("pixels", "0.parquet"), data_page_version="2.0", data_page_size=100, use_dictionary=False,
               row_group_size=4, column_encoding={"image.list.element.list.element": "BYTE_STREAM_SPLIT", "cls": "DELTA_BINARY_PACKED"})
with open(path("pixels", "classes.txt"), "w") as file:
    file.write("\n".join(names) + "\n")
soft = pa.table({"images": normalised.tolist(), "labels": logits.tolist(), "id": list(range(6))})
pq.write_table(soft, path("logits", "0.parquet"))
