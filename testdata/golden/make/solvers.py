"""Unguided chains of diffusers' schedulers for few steps, DPM-Solver++ and UniPC: predictions given, no pull."""

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UniPCMultistepScheduler

from case import FILE, Case, f32, half, stream

SETTINGS = {"small": {"steps": (5, 16), "shape": (1, 2, 3, 4)}, "other": {"steps": (4, 9), "shape": (1, 4, 3, 2)}}
CHAINS = {"dpm++2m": (DPMSolverMultistepScheduler, {"algorithm_type": "dpmsolver++", "solver_type": "midpoint"}),
          "dpm++2m-sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++", "solver_type": "midpoint"}),
          "unipc": (UniPCMultistepScheduler, {"solver_type": "bh2", "predict_x0": True})}


def double(chain):
    """Tables in float64 in place of float32."""
    chain.betas = torch.linspace(0.0001, 0.02, 1000, dtype=torch.float64)
    chain.alphas_cumprod = torch.cumprod(1 - chain.betas, 0)
    chain.alpha_t, chain.sigma_t = chain.alphas_cumprod**0.5, (1 - chain.alphas_cumprod) ** 0.5
    chain.lambda_t = torch.log(chain.alpha_t) - torch.log(chain.sigma_t)


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "solvers", variant)
    case = Case(root, f"sd_solvers_{variant}", "DPMSolverMultistepScheduler and UniPCMultistepScheduler of diffusers, of second order, with tables in float64")
    start = half(rng.standard_normal(s["shape"]))
    eps = half(rng.standard_normal((max(s["steps"]), *s["shape"])))
    noise = half(rng.standard_normal((max(s["steps"]), *s["shape"])))
    tensors = {"start": f32(start), "eps": f32(eps), "noise": f32(noise)}
    for name, (kind, settings) in CHAINS.items():
        for n in s["steps"]:
            chain = kind(num_train_timesteps=1000, beta_start=0.0001, beta_end=0.02, beta_schedule="linear", solver_order=2,
                         timestep_spacing="trailing", final_sigmas_type="zero", thresholding=False, **settings)
            double(chain)
            chain.set_timesteps(n)
            sigmas = ((1 - chain.alphas_cumprod) / chain.alphas_cumprod) ** 0.5
            chain.sigmas = torch.cat([sigmas[chain.timesteps], torch.zeros(1, dtype=torch.float64)])
            x, xs = torch.from_numpy(start), [start]
            for k, t in enumerate(chain.timesteps):
                own = {"variance_noise": torch.from_numpy(noise[k])} if name == "dpm++2m-sde" else {}
                x = chain.step(torch.from_numpy(eps[k]), t, x, **own).prev_sample
                xs.append(x.numpy())
            assert x.dtype == torch.float64
            tensors[f"{name}_{n}"] = f32(np.stack(xs))
    case.finish(steps=list(s["steps"]), schedule={"steps": 1000, "start": 0.0001, "end": 0.02}, files={FILE: case.tensors(FILE, tensors)},
                tolerance={"solver_relative": 1e-4})
