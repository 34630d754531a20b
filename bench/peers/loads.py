"""The loads of "mgd3 bench" for other programs: names, shapes, inputs and the sampler's tables. NumPy alone."""

import io
import math

import numpy as np

# Denoisers: size of the latent, width, depth, heads, classes; patches of 2, four channels.
DIT = {
    "s2": dict(size=32, hidden=384, depth=12, heads=6, classes=1000),
    "xl2": dict(size=32, hidden=1152, depth=28, heads=16, classes=1000),
}
# Stable Diffusion's autoencoder.
VAE = dict(widths=(128, 256, 512, 512), layers=2, latent=4, groups=32, scale=0.18215)

# What draws latents: denoiser, guided steps, images.
SAMPLING = {
    "dit_s2_10steps_b1": ("s2", 10, 1),
    "dit_s2_10steps_b8": ("s2", 10, 8),
    "dit_xl2_10steps_b1": ("xl2", 10, 1),
}
# U-Nets of text-to-image models, by diffusers' names; CLIP's 77 tokens, and two rows: with the prompt, and without.
UNET = {
    "sd15": dict(cross_attention_dim=768, attention_head_dim=8),
    "sd21": dict(cross_attention_dim=1024, attention_head_dim=[5, 10, 20, 20], use_linear_projection=True),
    "sdxl": dict(cross_attention_dim=2048, attention_head_dim=[5, 10, 20], use_linear_projection=True, block_out_channels=[320, 640, 1280],
                 down_block_types=["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                 up_block_types=["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], transformer_layers_per_block=[1, 2, 10],
                 addition_embed_type="text_time", addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816),
}
# What takes one step of an image: denoiser, side of the latent. Those called half have weights of half precision.
PROMPTED = {f"{name}_step_b1{half}": (name.split("_")[0], int(name.split("_")[1]) // 8)
            for name in ("sd15_256", "sd15_512", "sd21_768", "sdxl_1024") for half in ("", "_half")}
AUTOENCODER = {"vae_encode_256_b1": (1, 3, 256, 256)} | {f"vae_decode_{n}_b1": (1, 4, n // 8, n // 8) for n in (256, 512, 768, 1024)}  # shape of the input
TRAINING = ("convnet6_128_train_b32", "resnetap10_128_train_b32", "resnet18_128_train_b32")
IMAGES, IMAGE, CLASSES = 32, 128, 10  # of a training step
RATE, MOMENTUM, DECAY = 0.01, 0.9, 5e-4
PRODUCT = {"matmul_1024": 1024, "matmul_2048": 2048}
KMEANS = "kmeans_1300x4096_k10"
JPEG = "jpeg_500x375_to_256_b64"
FILES = 64

CFG, GUIDED = 4.0, 3  # scale of classifier-free guidance, and the channels that it counts for
LAMBDA = 0.1  # pull to the mode


def coefficients(steps, stop):
    """The DDPM chain of 1000 steps, respaced: float32 [steps, 9], last step first. Each row is what Step in networks.py takes:
    time, A, B (x0 = A·x − B·ε), C1, C2 (μ = C1·x0 + C2·x), ln σ² at v = −1 and at v = 1, λ where t > stop, [t > 0]."""
    bar = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    times = [round(i * 999 / (steps - 1)) for i in range(steps)]
    bar = bar[times]
    before = np.concatenate([[1.0], bar[:-1]])
    beta = 1 - bar / before
    posterior = beta * (1 - before) / (1 - bar)
    posterior[0] = posterior[1]  # that of the last step is 0, and has no logarithm
    rows = [
        [times[t], 1 / math.sqrt(bar[t]), math.sqrt(1 / bar[t] - 1), beta[t] * math.sqrt(before[t]) / (1 - bar[t]),
         (1 - before[t]) * math.sqrt(1 - beta[t]) / (1 - bar[t]), math.log(posterior[t]), math.log(beta[t]),
         LAMBDA if t > stop else 0.0, 1.0 if t else 0.0]
        for t in reversed(range(steps))
    ]
    return np.array(rows, dtype=np.float32)


def normal(*shape):
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


def draws(load):
    """What the steps of a sampling load take: x, labels, modes, and one row of coefficients for each."""
    model, steps, batch = SAMPLING[load]
    side = DIT[model]["size"]
    return normal(batch, 4, side, side), np.zeros(batch, np.int64), normal(batch, 4, side, side), coefficients(steps, steps // 2)


def inputs(load):
    """What the network of a load that does not train takes."""
    if load in SAMPLING:
        x, y, mode, rows = draws(load)
        return x, y, mode, normal(*x.shape), rows[0]
    if load in PROMPTED:
        model, side = PROMPTED[load]
        args = normal(2, 4, side, side), np.full(2, 501, np.float32), normal(2, 77, UNET[model]["cross_attention_dim"])
        return args + ((normal(2, 1280), np.full((2, 6), 1024, np.float32)) if model == "sdxl" else ())
    if load in AUTOENCODER:
        return (normal(*AUTOENCODER[load]),)
    return (normal(PRODUCT[load], PRODUCT[load]),) * 2


def batch_of(load):
    """How many items one run makes."""
    return SAMPLING[load][2] if load in SAMPLING else IMAGES if load in TRAINING else FILES if load == JPEG else 1


def images():
    """A batch to train on, and its labels."""
    return normal(IMAGES, 3, IMAGE, IMAGE), np.arange(IMAGES) % CLASSES


def latents():
    """1300 latents of 4096 numbers that lie around ten points."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((10, 4096))
    return (centres[rng.integers(0, 10, 1300)] + 2 * rng.standard_normal((1300, 4096))).astype(np.float32)


def photograph():
    """A JPEG file: 16×12 random colours, made 500×375 pixels large; quality 90, chroma 4:2:0."""
    from PIL import Image

    colours = np.clip(128 + 60 * np.random.default_rng(0).standard_normal((12, 16, 3)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(colours).resize((500, 375), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()
