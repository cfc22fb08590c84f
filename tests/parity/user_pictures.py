"""Pictures as users have them, by a random number generator: formats, modes, profiles, orientations, transparency."""

import struct
import zlib

import numpy
from color_profiles import PROFILES, gray_profile
from PIL import Image, ImageCms

# The ending in the file's name, Pillow's format, and what is in it: a mode of Pillow, or a form of `png_of`.
FORMATS = [
    (".png", "PNG", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "P with a transparent color", "P with alpha"]),
    (".png", "by hand", ["gray 2", "gray 4", "gray 16", "gray alpha 16", "color 16", "color alpha 16"]),
    (".PNG", "PNG", ["RGB"]), (".jpg", "JPEG", ["RGB", "L", "CMYK"]), (".JPEG", "JPEG", ["RGB"]), (".jfif", "JPEG", ["RGB"]),
    (".jpe", "JPEG", ["RGB"]), (".webp", "WEBP", ["RGB", "RGBA", "lossy", "animated"]), (".gif", "GIF", ["P", "L", "P with a transparent color", "animated"]),
    (".bmp", "BMP", ["RGB", "L", "P", "1"]), (".tif", "TIFF", ["RGB", "L", "I;16", "P", "1"]), (".tiff", "TIFF", ["RGB", "RGBA", "LA", "several pages"]),
    (".avif", "AVIF", ["RGB"]), (".jp2", "JPEG2000", ["RGB", "L"]), ("", "PNG", ["RGB"]), (".download", "JPEG", ["RGB"]),
    (".png", "JPEG", ["RGB"]),
]  # fmt: skip
HAVE_PROFILES = ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"]
HAVE_EXIF = ["PNG", "JPEG", "TIFF", "WEBP"]


def png_of(form, levels):
    """A PNG of a kind that Pillow does not write: `levels` are 16 bits, [height, width, 4]."""
    *kind, bits = form.split()
    bits = int(bits)
    channels = {"gray": [0], "gray alpha": [0, 3], "color": [0, 1, 2], "color alpha": [0, 1, 2, 3]}[" ".join(kind)]
    chosen = levels[:, :, channels] >> (16 - bits)
    height, width, count = chosen.shape
    if bits == 16:
        rows = chosen.astype(">u2").tobytes()
        stride = width * count * 2
    else:
        spread = numpy.unpackbits(chosen.astype(numpy.uint8).reshape(height, width, 1), axis=2)[:, :, 8 - bits :]
        packed = numpy.packbits(spread.reshape(height, width * bits), axis=1)
        rows, stride = packed.tobytes(), packed.shape[1]

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    color_type = {"gray": 0, "gray alpha": 4, "color": 2, "color alpha": 6}[" ".join(kind)]
    lines = b"".join(b"\0" + rows[y * stride : (y + 1) * stride] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b""))  # fmt: skip


def profile_for(draw, mode):
    """A profile as there are some: of the mode's colors mostly, or of others, or cut off."""
    kind = draw.choice(["sRGB", "Display P3", "Adobe RGB", "gray", "gray", "cut"])
    if kind == "sRGB":
        return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if kind == "gray":
        return gray_profile(draw.choice([1.8, 2.2]))
    return PROFILES["Display P3"][:200] if kind == "cut" else PROFILES[kind]


def in_mode(mode, levels):
    """The levels, 16 bits [height, width, 4], as a picture of the mode; and options to save it with."""
    eight = (levels >> 8).astype(numpy.uint8)
    colors = Image.fromarray(eight[:, :, :3])
    if mode == "I;16":
        return Image.fromarray(levels[:, :, 0]), {}
    if mode in ("RGBA", "LA"):
        picture = colors.convert(mode)
        picture.putalpha(Image.fromarray(eight[:, :, 3]))
        return picture, {}
    if mode == "P with a transparent color":
        return colors.quantize(16), {"transparency": 3}
    if mode == "P with alpha":
        return colors.quantize(16), {"transparency": bytes(range(0, 256, 16))}
    if mode in ("animated", "several pages"):
        others = [colors.transpose(Image.Transpose.ROTATE_180)]
        return colors, {"save_all": True, "append_images": others}
    return (colors, {}) if mode == "lossy" else (colors.convert(mode), {})


def add_picture(draw, folder, stem, is_free):
    """Puts a picture into the folder and returns its name; none where that name is not free."""
    ending, kind, modes = draw.choice(FORMATS)
    mode = draw.choice(modes)
    name = stem + ending
    if not is_free(name):
        return None
    width, height = draw.choice([(1, 1), (7, 300), (64, 64), (65, 33), (120, 90)])
    random = numpy.random.default_rng(draw.randrange(2**32))
    levels = random.integers(0, 65536, (height, width, 4), numpy.uint16)
    # What loses nothing may be noise; others would differ in what they lose.
    if kind in ("JPEG", "AVIF") or mode == "lossy":
        y, x = numpy.mgrid[0:height, 0:width]
        levels = numpy.stack([x * 300, y * 200, (x + y) * 250, x * 0], axis=2).astype(numpy.uint16)
    if kind == "by hand":
        (folder / name).write_bytes(png_of(mode, levels))
        return name
    picture, options = in_mode(mode, levels)
    if kind in HAVE_EXIF and draw.random() < 0.5 and mode not in ("animated", "several pages"):
        exif = Image.Exif()
        exif[0x0112] = draw.randint(1, 8)
        options["exif"] = exif
    if kind in HAVE_PROFILES and picture.mode in ("RGB", "RGBA", "L", "LA", "P", "I;16") and draw.random() < 0.5:
        options["icc_profile"] = profile_for(draw, picture.mode)
    if kind == "WEBP":
        options["lossless"] = mode != "lossy"
    if kind == "TIFF" and "exif" in options:
        # Pillow 13 reads what is turned and not compressed as if it were not turned.
        options["compression"] = "tiff_lzw"
    if kind == "AVIF":
        options |= {"quality": 100, "subsampling": "4:4:4"}
    if kind == "JPEG":
        options["quality"] = draw.choice([75, 95])
    picture.save(folder / name, kind, **options)
    return name
