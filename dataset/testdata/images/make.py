"""Makes the images of this folder, and want.txt: name, width, height and SHA-256 of the pixels as Pillow's convert("RGB") has them
(pillow_test.go).

pip install pillow==13.0.0 numpy==2.4.6; jpegtran of libjpeg-turbo 2.1.5 on the path; then python make.py
"""

import hashlib, io, pathlib, struct, subprocess, zlib

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

# JPEG of four components, and without Huffman tables, as the frames of Motion JPEG.
cmyk = encoded(Image.fromarray(texture(24, 40, 4), "CMYK"), "JPEG", quality=80)


def without_tables(data):
    out, pos = data[:2], 2
    while data[pos + 1] != 0xDA:
        end = pos + 2 + int.from_bytes(data[pos + 2 : pos + 4], "big")
        if data[pos + 1] != 0xC4:
            out += data[pos:end]
        pos = end
    return out + data[pos:]


save("cmyk.jpg", cmyk)
save("cmyk-no-tables.jpg", without_tables(cmyk))
save("no-tables.jpg", without_tables(plain))

# All others are of W x H pixels.
W, H = 13, 9


def noise(bits, samples):
    return rng.integers(0, 1 << bits, (H, W, samples))


def packed(samples, bits, order=">"):
    """Rows of samples, each row filled up to whole bytes."""
    rows = samples.reshape(samples.shape[0], -1)
    if bits == 16:
        return rows.astype(order + "u2").tobytes()
    ones = (rows[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(ones.reshape(len(rows), -1), axis=1).tobytes()


def png(bits, colour, samples, interlaced=False, **chunks):
    def chunk(kind, content):
        body = kind.encode() + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b""
    for x, y, dx, dy in passes:
        part = samples[y::dy, x::dx]
        if part.size:
            raw += b"".join(b"\0" + packed(row[None], bits) for row in part)
    out = b"\x89PNG\r\n\x1a\n" + chunk("IHDR", struct.pack(">IIBBBBB", W, H, bits, colour, 0, 0, interlaced))
    for kind, content in chunks.items():
        out += chunk(kind, content)
    return out + chunk("IDAT", zlib.compress(raw, 9)) + chunk("IEND", b"")


names = {0: ("grey", 1), 2: ("rgb", 3), 3: ("palette", 1), 4: ("la", 2), 6: ("rgba", 4)}
for colour, depths in {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
    name, n = names[colour]
    for bits in depths:
        samples = noise(bits, n)
        if (bits, colour) == (16, 0):
            samples %= 400  # Pillow cuts off at 255
        more = {"PLTE": rng.bytes(3 << bits)} if colour == 3 else {}
        save(f"{name}{bits}.png", png(bits, colour, samples, **more))
        save(f"{name}{bits}-interlaced.png", png(bits, colour, samples, True, **more))
        if colour == 3:
            save(f"{name}{bits}-trns.png", png(bits, colour, samples, **more, tRNS=rng.bytes(1 << bits)))
        elif colour in (0, 2):
            save(f"{name}{bits}-trns.png", png(bits, colour, samples, tRNS=samples[0, 0].astype(">u2").tobytes()))

a, b = Image.fromarray(noise(8, 3).astype(np.uint8)), Image.fromarray(noise(8, 3).astype(np.uint8))
save("moving.png", encoded(a, "PNG", save_all=True, append_images=[b, a], duration=9))
save("moving-default.png", encoded(a, "PNG", save_all=True, append_images=[b, a], duration=9, default_image=True))

# GIF
p, q = a.quantize(16), b.quantize(16)
save("plain.gif", encoded(p, "GIF", interlace=0))
save("interlaced.gif", encoded(p, "GIF", interlace=1))
save("transparent.gif", encoded(p, "GIF", transparency=3))
save("moving.gif", encoded(p, "GIF", save_all=True, append_images=[q], duration=9, loop=0))
save("moving-transparent.gif", encoded(p, "GIF", save_all=True, append_images=[q], duration=9, transparency=3, disposal=2))

# WebP
alpha = Image.fromarray(noise(8, 4).astype(np.uint8))
save("lossy.webp", encoded(Image.fromarray(texture(W, H)), "WEBP", quality=80))
save("lossless.webp", encoded(a, "WEBP", lossless=True))
save("alpha-lossy.webp", encoded(Image.fromarray(texture(W, H, 4)), "WEBP", quality=80))
save("alpha-lossless.webp", encoded(alpha, "WEBP", lossless=True, exact=True))
save("moving.webp", encoded(a, "WEBP", lossless=True, save_all=True, append_images=[b], duration=9))


# BMP
def bmp(bits, data, packing=0, masks=b"", palette=b"", top_down=False, header=40):
    info = struct.pack("<IiiHHIIiiII", header, W, -H if top_down else H, 1, bits, packing, len(data), 0, 0, len(palette) // 4, 0)
    info += masks if header == 40 else masks.ljust(header - 40, b"\0")
    at = 14 + len(info) + len(palette)
    return struct.pack("<2sIII", b"BM", at + len(data), 0, at) + info + palette + data


def filled(rows):
    return b"".join(r + b"\0" * (-len(r) % 4) for r in rows)


def rows_of(samples, bits):
    return [packed(row[None], bits) for row in samples]


for bits in (1, 4, 8):
    save(f"palette{bits}.bmp", bmp(bits, filled(rows_of(noise(bits, 1), bits)), palette=rng.bytes(4 << bits)))
for bits in (16, 24, 32):
    data = filled([rng.bytes(W * bits // 8) for _ in range(H)])
    save(f"rgb{bits}.bmp", bmp(bits, data))
    save(f"rgb{bits}-top-down.bmp", bmp(bits, data, top_down=True))
data = filled([rng.bytes(2 * W) for _ in range(H)])
save("rgb16-565.bmp", bmp(16, data, 3, struct.pack("<III", 0xF800, 0x7E0, 0x1F)))
data = rng.bytes(4 * W * H)
save("rgb32-masks.bmp", bmp(32, data, 3, struct.pack("<III", 0xFF000000, 0xFF0000, 0xFF00)))
save("rgba32-v4.bmp", bmp(32, data, 3, struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000), header=108))
save("pillow8.bmp", encoded(p, "BMP"))
save("pillow1.bmp", encoded(a.convert("1"), "BMP"))


def runs(bits):
    """A row: a run, pixels as they are, a run; then the end of the line."""
    out = b""
    for y in range(H):
        literal = bytes(range(y, y + 5)) if bits == 8 else bytes([0x12, 0x30 + y, 0x40])
        out += bytes([5, 17 * (y % 16), 0, 5]) + literal + b"\0" * (len(literal) % 2) + bytes([3, 34]) + b"\0\0"
    return out + b"\0\1"


save("runs8.bmp", bmp(8, runs(8), 1, palette=rng.bytes(1024)))
save("runs4.bmp", bmp(4, runs(4), 2, palette=rng.bytes(64)))


# TIFF
TAGS = {
    "packing": 259, "fill": 266, "turned": 274, "rows": 278, "planes": 284, "predictor": 317, "colormap": 320,
    "extra": 338, "format": 339,
}


def tiff(order, bits, colours, blocks, samples=1, **more):
    """bits is one number; blocks are the strips or tiles; more are tags by their names in TAGS, each a list of SHORTs."""
    tags = {
        256: [W], 257: [H], 258: [bits] * samples, 259: [1], 262: [colours], 273: blocks, 277: [samples], 278: [H],
        279: [len(b) for b in blocks],
    }
    for name, values in more.items():
        if name == "tile":
            tags.update({322: values[:1], 323: values[1:], 324: tags.pop(273), 325: tags.pop(279)})
            del tags[278]
        else:
            tags[TAGS[name]] = values
    at, entries, data = 8 + 2 + 12 * len(tags) + 4, b"", b""
    for tag, values in sorted(tags.items()):
        if tag in (273, 324):
            places = []
            for block in values:
                places.append(at + len(data))
                data += block + b"\0" * (len(block) % 2)
            values = places
        body = struct.pack(f"{order}{len(values)}H", *values)
        if len(body) > 4:
            place = at + len(data)
            data += body
            body = struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", tag, 3, len(values)) + body.ljust(4, b"\0")
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8)
    return head + struct.pack(order + "H", len(tags)) + entries + bytes(4) + data


def tiles(samples, bits, side, order="<"):
    h, w = -(-H // side) * side, -(-W // side) * side
    whole = np.pad(samples, ((0, h - H), (0, w - W), (0, 0)))
    return [packed(whole[y : y + side, x : x + side], bits, order) for y in range(0, h, side) for x in range(0, w, side)]


def differences(samples, bits):
    return np.concatenate([samples[:, :1], np.diff(samples, axis=1)], 1) % (1 << bits)


grey16 = noise(16, 1) % 400
for order, end in (("<", "le"), (">", "be")):
    save(f"grey16-{end}.tif", tiff(order, 16, 1, [packed(grey16, 16, order)]))
    save(f"rgb16-{end}.tif", tiff(order, 16, 2, [packed(noise(16, 3), 16, order)], 3))
    data = zlib.compress(packed(differences(noise(16, 3), 16), 16, order))
    save(f"rgb16-{end}-predictor.tif", tiff(order, 16, 2, [data], 3, packing=[8], predictor=[2]))
save("grey16-white-is-zero.tif", tiff("<", 16, 0, [packed(grey16, 16, "<")]))
save("grey8-white-is-zero.tif", tiff("<", 8, 0, [packed(noise(8, 1), 8)]))
save("grey1-white-is-zero.tif", tiff("<", 1, 0, [packed(noise(1, 1), 1)]))
rgb = noise(8, 3)
save("rgb8-strips.tif", tiff("<", 8, 2, [packed(rgb[y : y + 2], 8) for y in range(0, H, 2)], 3, rows=[2]))
save("rgb8-tiles.tif", tiff("<", 8, 2, tiles(rgb, 8, 16), 3, tile=[16, 16]))
save("grey16-tiles.tif", tiff("<", 16, 1, tiles(grey16, 16, 16), tile=[16, 16]))
for bits in (8, 16):
    for extra in (0, 1, 2):
        save(f"rgba{bits}-extra{extra}.tif", tiff("<", bits, 2, [packed(noise(bits, 4), bits, "<")], 4, extra=[extra]))
for bits in (1, 2, 4, 8):
    colours = [int(v) for v in rng.integers(0, 65536, 3 << bits)]
    save(f"palette{bits}.tif", tiff("<", bits, 3, [packed(noise(bits, 1), bits)], colormap=colours))
    save(f"grey{bits}.tif", tiff("<", bits, 1, [packed(noise(bits, 1), bits)]))
for turn in range(2, 9):
    save(f"turned{turn}.tif", tiff("<", 8, 2, [packed(rgb, 8)], 3, turned=[turn]))
save("la8.tif", tiff("<", 8, 1, [packed(noise(8, 2), 8)], 2, extra=[2]))
save("grey8-tiles.tif", tiff("<", 8, 1, tiles(noise(8, 1), 8, 16), tile=[16, 16]))
save("rgb16-tiles.tif", tiff("<", 16, 2, tiles(noise(16, 3), 16, 16), 3, tile=[16, 16]))
save("rgb8-planes.tif", tiff("<", 8, 2, [packed(rgb[..., i : i + 1], 8) for i in range(3)], 3, planes=[2]))
save("grey8-reversed.tif", tiff("<", 8, 1, [packed(noise(8, 1), 8)], fill=[2]))
save("signed16.tif", tiff("<", 16, 1, [packed(grey16, 16, "<")], format=[2]))
save("predictor-plain.tif", tiff("<", 8, 1, [packed(noise(8, 1), 8)], predictor=[2]))
bilevel = a.convert("1")
for how in ("group3", "group4", "tiff_ccitt"):
    for white in (0, 1):
        save(f"{how}-{white}.tif", encoded(bilevel, "TIFF", compression=how, tiffinfo={262: white}))
save("group3-two.tif", encoded(bilevel, "TIFF", compression="group3", tiffinfo={292: 1}))
save("group3-filled.tif", encoded(bilevel, "TIFF", compression="group3", tiffinfo={292: 4}))
for how in ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits"):
    save(f"{how}.tif", encoded(a, "TIFF", compression=how))
save("lzw-predictor.tif", encoded(a, "TIFF", compression="tiff_lzw", tiffinfo={317: 2}))
save("jpeg.tif", encoded(a, "TIFF", compression="jpeg"))
save("big.tif", encoded(a, "TIFF", big_tiff=True))
save("cmyk.tif", encoded(a.convert("CMYK"), "TIFF"))
save("float.tif", encoded(a.convert("F"), "TIFF"))
save("ycbcr.tif", encoded(a.convert("YCbCr"), "TIFF"))
save("lab.tif", encoded(Image.fromarray(noise(8, 3).astype(np.uint8), "LAB"), "TIFF"))
save("bits32.tif", encoded(a.convert("L").convert("I"), "TIFF"))

# Of JPEG the pixels lie in twin-HASH.png as well, since ours may be other within a bound.
for old in here.glob("twin-*.png"):
    old.unlink()
lines = []
for path in sorted(here.iterdir()):
    if path.suffix in (".py", ".txt"):
        continue
    try:
        with Image.open(path) as im:
            rgb = im.convert("RGB")
    except OSError as why:
        print(path.name, why)
        continue
    digest = hashlib.sha256(rgb.tobytes()).hexdigest()
    if path.suffix == ".jpg":
        save(f"twin-{digest[:8]}.png", encoded(rgb, "PNG", optimize=True))
    lines.append(f"{path.name} {rgb.width} {rgb.height} {digest}\n")
(here / "want.txt").write_text("".join(lines))
