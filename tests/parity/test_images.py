"""Pictures are read and resized as Pillow reads and resizes them. DVAR_READ_PICTURE names the program under test."""

import os
import subprocess

import numpy
import pytest
from PIL import Image, ImageOps

PROGRAM = os.environ["DVAR_READ_PICTURE"]


def read(file, how="whole", size=0):
    output = subprocess.run([PROGRAM, file, how, str(size)], check=True, capture_output=True)
    assert output.stderr == b"", "libvips has to stay quiet"
    head, levels = output.stdout.split(b"\n", 1)
    height, width = map(int, head.split())
    return numpy.frombuffer(levels, numpy.uint8).reshape(height, width, 3)


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


@pytest.mark.parametrize("size", [1, 7, 64, 96, 512])
@pytest.mark.parametrize("shape", [(1, 1), (64, 64), (97, 41), (300, 451), (1, 200)])
def test_squeeze(tmp_path, shape, size):
    picture = drawing(*shape)
    picture.save(tmp_path / "a.png")
    expected = picture.resize((size, size), Image.BICUBIC)
    assert difference(read(tmp_path / "a.png", "squeeze", size), expected) <= 1


@pytest.mark.parametrize("size", [16, 64, 333])
@pytest.mark.parametrize("shape", [(97, 41), (300, 451), (128, 129)])
def test_crop(tmp_path, shape, size):
    picture = drawing(*shape)
    picture.save(tmp_path / "a.png")
    # The square that textual_inversion.py of diffusers cuts.
    edge = min(shape)
    left, top = (shape[0] - edge) // 2, (shape[1] - edge) // 2
    expected = picture.crop((left, top, left + edge, top + edge)).resize((size, size), Image.BICUBIC)
    assert difference(read(tmp_path / "a.png", "crop", size), expected) <= 1


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "RGBA"])
def test_png_modes(tmp_path, mode):
    picture = drawing(50, 40)
    if mode in ("LA", "RGBA"):
        picture = picture.convert(mode)
        picture.putalpha(drawing(50, 40, seed=1).convert("L"))
        expected = Image.new("RGB", picture.size, "white")
        expected.paste(picture.convert("RGBA"), mask=picture.getchannel("A"))
    else:
        picture = picture.convert(mode)
        expected = picture.convert("RGB")
    picture.save(tmp_path / "a.png")
    assert difference(read(tmp_path / "a.png"), expected) <= 1


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_jpeg(tmp_path, mode, subsampling):
    drawing(150, 140).convert(mode).save(tmp_path / "a.jpg", quality=90, subsampling=subsampling)
    assert difference(read(tmp_path / "a.jpg"), Image.open(tmp_path / "a.jpg").convert("RGB")) <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    drawing(64, 48).save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=tags)
    expected = ImageOps.exif_transpose(Image.open(tmp_path / "a.jpg"))
    assert difference(read(tmp_path / "a.jpg"), expected) <= 3


def test_webp(tmp_path):
    drawing(60, 50).save(tmp_path / "a.webp", lossless=True)
    assert difference(read(tmp_path / "a.webp"), drawing(60, 50)) == 0


def test_progressive_jpeg_with_profile(tmp_path):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    drawing(90, 70).save(tmp_path / "a.jpg", progressive=True, quality=90, icc_profile=profile)
    assert difference(read(tmp_path / "a.jpg"), Image.open(tmp_path / "a.jpg")) <= 3
