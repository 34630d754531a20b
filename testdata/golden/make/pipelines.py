"""Pipelines of Stable Diffusion 1, 2 and SDXL with small made-up weights, saved by diffusers, and what they draw: without
a pull, and with MGD3's (arXiv:2505.18963), which is put into the scheduler's step by its formula."""

import json
import os
import shutil

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DDPMScheduler, StableDiffusionPipeline, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.schedulers import scheduling_ddim, scheduling_ddpm
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from case import FILE, Case, f32, half, single, stream

CROSS, PLAIN = ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D"), ("DownBlock2D", "UpBlock2D")
V = {"prediction_type": "v_prediction"}
KINDS = {
    "sd1": {"unet": {"attention_head_dim": 2}, "levels": (CROSS, PLAIN), "rule": "ddpm", "act": "quick_gelu", "pad": "<|endoftext|>", "spacing": "leading", "offset": 1},
    "sd2": {"unet": {"attention_head_dim": [1, 2], "use_linear_projection": True}, "levels": (CROSS, PLAIN), "rule": "ddim", "more": V,
            "act": "gelu", "pad": "!", "spacing": "trailing", "offset": 0},
    "sdxl": {"unet": {"attention_head_dim": [1, 2], "use_linear_projection": True, "transformer_layers_per_block": [1, 2], "addition_embed_type": "text_time",
                      "addition_time_embed_dim": 8, "projection_class_embeddings_input_dim": 12 + 48}, "levels": (PLAIN, CROSS), "rule": "ddpm",
             "act": "gelu", "pad": "!", "spacing": "leading", "offset": 1},
}
PROMPTS, SIDE, STEPS, LAMBDA, STOP = ["a cat", "tench, Tinca tinca"], 8, 5, 0.1, 500
MERGES = [("a", "t</w>"), ("c", "at</w>"), ("t", "e"), ("n", "c"), ("nc", "h</w>")]


def tokenizer(folder, pad):
    """A vocabulary of bytes and a few pairs."""
    letters = sorted({chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]} | {chr(256 + i) for i in range(68)})
    names = [*letters, *(c + "</w>" for c in letters), *("".join(m) for m in MERGES), "<|startoftext|>", "<|endoftext|>"]
    os.makedirs(folder)
    with open(f"{folder}/vocab.json", "w") as out:
        json.dump({name: i for i, name in enumerate(names)}, out)
    with open(f"{folder}/merges.txt", "w") as out:
        out.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES))
    return CLIPTokenizer.from_pretrained(folder, pad_token=pad, model_max_length=77), len(names)


def fill(model, rng):
    with torch.no_grad():
        for name, p in model.named_parameters():
            x = rng.standard_normal(tuple(p.shape))
            if "embedding.weight" in name:
                x *= 0.3
            elif p.dim() > 1:
                x /= np.sqrt(p[0].numel())
            else:
                x = 0.1 * x + (1 if "norm" in name and name.endswith("weight") else 0)
            p.copy_(torch.from_numpy(half(x)))
    return model.double().eval()


def guided(base):
    """A scheduler whose step pulls to a mode, and has its noise given."""
    class Guided(base):
        def step(self, out, t, x, **named):
            k = self.timesteps.tolist().index(int(t))
            for module in (scheduling_ddpm, scheduling_ddim):
                module.randn_tensor = lambda *args, **more: torch.from_numpy(self.noise[k])
            made = super().step(out, t, x, return_dict=True, **{k: v for k, v in named.items() if k == "eta"})
            after, x0 = made.prev_sample, made.pred_original_sample
            if t > STOP:
                scale = self._get_variance(t) ** 0.5 if base is DDPMScheduler else self.alphas_cumprod[t] ** 0.5
                after = after + self.lam * scale * (torch.from_numpy(self.mode) - x0)
            self.seen.append(after.numpy())
            return (after,)
    Guided.__name__ = base.__name__
    return Guided


