"""Holds the peers' networks against the golden tensors that mgd3's own tests read, the exported and compiled ones against PyTorch, and
the count of operations against the table of "mgd3 bench". Prints the worst differences, relative to the root mean square of what is
wanted; ends with an error where one is more than 1e-3, of weights in half precision 1e-2.

Usage: check.py [denoiser|autoencoder|classifiers|operations|exported ...]     all of them without any
"""

import json
import os
import re
import sys
import tempfile

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch.utils.flop_counter import FlopCounterMode

import export
import loads
import networks
import peer_jax as pj

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GOLDEN = os.path.join(ROOT, "testdata", "golden")
bad = []


def golden(*names):
    path = os.path.join(GOLDEN, *names)
    return json.load(open(path)) if path.endswith(".json") else {k: v.float() if v.is_floating_point() else v for k, v in load_file(path).items()}


def compare(what, got, want, bound=1e-3):
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    worst = abs(got - want).max() / np.sqrt((want**2).mean()) if got.shape == want.shape else np.inf
    print(f"{what:60} {worst:.1e}")
    if not worst <= bound:
        bad.append(what)


def jax_weights(state):
    return {n: np.asarray(v).transpose(2, 3, 1, 0) if v.dim() == 4 else np.asarray(v) for n, v in state.items()}


def jax_run(f, state, *args):
    return pj.jax.jit(pj.with_parameters(f))(jax_weights(state), *(np.asarray(a) for a in args))


@torch.no_grad()
def denoiser():
    h, state, io = golden("dit_small", "case.json")["hyper"], golden("dit_small", "weights_dit.safetensors"), golden("dit_small", "io.safetensors")
    model = dict(size=h["input_size"], hidden=h["hidden_size"], depth=h["depth"], heads=h["num_heads"], classes=h["num_classes"])
    net = networks.DiT(**model)
    net.load_state_dict(state)
    args = io["x"], io["t"].float(), io["y"].long()
    compare("DiT: PyTorch", net(*args), io["out"])
    del state["pos_embed"]
    compare("DiT: JAX", jax_run(lambda p, *a: pj.dit(p, *a, **model), state, *args), io["out"])

    case = golden("sampling_small", "case.json")
    run = next(r for r in case["runs"] if r["name"] == "pmode_10")
    inputs, want = golden("sampling_small", "inputs.safetensors"), golden("sampling_small", run["file"])["x"]
    y, one = torch.tensor([case["class_label"]]), networks.Step(net)
    for i, row in enumerate(loads.coefficients(10, run["stop_t"])):
        args = want[i], y, inputs["mode"], inputs["noise_10"][i], torch.from_numpy(row)
        compare(f"guided step {i}: PyTorch", one(*args), want[i + 1])
        compare(f"guided step {i}: JAX", jax_run(lambda p, *a: pj.step(p, *a, dtype=np.float32, **model), state, *args), want[i + 1])


@torch.no_grad()
def autoencoder():
    c, state, io = golden("vae_small", "config.json"), golden("vae_small", "weights.safetensors"), golden("vae_small", "io.safetensors")
    model = dict(widths=tuple(c["block_out_channels"]), layers=c["layers_per_block"], latent=c["latent_channels"], groups=c["norm_num_groups"], scale=c["scaling_factor"])
    mean = io["mean"] * c["scaling_factor"]
    for name, cls, jf, x, want in (("encode", networks.Encode, pj.encode, io["image"], mean),
                                   ("decode", networks.Decode, pj.decode, io["latent"] * c["scaling_factor"], io["decoded"])):
        net = cls(**model)
        own = {k: v for k, v in state.items() if k in net.state_dict()}
        net.load_state_dict(own)
        compare(f"{name}: PyTorch", net(x), want)
        compare(f"{name}: JAX", jax_run(lambda p, *a: jf(p, *a, **model), own, x), want)


