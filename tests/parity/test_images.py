"""Pictures are read and resized as Pillow reads and resizes them. DVAR_READ_PICTURE names the program under test."""

import io
import os
import subprocess

import numpy
import pytest
from color_profiles import PROFILES, gray_profile
from PIL import Image, ImageCms, ImageOps

PROGRAM = os.environ["DVAR_READ_PICTURE"]


def read_all(*requests):
    """Pictures for (file, "whole" | "squeeze" | "crop" | "cover", size); one start of the program for all of them."""
    arguments = [str(part) for request in requests for part in request]
    run = subprocess.run([PROGRAM, *arguments], check=True, capture_output=True)
    assert run.stderr == b"", "libvips has to stay quiet"
    pictures, rest = [], run.stdout
    for _ in requests:
        head, rest = rest.split(b"\n", 1)
        height, width = map(int, head.split())
        levels, rest = rest[: height * width * 3], rest[height * width * 3 :]
        pictures.append(numpy.frombuffer(levels, numpy.uint8).reshape(height, width, 3))
    assert rest == b""
    return pictures


def difference(a, b):
    b = numpy.asarray(b)
    assert a.shape == b.shape
    return numpy.abs(a.astype(int) - b.astype(int)).max()


def drawing(width, height, seed=0):
    """Noise, hard edges and gradients at once."""
    random = numpy.random.default_rng(seed)
    levels = random.integers(0, 256, (height, width, 3), numpy.uint8)
    levels[height // 3 : 2 * height // 3] = numpy.linspace(0, 255, width, dtype=numpy.uint8)[None, :, None]
    levels[:, width // 2 : width // 2 + max(1, width // 8)] = (255, 0, 128)
    return Image.fromarray(levels)


@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (97, 41), (300, 451), (128, 129), (1, 200), (200, 900)])
def test_resize(tmp_path, shape):
    picture = drawing(*shape)
    picture.save(tmp_path / "a.png")
    # The square that textual_inversion.py of diffusers cuts.
    edge = min(shape)
    left, top = (shape[0] - edge) // 2, (shape[1] - edge) // 2
    square = picture.crop((left, top, left + edge, top + edge))
    sizes = [1, 7, 64, 96, 333, 512]
    squeezed = read_all(*((tmp_path / "a.png", "squeeze", size) for size in sizes))
    cropped = read_all(*((tmp_path / "a.png", "crop", size) for size in sizes))
    for size, one, other in zip(sizes, squeezed, cropped, strict=True):
        assert difference(one, picture.resize((size, size), Image.BICUBIC)) <= 1, size
        assert difference(other, square.resize((size, size), Image.BICUBIC)) <= 1, size
    # The whole picture with the shorter edge of the square, the longer one rounded down as torchvision's Resize has it.
    covering = read_all(*((tmp_path / "a.png", "cover", size) for size in sizes))
    for size, one in zip(sizes, covering, strict=True):
        edges = tuple(extent * size // edge for extent in shape)
        assert difference(one, picture.resize(edges, Image.BICUBIC)) <= 1, size


def test_png_modes(tmp_path):
    expected = {}
    for mode in ("RGB", "L", "P", "1", "LA", "RGBA"):
        picture = drawing(50, 40).convert(mode)
        if mode in ("LA", "RGBA"):
            picture.putalpha(drawing(50, 40, seed=1).convert("L"))
            expected[mode] = Image.new("RGB", picture.size, "white")
            expected[mode].paste(picture.convert("RGBA"), mask=picture.getchannel("A"))
        else:
            expected[mode] = picture.convert("RGB")
        picture.save(tmp_path / f"{mode}.png")
    pictures = read_all(*((tmp_path / f"{mode}.png", "whole", 0) for mode in expected))
    for mode, picture in zip(expected, pictures, strict=True):
        assert difference(picture, expected[mode]) <= 1, mode
        # Rounded, not cut, where it is put on white.
        assert abs((picture.astype(int) - numpy.asarray(expected[mode])).mean()) < 0.05, mode


def test_jpeg(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    variants = {
        "full": {"subsampling": 0},
        "half": {"subsampling": 2},
        "progressive": {"progressive": True, "icc_profile": profile},
        "gray": {},
    }
    for name, options in variants.items():
        picture = drawing(150, 140).convert("L" if name == "gray" else "RGB")
        picture.save(tmp_path / f"{name}.jpg", quality=90, **options)
    pictures = read_all(*((tmp_path / f"{name}.jpg", "whole", 0) for name in variants))
    for name, picture in zip(variants, pictures, strict=True):
        # Decoders of different make may differ in the last bits of the inverse cosine transform.
        assert difference(picture, Image.open(tmp_path / f"{name}.jpg").convert("RGB")) <= 3, name


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("ending", ["png", "tiff", "webp"])
def test_color_profiles_as_littlecms_converts_them(tmp_path, name, ending):
    picture = Image.fromarray(numpy.random.default_rng(3).integers(0, 256, (64, 64, 3), numpy.uint8))
    file = tmp_path / f"a.{ending}"
    picture.save(file, icc_profile=PROFILES[name], **({"lossless": True} if ending == "webp" else {}))
    embedded = ImageCms.ImageCmsProfile(io.BytesIO(PROFILES[name]))
    expected = ImageCms.profileToProfile(
        picture, embedded, ImageCms.createProfile("sRGB"), renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )  # fmt: skip
    (read,) = read_all((file, "whole", 0))
    assert difference(read, picture) > 20, "a profile makes a difference"
    assert difference(read, expected) <= 2


def test_a_broken_profile_is_none(tmp_path):
    picture = drawing(16, 16)
    picture.save(tmp_path / "a.png", icc_profile=PROFILES["Display P3"][:200])
    (read,) = read_all((tmp_path / "a.png", "whole", 0))
    assert difference(read, picture) == 0


@pytest.mark.parametrize(
    "mode, ending", [(mode, ending) for mode in ["RGB", "L"] for ending in ["png", "jpg", "tiff"]] + [("LA", "png"), ("LA", "tiff")]
)
def test_a_profile_of_other_colors_is_none(tmp_path, mode, ending):
    picture = drawing(16, 16).convert(mode)
    file = tmp_path / f"a.{ending}"
    profile = gray_profile(1.0) if mode == "RGB" else PROFILES["Display P3"]
    picture.save(file, icc_profile=profile)
    (read,) = read_all((file, "whole", 0))
    assert difference(read, Image.open(file).convert("RGB")) <= 3


def test_grays_by_their_profile(tmp_path):
    Image.fromarray(numpy.arange(256, dtype=numpy.uint8)[None]).save(tmp_path / "a.png", icc_profile=gray_profile(1.8))
    (read,) = read_all((tmp_path / "a.png", "whole", 0))
    # The transfer function of sRGB (IEC 61966-2-1), of light.
    light = (numpy.arange(256) / 255) ** 1.8
    srgb = numpy.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    # littlecms interpolates between the points of a table.
    assert numpy.abs(read[0] - srgb[:, None]).max() <= 2


@pytest.mark.parametrize("ending", ["gif", "bmp", "tiff", "avif", "jp2", "jfif"])
def test_other_formats(tmp_path, ending):
    picture = drawing(48, 40).quantize(64).convert("RGB") if ending == "gif" else drawing(48, 40)
    file = tmp_path / f"a.{ending}"
    options = {"avif": {"quality": 100, "subsampling": "4:4:4"}, "jfif": {"format": "JPEG", "quality": 95}}
    picture.save(file, **options.get(ending, {}))
    (read,) = read_all((file, "whole", 0))
    assert difference(read, Image.open(file).convert("RGB")) <= (3 if ending in ["avif", "jfif"] else 0)


def test_orientation(tmp_path):
    for orientation in range(1, 9):
        tags = Image.Exif()
        tags[0x0112] = orientation
        drawing(64, 48).save(tmp_path / f"{orientation}.jpg", quality=95, subsampling=0, exif=tags)
    pictures = read_all(*((tmp_path / f"{orientation}.jpg", "whole", 0) for orientation in range(1, 9)))
    for orientation, picture in enumerate(pictures, start=1):
        upright = ImageOps.exif_transpose(Image.open(tmp_path / f"{orientation}.jpg"))
        assert difference(picture, upright) <= 3, orientation


def test_webp(tmp_path):
    drawing(60, 50).save(tmp_path / "a.webp", lossless=True)
    assert difference(read_all((tmp_path / "a.webp", "whole", 0))[0], drawing(60, 50)) == 0
