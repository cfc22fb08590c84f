#!/usr/bin/env python3
"""What Stable Diffusion 1.5 at 512 pixels takes of a card, or Stable Diffusion XL at 1024, by option, as `dvar train --dry-run`
estimates it: the tables of docs/devices.md. The model is made with its published sizes and without its numbers: its files are holes.

usage: memory_table.py DVAR [stable-diffusion-xl]. Needs the peers' Python.
"""

import argparse
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

import torch

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
os.environ.setdefault("DVAR_BUILD_DIR", ".")  # which making a model does not need
sys.path[:0] = [str(ROOT / "bench" / "peers"), str(ROOT / "tests" / "parity")]

import models  # noqa: E402
import full_size_peer  # noqa: E402

CARDS = [6, 8, 12, 24]
# The driver's context, and what the libraries of convolutions and products take to work in.
BESIDE = 0.8
RUNS = {
    "fp32": [],
    "fp32, checkpointing": ["--gradient-checkpointing"],
    "bf16 or fp16": ["--precision", "bf16"],
    "bf16 or fp16, checkpointing": ["--precision", "bf16", "--gradient-checkpointing"],
}
BATCHES = [1, 4]


def write_holes(file, shapes):
    """A safetensors file whose numbers take no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * shape.numel()
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        out.truncate(8 + len(text) + end)


def make_model(family, folder):
    for name, build in full_size_peer.FAMILIES[family].items():
        with torch.device("meta"):
            network = build()
        (folder / name).mkdir()
        config = getattr(network.config, "to_json_string", network.to_json_string if "text" not in name else None)
        (folder / name / "config.json").write_text(config())
        weights = "model" if "text" in name else "diffusion_pytorch_model"
        shapes = {key: value.shape for key, value in network.state_dict().items() if value.is_floating_point()}
        write_holes(folder / name / f"{weights}.safetensors", shapes)
    (folder / "scheduler").mkdir()
    schedule = {**full_size_peer.SCHEDULE, "_class_name": "DDIMScheduler"}
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps(schedule))
    for name in ["tokenizer", "tokenizer_2"] if (folder / "text_encoder_2").exists() else ["tokenizer"]:
        models.write_tokenizer(folder / name)


def estimate(program, model, options):
    words = [program, "train", "--model", model, "--images", models.CONCEPTS / "frog", "--token", "<thing>", "--output",
             model / "out", "--device", "cpu", "--dry-run", "--weights", "memory", "--json", "--init", "token:!", *options]  # fmt: skip
    return json.loads(subprocess.run(list(map(str, words)), check=True, stdout=subprocess.PIPE, text=True).stdout)


def gib(count):
    return count / 2**30


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("family", nargs="?", default="stable-diffusion", choices=["stable-diffusion", "stable-diffusion-xl"])
    given = parser.parse_args()
    print("| options | batch and probe of | networks | a step | the probe | samples | at most | fits cards from |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        model = pathlib.Path(temporary)
        make_model(given.family, model)
        for name, options in RUNS.items():
            for batch in BATCHES:
                found = estimate(given.program, model, [*options, "--batch", batch, "--probe-batch", batch])
                card = next((f"{card} GB" for card in CARDS if gib(found["most"]) + BESIDE <= card), "none of these")
                parts = [f"{gib(found[part]):.1f}" for part in ("networks", "step", "probe", "samples", "most")]
                # The autoencoder of Stable Diffusion XL is fp32 where the others are fp16.
                if given.family == "stable-diffusion-xl":
                    name = name.replace("bf16 or fp16", "bf16")
                print("|", " | ".join([name, str(batch), *parts, card]), "|")


if __name__ == "__main__":
    main()
