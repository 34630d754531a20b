#!/usr/bin/env python3
"""Measures mgd3 beside the best other programs on this machine: every load with each of them in turn, each measurement a process of its
own, several rounds. Writes each line as it comes, and prints the table of the medians.

    go build ./cmd/mgd3                                   # or unpack a release: the program is all that is needed of mgd3
    python3.12 -m venv bench/peers/.venv && bench/peers/.venv/bin/pip install -r bench/peers/requirements.txt    # 7 GB
    bench/peers/.venv/bin/python bench/compare.py --prepare           # once: export and compile, nothing is measured
    bench/peers/.venv/bin/python bench/compare.py                     # all loads; hours on two cores
    bench/peers/.venv/bin/python bench/compare.py matmul_1024 --rounds 1 --precision float32

Lines are added to those of earlier calls in --out, ours.json and peers.json, so that the loads can be measured one after another. What
cannot be run, or does not end in --limit seconds, is a line too, and is not tried again. errors.log has what the programs said.
"""

import argparse
import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLING = ["dit_s2_10steps_b1", "dit_s2_10steps_b8"]
INFERENCE = [*SAMPLING, "vae_encode_256_b1", "vae_decode_256_b1", "matmul_1024", "matmul_2048"]
TRAINING = ["convnet6_128_train_b32", "resnetap10_128_train_b32", "resnet18_128_train_b32"]
PROMPTED = [f"{name}_step_b1{half}" for name in ("sd15_256", "sd15_512", "sd21_768", "sdxl_1024") for half in ("", "_half")]
LARGE = ["dit_xl2_10steps_b1", "vae_decode_512_b1", "vae_decode_768_b1", "vae_decode_1024_b1"]  # only if they are named, as those before
KMEANS, JPEG = "kmeans_1300x4096_k10", "jpeg_500x375_to_256_b64"
# Programs, what they are started with, and their loads.
PROGRAMS = {
    "pytorch-eager": (["peer_torch.py", "--mode", "eager"], INFERENCE + TRAINING + LARGE + PROMPTED),
    "pytorch-compiled": (["peer_torch.py", "--mode", "compiled"], INFERENCE + TRAINING + LARGE + PROMPTED),
    "onnxruntime": (["peer_onnxruntime.py"], INFERENCE + LARGE),
    "openvino": (["peer_openvino.py"], INFERENCE + LARGE + PROMPTED),
    "jax": (["peer_jax.py"], INFERENCE + TRAINING + LARGE),
    "sklearn-lloyd": (["peer_sklearn.py", "--algorithm", "lloyd"], [KMEANS]),
    "sklearn-elkan": (["peer_sklearn.py", "--algorithm", "elkan"], [KMEANS]),
    "pillow": (["peer_jpeg.py", "--decoder", "pillow"], [JPEG]),
    "torchvision": (["peer_jpeg.py", "--decoder", "torchvision"], [JPEG]),
}
NARROW = [*INFERENCE, *TRAINING, *LARGE, *PROMPTED]  # loads with networks or products, which have a bf16


def options():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("load", nargs="*", help="all of mgd3 bench --names, if there is none")
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--repeat", type=int, default=3, help="runs per measurement, of which the median counts")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--precision", default="float32,bf16")
    p.add_argument("--programs", default=",".join(["mgd3", *PROGRAMS]))
    p.add_argument("--limit", type=float, default=180, help="seconds for one measurement")
    p.add_argument("--prepare", action="store_true", help="run everything once and measure nothing; --limit is ten times as long")
    p.add_argument("--table", action="store_true", help="only print the table of what was measured")
    p.add_argument("--mgd3", default="./mgd3")
    p.add_argument("--backend", default="cpu")
    p.add_argument("--out", default="out/compare")
    o = p.parse_args()
    o.programs, o.precision = o.programs.split(","), o.precision.split(",")
    for name in o.programs:
        if name not in PROGRAMS and name != "mgd3":
            p.error(f'no program "{name}": have mgd3, {", ".join(PROGRAMS)}')
    for name in o.precision:
        if name not in ("float32", "bf16"):
            p.error(f'no precision "{name}": have float32, bf16')
    return o


def environment(o):
    """Threads for every library that a program may bring, and the compilers' caches in --out."""
    threads = dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"], str(o.threads))
    env = {k: v for k, v in os.environ.items() if k != "OPENBLAS_CORETYPE"}
    return env | threads | {"TORCHINDUCTOR_CACHE_DIR": os.path.abspath(os.path.join(o.out, "inductor"))}


def command(o, name, load, precision):
    if name == "mgd3":
        return [o.mgd3, "bench", load, "--backend", o.backend, "--threads", str(o.threads), "--repeat", str(o.repeat), "--precision", precision]
    script, *flags = PROGRAMS[name][0]
    return [sys.executable, os.path.join(HERE, "peers", script), load, *flags, "--threads", str(o.threads), "--precision", precision,
            "--repeat", str(0 if o.prepare else o.repeat), "--models", os.path.join(o.out, "models")]


def measure(o, name, load, precision):
    """The line of one measurement; None where nothing was to be measured."""
    limit = o.limit * (10 if o.prepare else 1)
    failed = {"load": load, "threads": o.threads, "program": name, "precision": precision}
    if name == "mgd3":
        failed["program"] += " " + o.backend
    try:
        done = subprocess.run(command(o, name, load, precision), env=environment(o), capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return failed | {"failed": f"did not end in {limit:g} s"}
    with open(os.path.join(o.out, "errors.log"), "a") as log:
        log.write(done.stderr)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip() and "hint:" not in line]
        return failed | {"failed": said[-1].strip()[:200] if said else f"exit status {done.returncode}"}
    return json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else None


def kept(path):
    """The lines of a file; none where there is no file."""
    try:
        with open(path) as f:
            return [json.loads(line) for line in f if line.strip()]
    except FileNotFoundError:
        return []


def main():
    o = options()
    os.makedirs(o.out, exist_ok=True)
    files = {True: os.path.join(o.out, "ours.json"), False: os.path.join(o.out, "peers.json")}
    if not o.table:
        if hasattr(os, "sched_setaffinity"):  # one core a thread, for all programs alike
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: o.threads])
        everything = subprocess.run([o.mgd3, "bench", "--names"], capture_output=True, text=True, check=True).stdout.split()
        hopeless = {(r["asked"], r["load"], r["precision"]) for path in files.values() for r in kept(path) if "failed" in r}
        for n in range(o.rounds if not o.prepare else 1):
            for load in o.load or everything:
                for precision in o.precision:
                    for name in o.programs:
                        ours = name == "mgd3"
                        if (name, load, precision) in hopeless or not ours and load not in PROGRAMS[name][1]:
                            continue
                        if precision != "float32" and load not in NARROW or ours and o.prepare:
                            continue
                        start = time.time()
                        line = measure(o, name, load, precision)
                        said = "" if line is None else line.get("failed") or f"{line['per_item_s']} s"
                        print(f"round {n + 1}: {load} {precision} {name}: {said} ({time.time() - start:.0f} s)", file=sys.stderr, flush=True)
                        if line and "failed" in line:
                            line["asked"] = name
                            hopeless.add((name, load, precision))
                        if line:
                            with open(files[ours], "a") as f:
                                f.write(json.dumps(line) + "\n")
    if not o.prepare:
        against = [arg for arg in ("--against", files[False]) if os.path.exists(files[False])]
        subprocess.run([o.mgd3, "bench", "--from", files[True], *(against if len(against) == 2 else [])], check=True)


if __name__ == "__main__":
    main()
