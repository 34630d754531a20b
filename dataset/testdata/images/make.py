"""Makes the images of this folder, and want.txt: name, width, height and SHA-256 of the pixels as Pillow's convert("RGB") has them.

pip install pillow==13.0.0 numpy==2.4.6; jpegtran of libjpeg-turbo 2.1.5 on the path; then python make.py
"""

import hashlib, io, pathlib, subprocess

import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(12)


def texture(w, h, bands=3):
    """Smooth colours with something on them."""
    y, x = np.mgrid[:h, :w]
    planes = [60 * k + 100 * x / w + 60 * y / h + 30 * rng.random((h, w)) for k in range(bands)]
    return np.stack(planes, -1).clip(0, 255).astype(np.uint8)


def save(name, data):
    (here / name).write_bytes(data)


def encoded(image, form, **how):
    out = io.BytesIO()
    image.save(out, form, **how)
    return out.getvalue()


def jpegtran(data, *how):
    return subprocess.run(["jpegtran", *how], input=data, stdout=subprocess.PIPE, check=True).stdout


# JPEG files of several scans, and of restart markers: jpeg_test.go cuts them.
colour, grey = Image.fromarray(texture(56, 40)), Image.fromarray(texture(56, 40, 1)[..., 0])
plain = encoded(colour, "JPEG", quality=85, subsampling="4:2:0")
(here / "apart.scans").write_text("0;\n1;\n2;\n")
save("progressive-420.jpg", encoded(colour, "JPEG", quality=85, subsampling="4:2:0", progressive=True))
save("progressive-444.jpg", encoded(colour, "JPEG", quality=70, subsampling="4:4:4", progressive=True))
save("progressive-grey.jpg", encoded(grey, "JPEG", quality=85, progressive=True))
save("progressive-cmyk.jpg", encoded(Image.fromarray(texture(24, 40, 4), "CMYK"), "JPEG", quality=60, progressive=True))
save("progressive-restarts.jpg", encoded(colour, "JPEG", quality=75, progressive=True, restart_marker_rows=1))
save("apart.jpg", jpegtran(plain, "-scans", str(here / "apart.scans")))
save("restarts.jpg", encoded(colour, "JPEG", quality=75, restart_marker_blocks=3))
(here / "apart.scans").unlink()

lines = []
for path in sorted(here.iterdir()):
    if path.suffix in (".py", ".txt"):
        continue
    with Image.open(path) as im:
        rgb = im.convert("RGB")
    lines.append(f"{path.name} {rgb.width} {rgb.height} {hashlib.sha256(rgb.tobytes()).hexdigest()}\n")
(here / "want.txt").write_text("".join(lines))
