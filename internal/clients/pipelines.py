"""Opens with diffusers the pipelines in the folder given that mgd3 wrote, and says what is not as it must be.

trained            a pipeline that "mgd3 train unet" wrote: it opens without a word on types, and draws
KIND, KIND.one     a pipeline, and the checkpoint in one file that "mgd3 convert" made of it: the same tensors
KIND.back          the pipeline that "mgd3 convert" made of that checkpoint: it opens, with the same tensors
"""

import os
import sys

import diffusers
import torch

out = sys.argv[1]
diffusers.utils.logging.set_verbosity_error()


def say(good, name, what):
    print("ok" if good else "FAIL", name, what)


def same(name, got, want):
    """The tensors of two models; what neither has in its file, such as positions that are counted, is passed over."""
    a, b = got.state_dict(), want.state_dict()
    off = [k for k in a.keys() | b.keys() if not (k in a and k in b and torch.equal(a[k].float(), b[k].float()))]
    say(not off, name, f"{len(a)} tensors, {len(off)} of them differ: {sorted(off)[:5]}")


trained = diffusers.DiffusionPipeline.from_pretrained(os.path.join(out, "trained"), local_files_only=True)
types = {str(p.dtype) for name in ("unet", "vae", "text_encoder") for p in getattr(trained, name).parameters()}
say(types == {"torch.float32"}, "trained, types", f"{types}")
trained.set_progress_bar_config(disable=True)
image = trained("letter cat", num_inference_steps=2, height=16, width=16, output_type="np").images[0]
say(image.shape == (16, 16, 3), "trained, an image", f"{image.shape}")

KINDS = {"sd1": diffusers.StableDiffusionPipeline, "sd2": diffusers.StableDiffusionPipeline, "sdxl": diffusers.StableDiffusionXLPipeline}
for kind, pipeline in KINDS.items():
    at = os.path.join(out, kind)
    back = pipeline.from_pretrained(at + ".back", local_files_only=True)
    one = pipeline.from_single_file(os.path.join(out, kind + ".one", "model.safetensors"), config=at + ".back", local_files_only=True)
    for name in ("unet", "vae", "text_encoder", "text_encoder_2"):
        if getattr(back, name, None) is not None:
            load = {"unet": diffusers.UNet2DConditionModel, "vae": diffusers.AutoencoderKL}.get(name, type(getattr(back, name)))
            first = load.from_pretrained(os.path.join(at, name), local_files_only=True)
            same(f"{kind}, {name}, the checkpoint", getattr(one, name), first)
            same(f"{kind}, {name}, the folder made of it", getattr(back, name), first)
    say(back.tokenizer("a photo of a tench").input_ids == one.tokenizer("a photo of a tench").input_ids, f"{kind}, tokens", "")

vae = diffusers.VQModel.from_pretrained(os.path.join(out, "ldm.back", "vqvae"), local_files_only=True)
same("ldm, vqvae", vae, diffusers.VQModel.from_pretrained(os.path.join(out, "ldm", "vqvae"), local_files_only=True))
unet = diffusers.UNet2DConditionModel.from_pretrained(os.path.join(out, "ldm.back", "unet"), local_files_only=True)
same("ldm, unet", unet, diffusers.UNet2DConditionModel.from_pretrained(os.path.join(out, "ldm", "unet"), local_files_only=True))
