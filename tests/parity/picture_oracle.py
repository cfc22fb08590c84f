"""What a picture of a user shows, by Pillow and littlecms, which share no code of their own with the program under test: upright,
in sRGB by its profile, transparency on white, 8 bits, as a square."""

import io

import numpy
from PIL import Image, ImageCms, ImageOps

SRGB = ImageCms.createProfile("sRGB")
# The color model that a profile has to be of, and the bands of each mode that it converts.
MODELS = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK"}


def to_eight_bits(picture):
    """16 bits a gray level: the upper eight."""
    if picture.mode.startswith("I;16") or picture.mode == "I":
        eight = Image.fromarray((numpy.asarray(picture).astype(numpy.uint32) >> 8).astype(numpy.uint8))
        eight.info = picture.info
        return eight
    return picture


def profile_in(picture, mode):
    """The picture's profile, if it says something about pictures of this mode."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        return profile if profile.profile.xcolor_space == MODELS[mode] else None
    except (KeyError, OSError, ImageCms.PyCMSError):
        return None


def in_srgb(picture):
    """Converts the colors alone, and returns them with the transparency, if there is any."""
    picture = to_eight_bits(picture)
    if picture.mode in ("P", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB")
    elif picture.mode == "1":
        picture = picture.convert("L")
    alpha = picture.getchannel("A") if "A" in picture.getbands() else None
    colors = picture.convert("L") if picture.mode == "LA" else picture.convert("RGB") if picture.mode == "RGBA" else picture
    colors.info = picture.info
    if profile := profile_in(colors, colors.mode):
        colors = ImageCms.profileToProfile(colors, profile, SRGB, renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB",
                                           flags=ImageCms.Flags.BLACKPOINTCOMPENSATION)  # fmt: skip
    return colors.convert("RGB"), alpha


def shown(file):
    """The picture as it is shown."""
    with Image.open(file) as opened:
        opened.seek(0)
        turned = ImageOps.exif_transpose(opened)
    colors, alpha = in_srgb(turned)
    if alpha is None:
        return colors
    on_white = Image.new("RGB", colors.size, "white")
    on_white.paste(colors, mask=alpha)
    return on_white


def square(picture, size, crop):
    """As textual_inversion.py of diffusers makes it."""
    if crop:
        edge = min(picture.size)
        left, top = (picture.width - edge) // 2, (picture.height - edge) // 2
        picture = picture.crop((left, top, left + edge, top + edge))
    return picture.resize((size, size), Image.BICUBIC)


def captions_in(data):
    """The lines of a file of captions."""
    lines = data.decode("utf-8-sig").replace("\r", "\n").split("\n")
    return [line.strip(" \t\v\f") for line in lines if line.strip(" \t\v\f")]
