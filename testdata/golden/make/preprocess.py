"""Images as Pillow and torchvision decode, resize, crop and write them. All of them are drawn here; none is a photograph.

Up to 12.3, and so in the published programs, Pillow filters the rows and then the columns, rounding to bytes in between.
Pillow 13 takes the columns first for some shapes (35×97 to 32×88 is one), which changes bytes. Here it is asked twice, for
one direction each: the order of all versions but the last.
"""

import hashlib
import os

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torchvision.transforms import functional as V
from torchvision.utils import save_image

from case import Case, f32, stream

SETTINGS = {
    "small": {"sizes": (48, 32), "resample": ((37, 53), [(20, 14), (26, 18), (80, 60), (53, 20)]), "save": (2, 3, 16, 24), "jpeg": (101, 75)},
    "other": {"sizes": (40, 24), "resample": ((41, 30), [(17, 23), (60, 44), (30, 50)]), "save": (3, 3, 9, 31), "jpeg": (64, 83)},
}
FILE = "tensors.safetensors"
FILTERS = {"box": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC, "lanczos": Image.Resampling.LANCZOS}


def gradient(width, height):
    y, x = np.mgrid[:height, :width]
    return np.stack([255 * x // (width - 1), 255 * y // (height - 1), (3 * x + 5 * y) % 256], 2).astype(np.uint8)


def noise(rng, width, height, channels=3):
    return rng.randint(0, 256, (height, width, channels)).astype(np.uint8)


def text(width, height):
    """Letters, lines and discs on a light ground."""
    image = Image.new("RGB", (width, height), (240, 238, 230))
    draw, font = ImageDraw.Draw(image), ImageFont.load_default_imagefont()
    for i, y in enumerate(range(4, height, 14)):
        draw.text((5 + 3 * i, y), "modes, means & latents 0123456789" * 2, fill=(20 * i % 256, 30, 200 - 15 * i % 200), font=font)
    for i in range(6):
        draw.line((0, i * height // 5, width, height - i * height // 7), fill=(200, 20 * i, 60))
        draw.ellipse((width // 2 + 9 * i, height // 3, width // 2 + 9 * i + 12, height // 3 + 20), fill=(40 * i, 120, 90))
    return np.asarray(image)


def images(rng, s):
    """(name, image) of many shapes and modes; the short side is below, at, and far above the sizes asked for."""
    small, large = sorted(s["sizes"])
    yield f"gradient_{3 * large}x{2 * large}", Image.fromarray(gradient(3 * large, 2 * large))
    yield f"gradient_{small - 5}x{small + 8}", Image.fromarray(gradient(small - 5, small + 8))
    yield f"text_{5 * large + 1}x{4 * large - 3}", Image.fromarray(text(5 * large + 1, 4 * large - 3))
    yield f"noise_{large}x{large}", Image.fromarray(noise(rng, large, large))
    yield f"noise_{small + 3}x{2 * large + 1}", Image.fromarray(noise(rng, small + 3, 2 * large + 1))
    flat = gradient(large + 9, large + 2)
    yield "gray", Image.fromarray(flat[:, :, 2])
    alpha = noise(rng, *flat.shape[1::-1], 1)
    yield "gray_alpha", Image.fromarray(np.concatenate([flat[:, :, :1], alpha], 2), "LA")
    yield "rgba", Image.fromarray(np.concatenate([flat, alpha], 2), "RGBA")
    yield "palette", Image.fromarray(text(large + 30, large)).quantize(37)


def resize(image, width, height, resampling):
    return image.resize((width, image.height), resampling).resize((width, height), resampling)


def torchvision_crop(image, size):
    width, height = V.resize(image, size).size
    return V.center_crop(resize(image, width, height, Image.Resampling.BILINEAR), size)


def adm_crop(image, size):
    """Halve by averages while twice the size fits, scale the short side to size, cut out the middle."""
    while min(image.size) >= 2 * size:
        image = resize(image, image.width // 2, image.height // 2, Image.Resampling.BOX)
    scale = size / min(image.size)
    image = resize(image, round(image.width * scale), round(image.height * scale), Image.Resampling.BICUBIC)
    left, top = (image.width - size) // 2, (image.height - size) // 2
    return image.crop((left, top, left + size, top + size))


def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def make(root, variant, seed):
    s, rng = SETTINGS[variant], stream(seed, "preprocess", variant)
    case = Case(root, f"preprocess_{variant}", "Pillow and torchvision; the ADM crop from its description")
    listed, jpegs, tensors, resample = [], [], {}, []

    def png(image, file):
        image.save(case.path(file))
        return {"file": file, "sha256": digest(image)}

    for name, image in images(rng, s):
        png(image, name + ".png")
        rgb = Image.open(case.path(name + ".png")).convert("RGB")
        outputs = [{"size": size, "torchvision": png(torchvision_crop(rgb, size), f"{name}__torchvision_{size}.png"),
                    "adm": png(adm_crop(rgb, size), f"{name}__adm_{size}.png")} for size in s["sizes"]]
        listed.append({"name": name, "file": name + ".png", "mode": image.mode, "width": image.width, "height": image.height,
                       "rgb_sha256": digest(rgb), "outputs": outputs})

    (height, width), targets = s["resample"]
    source = Image.fromarray(noise(rng, width, height))
    tensors["resample/input"] = np.asarray(source)
    for kind, f in FILTERS.items():
        for w, h in targets:
            name = f"resample/{kind}_{w}x{h}"
            tensors[name] = np.asarray(resize(source, w, h, f))
            resample.append({"tensor": name, "filter": kind, "width": w, "height": h})

    values = rng.uniform(-1.3, 1.3, s["save"]).astype(np.float32)
    values.reshape(-1)[:8] = [-1, 1, 0, -0.999, 0.999, 1 / 255, -1 / 255, 3]
    saved = []
    for x in values:
        save_image(torch.from_numpy(x), case.path("saved.png"), normalize=True, value_range=(-1, 1))
        saved.append(np.asarray(Image.open(case.path("saved.png"))))
    os.remove(case.path("saved.png"))
    tensors.update({"save_image/input": f32(values), "save_image/output_hwc": np.stack(saved)})

    drawn = Image.fromarray(text(*s["jpeg"]))
    smooth = Image.fromarray(gradient(s["jpeg"][1], s["jpeg"][0]))
    for name, image, options in [
        ("jpeg_q75_420", drawn, {"quality": 75, "subsampling": 2}), ("jpeg_q95_444", drawn, {"quality": 95, "subsampling": 0}),
        ("jpeg_q80_422", smooth, {"quality": 80, "subsampling": 1}), ("jpeg_q85_progressive", smooth, {"quality": 85, "progressive": True}),
        ("jpeg_gray", drawn.convert("L"), {"quality": 85}), ("jpeg_cmyk", smooth.convert("CMYK"), {"quality": 90}),
    ]:
        image.save(case.path(name + ".jpg"), **options)
        decoded = Image.open(case.path(name + ".jpg")).convert("RGB")
        png(decoded, name + "__decoded.png")
        jpegs.append({"name": name, "file": name + ".jpg", "decoded": name + "__decoded.png", "mode_in_file": image.mode,
                      "sha256": digest(decoded), "options": options})
    case.finish(
        images=listed, jpeg=jpegs, resample=resample, files={FILE: case.tensors(FILE, tensors)},
        tolerance={"jpeg_most_levels": 4, "jpeg_mean_levels": 0.4},  # all else is exact
    )
