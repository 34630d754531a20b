"""Makes the golden cases: python make.py [--variant small] [--seed 0] [--out ..] [KIND ...]. See ../README.md."""

import argparse
import os
import sys

sys.dont_write_bytecode = True
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # sums in one order

import torch  # noqa: E402
from diffusers.utils import logging  # noqa: E402

import archives, augment, backbone, classes, dit, kmeans, libraries, lpips, manifold, metrics, nets, preprocess, sampling, schedule, pipelines, schedulers, solvers, spacings, taesd, text, unet, vae, vq, whole  # noqa: E401, E402

MAKERS = {"schedule": schedule.make, "schedulers": schedulers.make, "spacings": spacings.make, "solvers": solvers.make, "pipelines": pipelines.make, "classes": classes.make, "vae": vae.make, "taesd": taesd.make, "text": text.make, "unet": unet.make, "vq": vq.make, "kmeans": kmeans.make, "preprocess": preprocess.make,
          "nets": nets.make, "augment": augment.make, "metrics": metrics.make,
          "lpips": lpips.make, "manifold": manifold.make, "libnets": libraries.make, "backbone": backbone.make, "archives": archives.make}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(description="Makes golden cases for mgd3.")
    p.add_argument("kinds", nargs="*", help=f"of {', '.join(MAKERS)}, dit (with sampling and whole, which needs vae); default all")
    p.add_argument("--variant", choices=("small", "other"), default="small", help="small is what the repository holds; other has other names and shapes")
    p.add_argument("--seed", type=int, default=0, help="of all numbers and weights")
    p.add_argument("--out", default=os.path.dirname(here), help="the folder for the cases; default the repository's")
    args = p.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    logging.set_verbosity_error()
    if unknown := set(args.kinds) - set(MAKERS) - {"dit"}:
        p.error(f"no such kind: {', '.join(sorted(unknown))}")
    for kind in args.kinds or [*MAKERS, "dit"]:
        if kind == "dit":
            model = dit.make(args.out, args.variant, args.seed)
            sampling.make(args.out, args.variant, args.seed, *model)
            whole.make(args.out, args.variant, args.seed, *model)
        else:
            MAKERS[kind](args.out, args.variant, args.seed)


main()
