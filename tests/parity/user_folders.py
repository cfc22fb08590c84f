"""Makes folders of pictures as users have them, by a seed, and lets `dvar train` learn a step from each: every file is used or
named, what cannot be read is refused by its name, and nothing else ever happens. What is learned from is compared with what
Pillow and littlecms show: pixels, masks, captions.

    DVAR_BUILD_DIR=build/dev python3 tests/parity/user_folders.py --folders 1000
"""

import argparse
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

import numpy
from paths import BIN, DVAR
from picture_oracle import captions_in, shown, square
from PIL import Image
from user_pictures import add_picture

READ_FOLDER = BIN / "read_folder"
SIZE = 48  # is not that of the bundled model: pictures of 64 pixels are resized too

STEMS = ["IMG_0001", "my cat", "größe", "猫", "🐸", "a'b\"c", "-x", "a.b.c", "100%", "line\nbreak", "<b>", "cat;rm", "UPPER"]
JUNK = {"Thumbs.db": b"\xd0\xcf\x11\xe0", ".DS_Store": b"\0\0\0\1Bud1", "film.mov": b"\0\0\0\x14ftypqt  ", "notes.md": b"# notes",
        "raw.NEF": b"II*\0\x08\0\0\0", "empty": b"", "page.html": b"<html>", "._IMG_0001.jpg": b"\0\5\x16\7", "doc.pdf": b"%PDF-1.7"}  # fmt: skip
BROKEN = {"page.jpg": b"<!doctype html>", "phone.heic": b"\0\0\0\x18ftypheic\0\0\0\0", "zero.png": b"", "vector.svg": b"<svg/>",
          "layers.psd": b"8BPS\0\1"}  # fmt: skip


class Folder:
    """A folder, and what has to become of each of its files."""

    def __init__(self, path, draw):
        self.path, self.draw = path, draw
        self.used, self.named, self.refused, self.options = set(), set(), set(), []
        self.captions, self.masks = {}, {}  # of each picture, where they are read: texts, and pictures
        if draw.random() < 0.3:
            self.options.append("--center-crop")
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
        stems = {pathlib.Path(name).stem for name in self.used}
        name = add_picture(self.draw, self.path, self.draw.choice(STEMS), lambda name: pathlib.Path(name).stem not in stems)
        if name:
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
            text = self.draw.choice(["\ufeffa photo of {}\r\na {}\r\n", "a café with {}\n", "\n\n  {} 🐸 \t\n\ta {} at the end", "a {}\r\r\nanother {}"])
            if read and wrong and name == everything[0]:
                (self.path / file).write_bytes(text.encode(self.draw.choice(["utf-16"] if "café" not in text else ["utf-16", "latin-1"])))
                self.refused.add(file)
            else:
                (self.path / file).write_bytes(text.encode())
                if read:
                    self.captions[name] = captions_in(text.encode())
                else:
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
            width, height = shown(self.path / name).size
            file = self.companion(name, ".mask.png")
            if read and wrong:
                width, height = width + 1, height
                self.refused.add(file)
            levels = numpy.random.default_rng(self.draw.randrange(2**32)).integers(64, 256, (height, width), numpy.uint8)
            mask = Image.fromarray(levels) if self.draw.random() < 0.7 else Image.new("L", (width, height), 255)
            how = self.draw.choice(["L", "RGB", "1", "LA", "I;16"])
            if how == "1":
                mask = Image.new("1", (width, height), 1)
            (Image.fromarray(numpy.asarray(mask).astype(numpy.uint16) * 257) if how == "I;16" else mask.convert(how)).save(self.path / file)
            if read:
                self.masks[name] = mask.convert("L")
            else:
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
    return wrong_pixels(folder)


def learned_from(folder):
    """What the program learns from, of each picture: name, captions, levels, and the mask's or none."""
    crop, captions, masks = ("--center-crop" in folder.options, "--captions" in folder.options, "--masks" in folder.options)
    command = [READ_FOLDER, folder.path, str(SIZE), "crop" if crop else "squeeze", "captions" if captions else "templates", "masks" if masks else "whole"]
    out = io.BytesIO(subprocess.run(command, capture_output=True, check=True, timeout=120).stdout)

    def text():
        return out.read(int(out.readline())).decode()

    def levels(bands):
        return numpy.frombuffer(out.read(SIZE * SIZE * bands), numpy.uint8).reshape(SIZE, SIZE, bands)

    while length := out.readline():
        name = out.read(int(length)).decode()
        yield name, [text() for _ in range(int(out.readline()))], levels(3), levels(1)[:, :, 0] if masks else None


def tolerance_for(file):
    """How far two decoders of a lossy format may be apart."""
    with Image.open(file) as picture:
        if picture.format in ("JPEG", "AVIF"):
            return 4
        if picture.format == "WEBP":
            return 3
        # Profiles are computed with other tables, on 8 or on 16 bits; transparency rounds once more.
        if "icc_profile" in picture.info:
            return 3 if picture.mode == "I;16" else 2
        return 1


def is_known(file):
    """CMYK without a profile is whatever a program takes it for."""
    with Image.open(file) as picture:
        return picture.mode != "CMYK"


def wrong_pixels(folder):
    """What is not learned as Pillow and littlecms show it; none if all is."""
    crop = "--center-crop" in folder.options
    for name, captions, levels, mask in learned_from(folder):
        if captions != folder.captions.get(name, []):
            return f"{name} has the captions {captions}, not {folder.captions.get(name)}"
        file = folder.path / name
        expected = numpy.asarray(square(shown(file), SIZE, crop)).astype(int)
        apart = numpy.abs(levels - expected).max()
        if is_known(file) and apart > tolerance_for(file):
            return f"{name} is {apart} levels off"
        if mask is not None:
            apart = numpy.abs(mask - numpy.asarray(square(folder.masks[name], SIZE, crop)).astype(int)).max()
            if apart > 1:
                return f"the mask of {name} is {apart} levels off"
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
