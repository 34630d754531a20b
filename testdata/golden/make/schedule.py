"""The noise schedule of DDPM (Ho et al. 2020), its respacing, and the cosine schedule (Nichol and Dhariwal 2021)."""

import numpy as np

from case import Case, f64, i64

SETTINGS = {
    "small": {"steps": 1000, "start": 1e-4, "end": 0.02, "cosine": 1000,
              "respacings": ["", "250", "50", "10", "ddim50", "10,10,20"],
              "tried": ["ddim30", "ddim999", "1001", "500,501", "7,7,7"]},
    "other": {"steps": 400, "start": 2.5e-4, "end": 0.05, "cosine": 300,
              "respacings": ["", "40", "7", "ddim25", "5,3", "20,1,4"],
              "tried": ["ddim40", "ddim399", "401", "200,201", "3,3,3,3"]},
}


def linear(steps, start, end):
    return np.linspace(start, end, steps, dtype=np.float64)


def cosine(steps):
    def bar(t):
        return np.cos((t + 0.008) / 1.008 * np.pi / 2) ** 2

    i = np.arange(steps)
    return np.minimum(1 - bar((i + 1) / steps) / bar(i / steps), 0.999)


def respace(text, steps):
    """The timesteps kept: all for "", every i-th for "ddimN", else evenly in as many sections as numbers."""
    if text == "":
        return list(range(steps))
    if text.startswith("ddim"):
        n = int(text[4:])
        for stride in range(1, steps):
            if len(range(0, steps, stride)) == n:
                return list(range(0, steps, stride))
        raise ValueError(f"no stride keeps {n} of {steps} steps")
    counts, kept, first = [int(n) for n in text.split(",")], [], 0
    for i, n in enumerate(counts):
        size = steps // len(counts) + (1 if i < steps % len(counts) else 0)
        if n > size:
            raise ValueError(f"{n} steps of a section of {size}")
        stride, at = (size - 1) / (n - 1) if n > 1 else 1, 0.0
        for _ in range(n):
            kept.append(first + round(at))  # half to even
            at += stride
        first += size
    return kept


class Chain:
    """The quantities of the process that keeps some of the steps; all float64, of len(timesteps)."""

    def __init__(self, betas, text):
        self.timesteps = respace(text, len(betas))
        self.bar = np.cumprod(1 - betas)[self.timesteps]
        self.bar_prev = np.append(1.0, self.bar[:-1])
        self.beta = 1 - self.bar / self.bar_prev
        self.variance = self.beta * (1 - self.bar_prev) / (1 - self.bar)
        self.log_variance = np.log(np.append(self.variance[1], self.variance[1:]))
        self.mean_x0 = self.beta * np.sqrt(self.bar_prev) / (1 - self.bar)
        self.mean_x = (1 - self.bar_prev) * np.sqrt(1 - self.beta) / (1 - self.bar)
        self.recip = np.sqrt(1 / self.bar)
        self.recipm1 = np.sqrt(1 / self.bar - 1)


def tried(text, steps):
    try:
        return {"respacing": text, "accepted": True, "count": len(respace(text, steps))}
    except ValueError:
        return {"respacing": text, "accepted": False}


def make(root, variant, seed):
    s = SETTINGS[variant]
    case = Case(root, f"schedule_{variant}", "DDPM's formulas and improved-diffusion's respacing, in float64")
    betas, tensors, respacings = linear(s["steps"], s["start"], s["end"]), {"cosine/betas": f64(cosine(s["cosine"]))}, []
    for text in s["respacings"]:
        chain, prefix = Chain(betas, text), "r_" + (text.replace(",", "_") or "none")
        respacings.append({"respacing": text, "prefix": prefix, "steps": len(chain.timesteps)})
        tensors[prefix + "/timestep_map"] = i64(chain.timesteps)
        for name, x in {
            "betas": chain.beta, "alphas_cumprod": chain.bar, "alphas_cumprod_prev": chain.bar_prev,
            "posterior_variance": chain.variance, "posterior_log_variance_clipped": chain.log_variance,
            "posterior_mean_coef1": chain.mean_x0, "posterior_mean_coef2": chain.mean_x,
            "sqrt_recip_alphas_cumprod": chain.recip, "sqrt_recipm1_alphas_cumprod": chain.recipm1,
        }.items():
            tensors[f"{prefix}/{name}"] = f64(x)
    files = {"schedule.safetensors": case.tensors("schedule.safetensors", tensors)}
    case.finish(
        base_schedule={"kind": "linear", "steps": s["steps"], "beta_start": s["start"], "beta_end": s["end"]},
        respacings=respacings, respacing_rejections=[tried(text, s["steps"]) for text in s["tried"]], files=files,
        tolerance={"arrays_relative": 1e-9},
    )
