"""What all makers share: random numbers, rounding to what a file holds, and the folder of a case."""

import json
import os
import shutil
import zlib

import numpy as np
from safetensors.numpy import save_file

FILE = "io.safetensors"


def stream(seed, *names):
    """A generator of its own for every use. RandomState's numbers never change (NumPy's NEP 19)."""
    return np.random.RandomState(zlib.crc32("/".join([str(seed), *map(str, names)]).encode()))


def half(x):
    """x rounded to float16, as float64: what a file holds in F16, a reader gets exactly."""
    return np.asarray(x, np.float64).astype(np.float16).astype(np.float64)


def single(x):
    """x rounded to float32, as float64."""
    return np.asarray(x, np.float64).astype(np.float32).astype(np.float64)


def f16(x):
    out = np.asarray(x, np.float64).astype(np.float16)
    assert (out.astype(np.float64) == np.asarray(x, np.float64)).all(), "not exact in float16"
    return out


def f32(x):
    return np.asarray(x, np.float64).astype(np.float32)


def f64(x):
    return np.asarray(x, np.float64)


def i64(x):
    return np.asarray(x, np.int64)


DTYPES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8"}


class Case:
    """The folder of one case: its tensor files, and case.json, which describes them."""

    def __init__(self, root, name, follows):
        self.dir = os.path.join(root, *name.split("/"))
        self.fields = {"case": name, "follows": follows}
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)

    def path(self, file):
        return os.path.join(self.dir, file)

    def tensors(self, file, tensors):
        """Writes a tensor file and returns its description, {name: {dtype, shape}}."""
        for name, x in tensors.items():
            assert x.dtype.kind != "f" or np.isfinite(x).all(), f"{file}: {name} is not finite"
        save_file({name: np.ascontiguousarray(x) for name, x in tensors.items()}, self.path(file))
        os.chmod(self.path(file), 0o644)
        return {n: {"dtype": DTYPES[x.dtype.name], "shape": list(x.shape)} for n, x in sorted(tensors.items())}

    def json(self, file, value):
        with open(self.path(file), "w") as out:
            json.dump(value, out, indent=1, allow_nan=False)
            out.write("\n")

    def finish(self, **fields):
        self.json("case.json", {**self.fields, **fields})
        size = sum(os.path.getsize(self.path(f)) for f in os.listdir(self.dir))
        print(f"{self.fields['case']}: {size / 1000:.0f} kB")
