"""Writes the .pt files beside it, as trainings write theirs: pip install torch==2.15.0 numpy==2.4.6 omegaconf==2.4.0

NAME-FORMAT-PROTOCOL.pt; FORMAT is zip, or old as before PyTorch 1.6. Every network is w, b and n of state below.
"""
import argparse, collections, dataclasses, datetime, decimal, enum, pathlib, pickle, random, sys, uuid

import numpy, omegaconf, torch

sys.modules["train"] = sys.modules["__main__"]


def state(prefix="", add=0.0):
    """3 of 4 rows, transposed; one of two tensors of a storage; a counter."""
    both = torch.arange(4.0) + 10 + add
    return collections.OrderedDict([
        (prefix + "layer.w", (torch.arange(8.0).reshape(4, 2) / 8 + add)[:3].t()),
        (prefix + "layer.b", both[2:].half() if add else both[2:]),
        (prefix + "layer.n", torch.tensor(7)),
    ])


class Kind(enum.Enum):
    A = "a"


@dataclasses.dataclass
class Settings:
    rate: float = 0.1
    kind: Kind = Kind.A


class Point(collections.namedtuple("Point", "x y")):
    pass


class Named:
    """is made by keywords: NEWOBJ_EX"""

    def __new__(cls, *, x):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"x": 1}


class Meter(dict):
    pass


class Slots:
    __slots__ = ("a", "b")


def odds():
    """what lies beside weights, of every kind that a pickle has opcodes for"""
    settings = Settings()
    slots = Slots()
    slots.a, slots.b = 1, [2]
    meter = Meter(loss=1.0)
    meter.best = 3
    loop = []
    loop.append(loop)
    return {
        "path": pathlib.PurePosixPath("/data/x"), "when": datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.timezone.utc), "took": datetime.timedelta(1),
        "settings": settings, "kind": Kind.A, "point": Point(1, 2), "named": Named(x=1), "slots": slots, "meter": meter, "loop": loop,
        "set": {1, "a"}, "frozen": frozenset({"b"}), "bytes": b"\x00\xff" * 3, "array": bytearray(b"abc"), "many": b"x" * 300, "long": "é" * 300,
        "complex": 1 + 2j, "big": 1 << 200, "negative": -5, "decimal": decimal.Decimal("0.1"), "id": uuid.UUID(int=5), "slice": slice(1, 2),
        "numpy": numpy.float32(1.5), "numpy array": numpy.arange(3), "numpy type": numpy.dtype("f4"), "type": torch.float32, "device": torch.device("cpu"),
        "size": torch.Size([1, 2]), "default": collections.defaultdict(list, a=[1]), "count": collections.Counter("aab"), "deque": collections.deque([1]),
        "namespace": argparse.Namespace(model="x", out=pathlib.PurePosixPath("o")), "config": omegaconf.OmegaConf.create({"a": {"b": [1, "x", None]}}),
        "rng": [torch.get_rng_state()[:8].clone(), random.Random(1).getstate()[1][:3], numpy.random.PCG64(1).state], "function": len, "method": str.join,
        1: "number", None: 2, (1, 2): "tuple", True: 0.5,
    }


def optimizer():
    return {"state": {0: {"step": torch.tensor(5.0), "exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0]}]}


def files():
    args = argparse.Namespace(model="DiT-XL/2", data=pathlib.PurePosixPath("/data"), lr=1e-4)
    yield "plain", state()
    yield "lightning", {"epoch": 3, "global_step": 10, "pytorch-lightning_version": "2.4.0", "state_dict": state("net."), "loops": {"fit_loop": {"state_dict": {}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(0.5), "dirpath": pathlib.PurePosixPath("/x")}},
        "optimizer_states": [optimizer()], "lr_schedulers": [{"last_epoch": 3}], "hparams_name": "kwargs",
        "hyper_parameters": omegaconf.OmegaConf.create({"lr": 0.1, "layers": [1, 2]}), "datamodule_hparams": args}
    yield "timm", {"epoch": 3, "arch": "resnet18", "state_dict": state("module.", 1), "state_dict_ema": state("module."), "optimizer": optimizer(), "args": args,
        "version": 2, "metric": numpy.float64(71.5), "amp_scaler": {"scale": 65536.0, "_growth_tracker": 7}}
    yield "dit", {"model": state("_orig_mod.", 1), "ema": state(), "opt": optimizer(), "args": args}
    yield "odds", {"odds": odds(), "model": state("module._orig_mod."), **odds()}


for name, content in files():
    for protocol in (2, 3, 4, 5) if name == "plain" else (2, 4):
        for zipped in (True, False):
            if zipped or name == "plain" or (name, protocol) == ("odds", 4):
                torch.save(content, f"{name}-{'zip' if zipped else 'old'}-{protocol}.pt", pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
torch.save(torch.nn.Linear(1, 1), "module-zip-4.pt", pickle_protocol=4)
for protocol in (0, 4):
    with open(f"pickle-{protocol}.pkl", "wb") as f:
        pickle.dump({"w": torch.ones(1)}, f, protocol=protocol)