def classifiers():
    for name in sorted(os.listdir(os.path.join(GOLDEN, "nets"))):
        h, path = golden("nets", name, "case.json")["hyper"], os.path.join(GOLDEN, "nets", name, "weights.safetensors")
        if not os.path.exists(path) or "mid_stem" in name:  # no load has that stem
            continue
        state, io = golden("nets", name, "weights.safetensors"), golden("nets", name, "io.safetensors")
        if h["arch"] == "convnet":
            net = networks.ConvNet(h["depth"], h["width"], h["input"], h["nclass"])
            jf = lambda p, x: pj.convnet(p, x, h["depth"], h["width"], h["nclass"])
        else:
            blocks = {10: [1, 1, 1, 1], 18: [2, 2, 2, 2]}[h["depth"]]
            average, small, width = h["arch"] == "resnet_ap", h["size"] <= 64, state["layer0.conv1.weight"].shape[0]
            net = networks.ResNet(blocks, width, h["nclass"], average, small)
            jf = lambda p, x: pj.resnet(p, x, blocks, width, h["nclass"], average, small)
        net.load_state_dict(state)
        x, y = io["input"], io["target"].long()
        optimizer = torch.optim.SGD(net.parameters(), lr=loads.RATE, momentum=loads.MOMENTUM, weight_decay=loads.DECAY)
        w = {n: pj.jnp.asarray(v) for n, v in jax_weights(state).items()}
        ours, train = (w, {n: pj.jnp.zeros_like(v) for n, v in w.items()}), pj.trainer(jf, np.float32)
        compare(f"{name}, logits: PyTorch", net(x).detach(), io["logits"])
        compare(f"{name}, logits: JAX", jax_run(jf, state, x), io["logits"])
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(net(x), y).backward()
            optimizer.step()
            ours, _ = train(ours, np.asarray(x), np.asarray(y))
        compare(f"{name}, logits after two steps: PyTorch", net(x).detach(), io["logits_after"])
        compare(f"{name}, logits after two steps: JAX", pj.jax.jit(pj.with_parameters(jf))(ours[0], np.asarray(x)), io["logits_after"])


@torch.no_grad()
def exported():
    import onnxruntime
    import openvino

    with tempfile.TemporaryDirectory() as folder:
        # of each kind the smallest: larger ones differ in their shapes alone
        for load in ("dit_s2_10steps_b1", "vae_encode_256_b1", "vae_decode_256_b1", "sd15_256_step_b1", "sd15_256_step_b1_half"):
            args = loads.inputs(load)
            want = networks.network(load).eval()(*map(torch.from_numpy, args))
            if load not in loads.PROMPTED:
                session = onnxruntime.InferenceSession(export.exported("onnx", load, folder))
                compare(f"{load}: ONNX Runtime", session.run(None, dict(zip([v.name for v in session.get_inputs()], args, strict=True)))[0], want)
            model = openvino.Core().compile_model(export.exported("openvino", load, folder), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            # With its weights OpenVINO rounds its other constants to half precision too, probably also those of the time embedding.
            compare(f"{load}: OpenVINO", model(args)[0], want, 1e-2 if load.endswith("_half") else 1e-3)


def operations():
    source = open(os.path.join(ROOT, "internal", "bench", "networks.go")).read()
    table = {name: float(v) for name, v in re.findall(r"(\w+)GFLOP += ([\d.]+)", source)}
    for name, load in {"dit": "dit_s2_10steps_b1", "xl": "dit_xl2_10steps_b1", "encode": "vae_encode_256_b1", "decode": "vae_decode_256_b1",
                       "convnet6": "convnet6_128_train_b32", "resnetAP10": "resnetap10_128_train_b32", "resnet18": "resnet18_128_train_b32"}.items():
        with torch.device("meta"):  # no memory, no arithmetic
            net = networks.network(load).to("meta")
        training = load in loads.TRAINING
        args = (torch.empty(1, 3, loads.IMAGE, loads.IMAGE),) if training else tuple(map(torch.from_numpy, loads.inputs(load)))
        with FlopCounterMode(display=False) as count:
            out = net(*(a.to("meta") for a in args))
            if training:
                out.sum().backward()
        got = count.get_total_flops() / 1e9 / (2 if load in loads.SAMPLING else 1)
        compare(f"{name}: {got:.4f} GFLOP of {table[name]:.4f}", got, table[name])


if __name__ == "__main__":
    for check in denoiser, autoencoder, classifiers, operations, exported:
        if check.__name__ in sys.argv[1:] or not sys.argv[1:]:
            check()
    if bad:
        sys.exit(f"not the same: {', '.join(bad)}")
