"""Measures a load as "mgd3 bench" does, and prints the same line: one run to warm up, the median of the others, and the most
resident memory of the process since the load began to be made."""

import argparse
import json
import sys
import time

import numpy as np

import loads


def main(program, make, **choices):
    """Runs the command line of a peer. make(load, options) returns what to run; choices are flags of its own, with their values.
    program(options) is its name and version."""
    p = argparse.ArgumentParser()
    p.add_argument("load")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--repeat", type=int, default=3, help="0: make what is kept on disk, run once, and print nothing")
    p.add_argument("--precision", choices=["float32", "bf16"], default="float32")
    p.add_argument("--models", default="out/peers", help="folder of exported networks")
    for name, values in choices.items():
        p.add_argument("--" + name, choices=values, default=values[0])
    o = p.parse_args()
    line = {"load": o.load, "batch": loads.batch_of(o.load)}
    reset_peak()
    run = make(o.load, o)
    run()
    times = []
    for _ in range(o.repeat):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    if not times:
        return
    seconds = sorted(times)[len(times) // 2]
    line |= {"seconds": round(seconds, 6), "per_item_s": round(seconds / line["batch"], 7), "threads": o.threads,
             "program": program(o), "precision": o.precision}
    if (peak := peak_mib()) is not None:
        line["peak_mib"] = peak
    print(json.dumps(line), flush=True)


def sample(load, step, noise):
    """Draws the latents of a load with step(x, y, mode, z, coef), z being noise(shape)."""
    x, y, mode, rows = loads.draws(load)
    for row in rows:
        x = step(x, y, mode, noise(x.shape), row)
    return x


def runner(load, call):
    """What to run of a network that call(*arrays) runs: the guided steps of a sampler, or one call."""
    if load in loads.SAMPLING:
        rng = np.random.default_rng(0)
        return lambda: sample(load, call, lambda shape: rng.standard_normal(shape, dtype=np.float32))
    args = loads.inputs(load)
    return lambda: call(*args)


def reset_peak():
    try:
        with open("/proc/self/clear_refs", "w") as f:
            f.write("5")
    except OSError:
        pass


def peak_mib():
    """None where the system does not tell."""
    try:
        with open("/proc/self/status") as f:
            return round(next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024, 1)
    except OSError:
        return None


def refuse(why):
    """Ends the program: the load cannot be run, and why."""
    sys.exit(why)
