"""Photographs to numbers on one thread: Pillow decodes and resizes, or torchvision's own decoder and tensors do.

Usage: peer_jpeg.py jpeg_500x375_to_256_b64 [--decoder pillow|torchvision] [--repeat 3]
"""

import io

import PIL
import torch
import torchvision
from PIL import Image
from torchvision.io import ImageReadMode, decode_jpeg
from torchvision.transforms import v2

import loads
import measure


def make(load, o):
    if load != loads.JPEG or o.precision != "float32":
        measure.refuse("the decoders have nothing for it")
    torch.set_num_threads(1)
    o.threads = 1
    crop = [v2.Resize(256, antialias=True), v2.CenterCrop(256)]
    numbers = [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    if o.decoder == "pillow":
        file = loads.photograph()
        change = v2.Compose(crop + [v2.ToImage()] + numbers)
        return lambda: [change(Image.open(io.BytesIO(file)).convert("RGB")) for _ in range(loads.FILES)]
    file = torch.frombuffer(bytearray(loads.photograph()), dtype=torch.uint8)
    change = v2.Compose(crop + numbers)
    return lambda: [change(decode_jpeg(file, ImageReadMode.RGB)) for _ in range(loads.FILES)]


def program(o):
    if o.decoder == "pillow":
        return f"Pillow {PIL.__version__}"
    return f"torchvision {torchvision.__version__.split('+')[0]}"


if __name__ == "__main__":
    measure.main(program, make, decoder=["pillow", "torchvision"])
