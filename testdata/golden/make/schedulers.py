"""Chains of the schedulers of diffusers that Stable Diffusion 1.x is sampled with: DDPM and DDIM, the noise given."""

import numpy as np
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from diffusers.schedulers import scheduling_ddpm

from case import FILE, Case, f32, half, stream

SETTINGS = {"small": {"steps": 10, "shape": (1, 4, 5, 6)}, "other": {"steps": 8, "shape": (1, 4, 3, 7)}}


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "schedulers", variant)
    case, n = Case(root, f"sd_schedulers_{variant}", "DDPMScheduler and DDIMScheduler of diffusers, with tables in float64"), s["steps"]
    common = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
              "clip_sample": False, "timestep_spacing": "leading", "steps_offset": 1}
    chains = {"ddpm": DDPMScheduler(**common, variance_type="fixed_small"), "ddim": DDIMScheduler(**common, set_alpha_to_one=False)}
    start, eps, noise = (half(rng.standard_normal(shape)) for shape in (s["shape"], (n, *s["shape"]), (n, *s["shape"])))
    tensors, timesteps = {"sched/start": f32(start), "sched/eps": f32(eps), "sched/noise": f32(noise)}, {}
    for chain in chains.values():
        chain.betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        chain.alphas = 1 - chain.betas
        chain.alphas_cumprod = torch.cumprod(chain.alphas, 0)
        chain.one = torch.ones((), dtype=torch.float64)
    chains["ddim"].final_alpha_cumprod = chains["ddim"].alphas_cumprod[0]
    for count in (n, 50):
        for chain in chains.values():
            chain.set_timesteps(count)
        timesteps[str(count)] = {name: chain.timesteps.tolist() for name, chain in chains.items()}
    for name, chain in chains.items():
        chain.set_timesteps(n)
        x, xs, x0s = torch.from_numpy(start), [start], []
        for k, t in enumerate(chain.timesteps):
            scheduling_ddpm.randn_tensor = lambda *args, **named: torch.from_numpy(noise[k])
            out = chain.step(torch.from_numpy(eps[k]), t, x)
            x = out.prev_sample
            xs.append(x.numpy())
            x0s.append(out.pred_original_sample.numpy())
        tensors.update({f"sched/{name}_x": f32(np.stack(xs)), f"sched/{name}_x0": f32(np.stack(x0s))})
    tensors["sched/ddpm_variance"] = f32([chains["ddpm"]._get_variance(t).item() for t in chains["ddpm"].timesteps])
    case.finish(schedulers={"config": {k: common[k] for k in ("num_train_timesteps", "beta_start", "beta_end")}, "ddim": {"eta": 0.0}, "timesteps": timesteps},
                files={FILE: case.tensors(FILE, tensors)}, tolerance={"scheduler_max_abs": 1e-5})
