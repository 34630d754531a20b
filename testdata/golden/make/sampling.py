"""Runs of the mode-guided samplers: MGD3's step, and the shift of x0 in DDIM.

Every step is computed in float64 from the x that is stored in float32, so each can be taken alone. Only the conditional
row is kept: the programs carry a second one along, which never touches it.
"""

import numpy as np
import torch

from case import Case, f32, single, stream
from schedule import Chain, linear

SETTINGS = {
    "small": {"label": 3, "runs": [
        {"name": "pmode_10", "respacing": "10", "lam": 0.1, "stop": 2, "cfg": 4.0},
        {"name": "pmode_10_stop5_cfg1p5", "respacing": "10", "lam": 0.05, "stop": 5, "cfg": 1.5},
        {"name": "p_10_clip", "respacing": "10", "cfg": 4.0, "clip": True},
        {"name": "pmode_10_strong_clip", "respacing": "10", "lam": 1.0, "stop": 0, "cfg": 4.0, "clip": True},
        {"name": "ddimmode_10", "respacing": "10", "lam": 0.1, "stop": 0, "cfg": 4.0, "eta": 0.0},
        {"name": "ddim_ddim10_eta0p7", "respacing": "ddim10", "cfg": 4.0, "eta": 0.7},
    ]},
    "other": {"label": 7, "runs": [
        {"name": "guided_in_eight", "respacing": "8", "lam": 0.07, "stop": 3, "cfg": 3.0},
        {"name": "free_in_sections", "respacing": "3,2,2", "cfg": 2.0},
        {"name": "shift_in_eight", "respacing": "8", "lam": 0.2, "stop": 1, "cfg": 3.0, "eta": 0.0},
        {"name": "noisy_ddim20", "respacing": "ddim20", "cfg": 1.5, "eta": 0.4},
    ]},
}


def predict(model, x, t, label, cfg):
    """The noise, guided on the first three channels, and the variance logits."""
    null, rows = model.s["classes"], torch.from_numpy(np.concatenate([x, x]))
    with torch.no_grad():
        out = model(rows.to(model.pos_embed.dtype), torch.tensor([t, t]), torch.tensor([label, null])).double().numpy()
    eps, v = out[:1, :4].copy(), out[:1, 4:]
    eps[:, :3] = out[1:, :3] + cfg * (out[:1, :3] - out[1:, :3])
    return eps, v


def step(model, chain, i, x, z, mode, label, run):
    """One step from respaced index i: the next x, and what the case stores of the way there."""
    eps, v = predict(model, x, chain.timesteps[i], label, run["cfg"])
    x0 = chain.recip[i] * x - chain.recipm1[i] * eps
    if run.get("clip"):
        x0 = np.clip(x0, -1, 1)
    mean = chain.mean_x0[i] * x0 + chain.mean_x[i] * x
    part = (v + 1) / 2
    log_variance = part * np.log(chain.beta[i]) + (1 - part) * chain.log_variance[i]
    pull = run.get("lam", 0) * (mode - x0) if guided(run, i) else 0 * x0
    seen = {"pred_xstart": x0, "mean": mean, "log_variance": log_variance}
    z = z if i > 0 else 0 * z
    if "eta" not in run:
        sigma = np.exp(0.5 * log_variance)
        return mean + sigma * pull + sigma * z, seen
    shifted = x0 + pull
    if "lam" in run:
        seen["pred_xstart_guided"] = shifted
    eps = (chain.recip[i] * x - shifted) / chain.recipm1[i]
    bar, prev = chain.bar[i], chain.bar_prev[i]
    sigma = run["eta"] * np.sqrt((1 - prev) / (1 - bar)) * np.sqrt(1 - bar / prev)
    return np.sqrt(prev) * shifted + np.sqrt(1 - prev - sigma**2) * eps + sigma * z, seen


def guided(run, i):
    return "lam" in run and i > run["stop"]


def sample(model, chain, inputs, label, run):
    """The whole run: x [steps+1, 1, 4, S, S] and per step the rest."""
    x, stored = inputs["z"], {"x": [inputs["z"]]}
    for k, i in enumerate(reversed(range(len(chain.timesteps)))):
        noise = inputs[f"noise_{len(chain.timesteps)}"][k]
        x, seen = step(model, chain, i, x, noise, inputs["mode"], label, run)
        x = single(x)
        for name, value in {"x": x, **seen}.items():
            stored.setdefault(name, []).append(value)
    return {name: np.stack(list(v)) for name, v in stored.items()}


def make(root, variant, seed, model_name, model):
    s, size, runs = SETTINGS[variant], model.s["size"], []
    case = Case(root, f"sampling_{variant}", "the formulas of DDPM, DDIM and MGD3's guided step; float64")
    rng, betas = stream(seed, "sampling", variant), linear(1000, 1e-4, 0.02)
    chains = {run["respacing"]: Chain(betas, run["respacing"]) for run in s["runs"]}
    inputs = {"z": single(rng.standard_normal((1, 4, size, size))), "mode": single(0.8 * rng.standard_normal((1, 4, size, size)))}
    for n in sorted({len(chain.timesteps) for chain in chains.values()}):
        inputs[f"noise_{n}"] = single(rng.standard_normal((n, 1, 4, size, size)))
    for run in s["runs"]:
        chain = chains[run["respacing"]]
        stored = sample(model, chain, inputs, s["label"], run)
        rough = sample(model.float(), chain, inputs, s["label"], run)["x"][-1]
        model.double()
        end = stored["x"][-1]
        file, n = run["name"] + ".safetensors", len(chain.timesteps)
        runs.append({
            "name": run["name"], "file": file, "tensors": case.tensors(file, {k: f32(v) for k, v in stored.items()}),
            "method": "p_sample" if "eta" not in run else "ddim_sample", "respacing": run["respacing"],
            "mode_guidance_scale": run.get("lam", 0), "stop_t": run.get("stop", 0), "cfg_scale": run["cfg"],
            "clip_denoised": run.get("clip", False), "eta": run.get("eta", 0),
            **({"guided": [guided(run, i) for i in reversed(range(n))]} if "lam" in run else {}), "noise": f"noise_{n}", "mode": "mode" if "lam" in run else "",
            "leaves_data_range": bool(np.abs(end).max() > 20), "float32_vs_float64_at_the_end": np.abs(rough - end).max(),
        })
    case.finish(
        model=model_name, class_label=s["label"], null_label=model.s["classes"],
        inputs={"inputs.safetensors": case.tensors("inputs.safetensors", {k: f32(v) for k, v in inputs.items()})}, runs=runs,
        # In units of max(1, largest value); pred_xstart's and pull's also of sqrt(1/alpha_bar), pull's of the guidance scale.
        tolerance={"pred_xstart": 3e-5, "mean": 2e-4, "next": 2e-4, "pull": 3e-5, "log_variance": 1e-4,
                   "full_run": 1e-3, "full_run_clipped": 5e-3, "full_run_out_of_range": 1e-3},
    )