def pipeline(folder, kind, s, rng):
    levels = s["levels"]
    xl, encoders = kind == "sdxl", {}
    for suffix in ("", "_2") if xl else ("",):
        of = "gelu" if suffix else ("quick_gelu" if xl else s["act"])
        tok, vocabulary = tokenizer(f"{folder}/own{suffix}", s["pad"] if suffix or not xl else "<|endoftext|>")
        shutil.rmtree(f"{folder}/own{suffix}")
        config = CLIPTextConfig(vocab_size=vocabulary, hidden_size=16 if suffix else 32, intermediate_size=32, num_hidden_layers=3, num_attention_heads=2,
                                hidden_act=of, projection_dim=12, eos_token_id=vocabulary - 1, bos_token_id=vocabulary - 2)
        encoders["text_encoder" + suffix] = fill((CLIPTextModelWithProjection if suffix else CLIPTextModel)(config), rng)
        encoders["tokenizer" + suffix] = tok
    unet = fill(UNet2DConditionModel(sample_size=SIDE, block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4, cross_attention_dim=48 if xl else 32,
                                     down_block_types=[a for a, _ in levels], up_block_types=[b for _, b in levels[::-1]], **s["unet"]), rng)
    vae = fill(AutoencoderKL(block_out_channels=[8, 16], down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
                             norm_num_groups=4, sample_size=2 * SIDE, scaling_factor=0.13025 if xl else 0.18215), rng)
    base = DDIMScheduler if s["rule"] == "ddim" else DDPMScheduler
    more = {"set_alpha_to_one": False} if s["rule"] == "ddim" else {}
    scheduler = guided(base)(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, timestep_spacing=s["spacing"],
                             steps_offset=s["offset"], **more, **s.get("more", {}))
    made = dict(vae=vae, unet=unet, scheduler=scheduler, **encoders)
    return StableDiffusionXLPipeline(**made) if xl else StableDiffusionPipeline(**made, safety_checker=None, feature_extractor=None, requires_safety_checker=False)


def save(pipe, folder):
    """As save_pretrained has it, in half precision."""
    dtype = {name: getattr(pipe, name) for name in ("unet", "vae", "text_encoder", "text_encoder_2") if getattr(pipe, name, None) is not None}
    for model in dtype.values():
        model.half()
    pipe.save_pretrained(folder)
    for model in dtype.values():
        model.double()


def draw(pipe, kind, prompt, start, mode, noise, lam):
    s = pipe.scheduler
    s.mode, s.noise, s.lam, s.seen = mode, noise, lam, [start]
    s.betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    s.alphas = 1 - s.betas
    s.alphas_cumprod = torch.cumprod(s.alphas, 0)
    s.one = torch.ones((), dtype=torch.float64)
    if hasattr(s, "final_alpha_cumprod"):
        s.final_alpha_cumprod = s.alphas_cumprod[0]
    size = {"height": 2 * SIDE, "width": 2 * SIDE}
    pipe(prompt, num_inference_steps=STEPS, guidance_scale=8.0 if kind != "sdxl" else 5.0, latents=torch.from_numpy(start), output_type="latent", **size)
    with torch.no_grad():
        image = pipe.vae.decode(torch.from_numpy(s.seen[-1]) / pipe.vae.config.scaling_factor).sample.numpy()
    return np.stack(s.seen), image


def make(root, variant, seed):
    for kind, s in KINDS.items():
        rng = stream(seed, "pipelines", variant, kind)
        name = f"sd_pipeline_{variant}_{kind}"
        case = Case(root, name, "StableDiffusionPipeline or StableDiffusionXLPipeline of diffusers, saved by save_pretrained; float64")
        pipe = pipeline(case.dir, kind, s, rng)
        pipe.set_progress_bar_config(disable=True)
        save(pipe, case.dir)
        with open(f"{case.dir}/scheduler/scheduler_config.json") as f:
            config = json.load(f)
        shape = (1, 4, SIDE, SIDE)
        start, mode, noise = single(rng.standard_normal(shape)), single(0.8 * rng.standard_normal(shape)), single(rng.standard_normal((STEPS, *shape)))
        tensors = {"start": f32(start), "mode": f32(mode), "noise": f32(noise)}
        for i, prompt in enumerate(PROMPTS):
            for run, lam in (("free", 0.0), ("pulled", LAMBDA)):
                x, image = draw(pipe, kind, prompt, start, mode, noise, lam)
                tensors.update({f"{i}/{run}/x": f32(x), f"{i}/{run}/image": f32(image)})
        case.finish(kind=kind, rule=s["rule"] + "-sd", steps=STEPS, cfg=8.0 if kind != "sdxl" else 5.0, stop=STOP, prompts=PROMPTS, size=2 * SIDE, scheduler=config,
                    **{"lambda": LAMBDA}, files={FILE: case.tensors(FILE, tensors)}, tolerance={"max_rel": 1e-4})
