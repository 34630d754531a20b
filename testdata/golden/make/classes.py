"""A class-conditional latent diffusion model (CompVis' cin256: class token by cross-attention, autoencoder with a codebook) with
small made-up weights, as diffusers' modules in folders, and what it draws: without a pull, and with MGD3's (arXiv:2505.18963), in
the scheduler's step. diffusers has no pipeline of it: the loop is that of its LDMPipeline with classifier-free guidance."""

import os

import numpy as np
import torch
from diffusers import UNet2DConditionModel, VQModel
from diffusers import DDPMScheduler
from safetensors.numpy import save_file

import pipelines
from case import FILE, Case, f16, f32, half, single, stream

CLASSES, SIDE, STEPS, LAMBDA, STOP, CFG = 3, 8, 5, 0.1, 500, 3.0
START, END = 0.0015, 0.0195


def make(root, variant, seed):
    rng = stream(seed, "classes", variant)
    case = Case(root, f"class_pipeline_{variant}", "UNet2DConditionModel, VQModel and DDPMScheduler of diffusers; float64")
    (down, up), (plain_down, plain_up) = pipelines.CROSS, pipelines.PLAIN
    unet = pipelines.fill(UNet2DConditionModel(
        sample_size=SIDE, in_channels=3, out_channels=3, block_out_channels=[8, 16], layers_per_block=1, norm_num_groups=4,
        cross_attention_dim=24, attention_head_dim=1, down_block_types=[plain_down, down], up_block_types=[up, plain_up]), rng)
    vae = pipelines.fill(VQModel(
        block_out_channels=[4, 8], down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2, latent_channels=3,
        norm_num_groups=4, num_vq_embeddings=60, vq_embed_dim=3, sample_size=2 * SIDE, scaling_factor=1.0), rng)
    with torch.no_grad():
        vae.quantize.embedding.weight.copy_(torch.from_numpy(half(1.5 * rng.standard_normal((60, 3)))))
    table = half(rng.standard_normal((CLASSES + 1, 24)))
    scheduler = pipelines.guided(DDPMScheduler)(beta_start=START, beta_end=END, beta_schedule="scaled_linear", clip_sample=False,
                                                timestep_spacing="leading", steps_offset=1)
    for name, model in (("unet", unet), ("vqvae", vae)):
        model.half().save_pretrained(f"{case.dir}/{name}")
        model.double()
    scheduler.save_pretrained(f"{case.dir}/scheduler")
    os.makedirs(f"{case.dir}/class_embedder")
    save_file({"embedding.weight": f16(table)}, f"{case.dir}/class_embedder/model.safetensors")
    scheduler.betas = torch.linspace(START**0.5, END**0.5, 1000, dtype=torch.float64) ** 2
    scheduler.alphas = 1 - scheduler.betas
    scheduler.alphas_cumprod = torch.cumprod(scheduler.alphas, 0)
    scheduler.one = torch.ones((), dtype=torch.float64)
    shape = (1, 3, SIDE, SIDE)
    start, mode, noise = single(rng.standard_normal(shape)), single(0.8 * rng.standard_normal(shape)), single(rng.standard_normal((STEPS, *shape)))
    tensors = {"start": f32(start), "mode": f32(mode), "noise": f32(noise)}
    scheduler.mode, scheduler.noise = mode, noise
    for label in (0, 2):
        for run, lam in (("free", 0.0), ("pulled", LAMBDA)):
            scheduler.lam, scheduler.seen = lam, [start]
            scheduler.set_timesteps(STEPS)
            x, context = torch.from_numpy(start), torch.from_numpy(table[[CLASSES, label]])[:, None]
            with torch.no_grad():
                for t in scheduler.timesteps:
                    none, of_class = unet(torch.cat([x, x]), t, encoder_hidden_states=context).sample.chunk(2)
                    x = scheduler.step(none + CFG * (of_class - none), t, x)[0]
                image = vae.decode(x / vae.config.scaling_factor).sample
            tensors.update({f"{label}/{run}/x": f32(np.stack(scheduler.seen)), f"{label}/{run}/image": f32(image)})
    with torch.no_grad():
        book = vae.quantize.embedding.weight
        finals = np.concatenate([tensors[k][-1] for k in tensors if k.endswith("/x")]).astype(np.float64)
        rows = torch.from_numpy(finals).permute(0, 2, 3, 1).reshape(-1, 1, 3)
        two = (rows - book).norm(dim=-1).topk(2, largest=False).values
    margin = (two[:, 1] - two[:, 0]).min().item()
    case.finish(rule="ddpm-sd", steps=STEPS, cfg=CFG, stop=STOP, labels=[0, 2], size=2 * SIDE, **{"lambda": LAMBDA}, codebook_margin=margin,
                files={FILE: case.tensors(FILE, tensors)}, tolerance={"max_rel": 1e-4})
