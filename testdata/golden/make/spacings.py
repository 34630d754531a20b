"""Chains of diffusers' schedulers under their settings: what is predicted, zero terminal SNR, spacings, offsets, the last
level; plain, and with the pull of MGD3's program for Stable Diffusion (arXiv:2505.18963) put into step."""

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddim, scheduling_ddpm
from diffusers.schedulers.scheduling_ddim import rescale_zero_terminal_snr

from case import FILE, Case, f32, half, i64, stream

V, ZERO = {"prediction_type": "v_prediction"}, {"rescale_betas_zero_snr": True}
RUNS = [
    {"name": "ddpm_linspace", "steps": 7, "spacing": "linspace"},
    {"name": "ddpm_v", "steps": 10, "spacing": "leading", "offset": 1, "more": V, "lam": 0.1, "stop": 500},
    {"name": "ddpm_v_zero", "steps": 9, "spacing": "trailing", "more": {**V, **ZERO}, "lam": 0.2, "stop": 300},
    {"name": "ddim_to_one", "steps": 10, "spacing": "leading", "offset": 0, "one": True, "lam": 0.1, "stop": 500},
    {"name": "ddim_v", "steps": 12, "spacing": "trailing", "more": V, "eta": 0.6},
    {"name": "ddim_v_zero", "steps": 10, "spacing": "trailing", "one": True, "more": {**V, **ZERO}, "lam": 0.1, "stop": 500},
    {"name": "ddim_linspace", "steps": 7, "spacing": "linspace", "more": V, "lam": 0.3, "stop": 100},
    {"name": "ddim_zero", "steps": 8, "spacing": "leading", "offset": 1, "more": ZERO},
]
SETTINGS = {"small": {"shape": (1, 4, 5, 6), "runs": RUNS}, "other": {"shape": (1, 3, 4, 3), "runs": RUNS[::-1]}}
COMMON = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False}


def scheduler(run):
    """The scheduler of a run, with tables in float64."""
    ddim, more = run["name"].startswith("ddim"), run.get("more", {})
    named = {**COMMON, **more, "timestep_spacing": run["spacing"], "steps_offset": run.get("offset", 0)}
    s = DDIMScheduler(**named, set_alpha_to_one=run.get("one", False)) if ddim else DDPMScheduler(**named)
    s.betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    if more.get("rescale_betas_zero_snr"):
        s.betas = rescale_zero_terminal_snr(s.betas)
    s.alphas = 1 - s.betas
    s.alphas_cumprod = torch.cumprod(s.alphas, 0)
    s.one = torch.ones((), dtype=torch.float64)
    if ddim and not run.get("one"):
        s.final_alpha_cumprod = s.alphas_cumprod[0]
    s.set_timesteps(run["steps"])
    return s


def chain(run, start, out, noise, mode):
    """x before and after every step, and x0 in each, for given results of a network."""
    s, x = scheduler(run), torch.from_numpy(start)
    xs, x0s = [start], []
    for k, t in enumerate(s.timesteps):
        drawn = torch.from_numpy(noise[k])
        for module in (scheduling_ddpm, scheduling_ddim):
            module.randn_tensor = lambda *args, **named: drawn
        named = {"eta": run.get("eta", 0.0)} if isinstance(s, DDIMScheduler) else {}
        step = s.step(torch.from_numpy(out[k]), t, x, **named)
        x, x0 = step.prev_sample, step.pred_original_sample
        if "lam" in run and t > run["stop"]:
            scale = s.alphas_cumprod[t] ** 0.5 if named else s._get_variance(t) ** 0.5
            x = x + run["lam"] * scale * (torch.from_numpy(mode) - x0)
        xs.append(x.numpy())
        x0s.append(x0.numpy())
    return s.timesteps.tolist(), np.stack(xs), np.stack(x0s)


def sums():
    """Of each spacing Σ i·t_i for 1 to 1000 steps, i from 1 on in the order of sampling."""
    rows = {}
    for spacing in ("leading", "linspace", "trailing"):
        s, row = DDPMScheduler(**COMMON, timestep_spacing=spacing), []
        for n in range(1, 1001):
            s.set_timesteps(n)
            t = s.timesteps.numpy()
            assert len(t) == n or (len(t) == n + 1 and t[-1] == -1), (spacing, n, t)
            row.append((np.arange(1, n + 1) * t[:n]).sum())
        rows[f"sums/{spacing}"] = i64(row)
    return rows


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "spacings", variant)
    case = Case(root, f"sd_spacings_{variant}", "DDPMScheduler and DDIMScheduler of diffusers, with tables in float64; the pull by MGD3's formulas")
    most = max(run["steps"] for run in s["runs"])
    start, out, noise, mode = (half(rng.standard_normal(shape)) for shape in (s["shape"], (most, *s["shape"]), (most, *s["shape"]), s["shape"]))
    tensors, runs = {"start": f32(start), "out": f32(out), "noise": f32(noise), "mode": f32(mode), **sums()}, []
    for run in s["runs"]:
        timesteps, xs, x0s = chain(run, start, out, noise, mode)
        tensors.update({f"{run['name']}/x": f32(xs), f"{run['name']}/x0": f32(x0s)})
        runs.append({**run, "timesteps": timesteps})
    config = {k: COMMON[k] for k in ("num_train_timesteps", "beta_start", "beta_end")}
    case.finish(config=config, runs=runs, files={FILE: case.tensors(FILE, tensors)}, tolerance={"max_abs": 1e-5})
