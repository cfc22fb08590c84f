#!/usr/bin/env python3
"""Does a model of drawings draw what its words say? Samples trained names, and names what came out among 100.

usage: demo_names.py PROGRAM MODEL DRAWINGS OUTPUT_FOLDER [NAMES [STEPS]]

MODEL is a directory that `dvar pretrain` wrote (reference/demo/model), DRAWINGS what it was trained on, see
reference/demo/data/fetch-drawings. Of the trained names as many as NAMES (200) are drawn once each, evenly chosen from their sorted
list, by as many STEPS (50) as `dvar sample` takes. Each picture is compared with its own name and 99 others, chosen by a fixed seed:

  by CLIP    the model's image encoder sees the picture, its text encoder "a drawing of a NAME"; the nearest name wins
  by pixels  the nearest of all training drawings of the 100, by the mean squared difference of their levels, gives its name

Prints both shares of right names as a Markdown table. Needs torch, transformers, safetensors and Pillow. OUTPUT_FOLDER gets the pictures, sheet.png with
64 of them, and names.csv.
"""

import argparse
import collections
import csv
import json
import pathlib
import random
import subprocess

import numpy
import torch
import transformers
from PIL import Image, ImageDraw

# Says which drawings the UNet has not seen.
RECIPE = pathlib.Path(__file__).resolve().parents[2] / "reference" / "demo" / "recipe.json"
OTHERS = 99
SHEET = 64


def trained_drawings(drawings, without):
    """The files of the drawings of each trained name."""
    files = collections.defaultdict(list)
    with (drawings / "manifest.tsv").open() as manifest:
        for drawing in csv.DictReader(manifest, delimiter="\t"):
            if drawing["split"] == "pretrain" and drawing["group"] not in without:
                files[drawing["name"]].append(drawings / drawing["file"])
    return files


def levels_of(file):
    return numpy.asarray(Image.open(file).convert("RGB"), dtype=numpy.float32)


def draw(program, model, names, output, steps):
    """Draws one picture of each name, in their order."""
    prompts = output / "prompts.txt"
    prompts.write_text("".join(f"a drawing of a {name}\n" for name in names))
    pictures = output / "pictures"
    subprocess.run([program, "sample", "--model", model, "--prompts", prompts, "--output", pictures, "--steps", str(steps), "--seed", "1",
                    "--overwrite"],
                   check=True, stdout=subprocess.DEVNULL)  # fmt: skip
    files = sorted(pictures.glob("[0-9]*.png"))
    assert len(files) == len(names), f"{pictures}: expected {len(names)} pictures, found {len(files)}"
    return files


class Clip:
    """The small CLIP that is bundled with the model."""

    def __init__(self, model):
        self.text = transformers.CLIPTextModelWithProjection.from_pretrained(model / "text_encoder", dtype=torch.float32)
        self.image = transformers.CLIPVisionModelWithProjection.from_pretrained(model / "image_encoder", dtype=torch.float32)
        self.tokenizer = transformers.CLIPTokenizer.from_pretrained(model / "tokenizer")

    @torch.no_grad()
    def of_names(self, names):
        tokens = self.tokenizer([f"a drawing of a {name}" for name in names], padding="max_length", truncation=True, return_tensors="pt")
        return torch.nn.functional.normalize(self.text(tokens.input_ids).text_embeds, dim=1)

    @torch.no_grad()
    def of_pictures(self, levels):
        pixels = torch.from_numpy(levels).permute(0, 3, 1, 2) / 127.5 - 1
        return torch.nn.functional.normalize(self.image(pixels).image_embeds, dim=1)


def sheet(files, names, output):
    """Writes pictures in rows, each with its name below."""
    edge, line, columns = 64, 12, 8
    page = Image.new("RGB", (columns * (edge + 24), (len(files) + columns - 1) // columns * (edge + line + 4)), "white")
    text = ImageDraw.Draw(page)
    for i, (file, name) in enumerate(zip(files, names)):
        left, top = i % columns * (edge + 24), i // columns * (edge + line + 4)
        page.paste(Image.open(file), (left + 12, top))
        text.text((left + 2, top + edge), name[:14], fill="black")
    page.save(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("drawings", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("names", type=int, nargs="?", default=200)
    parser.add_argument("steps", type=int, nargs="?", default=50)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)

    files = trained_drawings(options.drawings, json.loads(RECIPE.read_text())["unet"]["without_groups"])
    every = sorted(files)
    names = [every[i * len(every) // options.names] for i in range(options.names)]
    pictures = draw(options.program, options.model, names, options.output, options.steps)
    levels = numpy.stack([levels_of(picture) for picture in pictures])
    clip = Clip(options.model)
    of_names, of_pictures = clip.of_names(every), clip.of_pictures(levels)
    number = {name: i for i, name in enumerate(every)}
    drawings = {name: numpy.stack([levels_of(file) for file in files[name]]) for name in every}

    choose = random.Random(1)
    rows = []
    for i, name in enumerate(names):
        among = [name, *choose.sample([other for other in every if other != name], OTHERS)]
        by_clip = among[int((of_names[[number[other] for other in among]] @ of_pictures[i]).argmax())]
        distances = {other: ((drawings[other] - levels[i]) ** 2).mean(axis=(1, 2, 3)).min() for other in among}
        by_pixels = min(distances, key=distances.get)
        rows.append({"name": name, "by_clip": by_clip, "by_pixels": by_pixels})
    with (options.output / "names.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    stride = len(names) // SHEET or 1
    shown = list(range(0, len(names), stride))[:SHEET]
    sheet([pictures[i] for i in shown], [names[i] for i in shown], options.output / "sheet.png")
    by_clip, by_pixels = (sum(row[by] == row["name"] for row in rows) / len(rows) for by in ("by_clip", "by_pixels"))
    print(f"| names drawn, of {len(every)} | sampler steps | right one of {OTHERS + 1} by CLIP | by pixels |\n|---|---|---|---|")
    print(f"| {len(names)} | {options.steps} | {by_clip:.1%} | {by_pixels:.1%} |")


if __name__ == "__main__":
    main()
