"""Makes folders of pictures as users have them, by a seed, and lets `dvar train` learn a step from each: every file is used or
named, what cannot be read is refused by its name, and nothing else ever happens. What a picture shows is Pillow's to say.

    DVAR_BUILD_DIR=build/dev python3 tests/parity/user_folders.py --folders 1000
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy
from paths import DVAR
from PIL import Image, ImageCms

STEMS = ["IMG_0001", "my cat", "größe", "猫", "🐸", "a'b\"c", "-x", "a.b.c", "100%", "line\nbreak", "<b>", "cat;rm", "UPPER"]
# The ending in the file's name, Pillow's format, and the modes that it is saved in.
FORMATS = [
    (".png", "PNG", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"]), (".PNG", "PNG", ["RGB"]), (".jpg", "JPEG", ["RGB", "L", "CMYK"]),
    (".JPEG", "JPEG", ["RGB"]), (".jfif", "JPEG", ["RGB"]), (".jpe", "JPEG", ["RGB"]), (".webp", "WEBP", ["RGB", "RGBA"]),
    (".gif", "GIF", ["P", "L"]), (".bmp", "BMP", ["RGB", "L"]), (".tif", "TIFF", ["RGB", "L"]), (".tiff", "TIFF", ["RGB", "RGBA"]),
    (".avif", "AVIF", ["RGB"]), (".jp2", "JPEG2000", ["RGB", "L"]), ("", "PNG", ["RGB"]), (".download", "JPEG", ["RGB"]),
    (".png", "JPEG", ["RGB"]),
]  # fmt: skip
JUNK = {"Thumbs.db": b"\xd0\xcf\x11\xe0", ".DS_Store": b"\0\0\0\1Bud1", "film.mov": b"\0\0\0\x14ftypqt  ", "notes.md": b"# notes",
        "raw.NEF": b"II*\0\x08\0\0\0", "empty": b"", "page.html": b"<html>", "._IMG_0001.jpg": b"\0\5\x16\7", "doc.pdf": b"%PDF-1.7"}  # fmt: skip
BROKEN = {"page.jpg": b"<!doctype html>", "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0", "zero.png": b"", "vector.svg": b"<svg/>",
          "layers.psd": b"8BPS\0\1"}  # fmt: skip


class Folder:
    """A folder, and what has to become of each of its files."""

    def __init__(self, path, draw):
        self.path, self.draw = path, draw
        self.used, self.named, self.refused, self.options = set(), set(), set(), []
        path.mkdir()

    def fill(self):
        draw = self.draw
        for _ in range(draw.randint(1, 5)):
            self.add_picture()
        for name in draw.sample(sorted(JUNK), draw.randint(0, 4)):
            (self.path / name).write_bytes(JUNK[name])
            self.named.add(name)
        if draw.random() < 0.2:
            (self.path / "more").mkdir()
            self.named.add("more")
        if draw.random() < 0.2:
            (self.path / "gone").symlink_to(self.path / "nowhere")
            self.named.add("gone")
        if draw.random() < 0.3:
            self.add_broken()
        if draw.random() < 0.4:
            self.add_captions()
        if draw.random() < 0.4:
            self.add_masks()
        return self

    def add_picture(self):
        draw = self.draw
        ending, kind, modes = draw.choice(FORMATS)
        name = draw.choice(STEMS) + ending
        if pathlib.Path(name).stem in {pathlib.Path(other).stem for other in self.used}:
            return
        width, height = draw.choice([(1, 1), (7, 300), (64, 64), (65, 33)])
        levels = numpy.random.default_rng(draw.randrange(2**32)).integers(0, 256, (height, width, 3), numpy.uint8)
        mode = draw.choice(modes)
        picture = Image.fromarray(levels)
        picture = Image.fromarray(levels[:, :, 0].astype(numpy.uint16) * 257) if mode == "I;16" else picture.convert(mode)
        options = {}
        if kind == "JPEG" and draw.random() < 0.5:
            exif = Image.Exif()
            exif[0x0112] = draw.randint(1, 8)
            options["exif"] = exif
        if mode == "RGB" and kind in ["PNG", "JPEG", "TIFF", "WEBP"] and draw.random() < 0.3:
            options["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        picture.save(self.path / name, kind, **options)
        self.used.add(name)

    def add_broken(self):
        draw = self.draw
        if draw.random() < 0.5:
            name = draw.choice(sorted(BROKEN))
            (self.path / name).write_bytes(BROKEN[name])
        elif draw.random() < 0.5:
            name = "link.jpg"
            (self.path / name).symlink_to(self.path / "nowhere")
        else:
            name = "cut.png"
            Image.new("RGB", (64, 64)).save(self.path / "cut.png")
            data = (self.path / name).read_bytes()
            (self.path / name).write_bytes(data[: len(data) // 2])
        self.refused.add(name)

    def companion(self, name, ending):
        return pathlib.Path(name).with_suffix(ending).name

    def add_captions(self):
        """Captions for all pictures, which are read or not; sometimes in another encoding."""
        read = self.draw.random() < 0.6
        wrong = self.draw.random() < 0.3
        everything = sorted(self.used | (self.refused if read else set()))
        for name in everything:
            file = self.companion(name, ".txt")
            text = "\ufeffa photo of {}\r\na {}\r\n" if self.draw.random() < 0.3 else "a café with {}\n"
            if read and wrong and name == everything[0]:
                (self.path / file).write_bytes(text.encode(self.draw.choice(["utf-16"] if "café" not in text else ["utf-16", "latin-1"])))
                self.refused.add(file)
            else:
                (self.path / file).write_bytes(text.encode())
                if not read:
                    self.named.add(file)
        if read:
            self.options.append("--captions")
        (self.path / "of nobody.txt").write_text("a {}")
        self.named.add("of nobody.txt")

    def add_masks(self):
        """Masks for all pictures, which are read or not; sometimes of another size."""
        read = self.draw.random() < 0.6
        wrong = self.draw.random() < 0.3
        for name in sorted(self.used):
            with Image.open(self.path / name) as picture:
                turned = picture.getexif().get(0x0112, 1) >= 5
                width, height = picture.size[::-1] if turned else picture.size
            file = self.companion(name, ".mask.png")
            if read and wrong:
                width, height = width + 1, height
                self.refused.add(file)
            Image.new("L", (width, height), 255).save(self.path / file)
            if not read:
                self.named.add(file)
        if read:
            self.options += ["--masks", "beside"]


def problem_with(folder, output):
    """What is wrong with what `dvar train` makes of the folder; none if nothing is."""
    command = [DVAR, "train", "--images", folder.path, "--token", "<thing>", "--output", output, "--init", "token:green", "--batch", "1",
               "--stop", "steps:1", "--probe-every", "0", "--samples", "0", "--threads", "1", "--quiet", "--no-tensorboard", *folder.options]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    if result.returncode == 1:
        lines = result.stderr.strip().splitlines()
        if len(lines) != 1 or not lines[0].startswith("dvar: "):
            return f"more than a line: {result.stderr}"
        if output.exists():
            return "a refused run has written something"
        if not any(name.replace("\n", "\\n") in lines[0] for name in folder.refused):
            return f"refused for no reason of {folder.refused}: {lines[0]}"
        return None
    if result.returncode != 0:
        return f"status {result.returncode}: {result.stderr}"
    if folder.refused:
        return f"nothing is said of {folder.refused}"
    configuration = json.loads((output / "config.json").read_text())
    if set(configuration["images"]["names"]) != folder.used:
        return f"used {configuration['images']['names']}, not {folder.used}"
    if set(configuration.get("unused_files", {})) != folder.named:
        return f"named {sorted(configuration.get('unused_files', {}))}, not {sorted(folder.named)}"
    for name in folder.named:
        if json.dumps(name, ensure_ascii=False) not in result.stderr:
            return f"{name} is not named: {result.stderr}"
    return None


def check(seed, parent):
    """One folder, by its seed; it is left behind if something is wrong with it."""
    place = pathlib.Path(parent) / str(seed)
    place.mkdir()
    folder = Folder(place / "photos", random.Random(seed)).fill()
    problem = problem_with(folder, place / "out")
    shutil.rmtree(place)
    return problem


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folders", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    wrong = 0
    with tempfile.TemporaryDirectory() as parent:
        for seed in range(options.first, options.first + options.folders):
            if problem := check(seed, parent):
                wrong += 1
                print(f"folder {seed}: {problem}", flush=True)
    print(f"{options.folders} folders, {wrong} with something wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
