#!/usr/bin/env python3
"""What the bundled model learns by each method: every sample concept with one seed, as a Markdown table and a picture.

usage: demo_methods.py PROGRAM CONCEPTS_FOLDER OUTPUT_FOLDER [PICTURE.png]

A row a concept and method: the step at which it stopped and why, the seconds that processors were busy (on a machine that does
other things too, they say more than the clock), the bytes of the files that are needed to draw with what was learned, and
CLIP scores of the samples after it: the likeness to drawings that were not learned from, and to the prompt, with the word that the token began as in its place.

The picture, for which Pillow is needed, has a row a concept: drawings that were learned from, and the first samples by each method.
"""

import json
import pathlib
import resource
import subprocess
import sys

METHODS = {"textual-inversion": ["learned_embeds.safetensors"],
           "dreambooth-lora": ["learned_embeds.safetensors", "pytorch_lora_weights.safetensors"],
           "custom-diffusion": ["learned_embeds.safetensors", "pytorch_custom_diffusion_weights.safetensors"],
           "custom-diffusion --no-rescale": ["learned_embeds.safetensors", "pytorch_custom_diffusion_weights.safetensors"]}
TILE, GAP, TILES = 128, 4, 3


def run(*words):
    result = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def folder_of(output, concept, method):
    return output / f"{concept.name}-{method.replace(' ', '')}"


def draw_sheet(concepts, output, file):
    from PIL import Image

    rows = []
    for concept in concepts:
        groups = [sorted(concept.glob("*.png"))]
        groups += [sorted((folder_of(output, concept, method) / "samples").glob("after-*.png")) for method in METHODS]
        rows.append([group[:TILES] for group in groups])
    # Groups stand four gaps apart.
    group_width = TILES * (TILE + GAP) + 3 * GAP
    sheet = Image.new("RGB", ((1 + len(METHODS)) * group_width - 4 * GAP, len(rows) * (TILE + GAP) - GAP), "white")
    for y, groups in enumerate(rows):
        for x, group in enumerate(groups):
            for i, picture in enumerate(group):
                with Image.open(picture) as opened:
                    tile = opened.convert("RGB").resize((TILE, TILE), Image.NEAREST)
                sheet.paste(tile, (x * group_width + i * (TILE + GAP), y * (TILE + GAP)))
    sheet.save(file, optimize=True)


def main():
    program, folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    concepts = sorted(path for path in folder.iterdir() if path.is_dir())
    print("| concept | method | stops | core-seconds | bytes | image before | image after | text after |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for concept in concepts:
        for method, files in METHODS.items():
            folder = folder_of(output, concept, method)
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = run(program, "train", "--method", *method.split(), "--images", concept, "--held-out", concept / "held-out",
                       "--token", f"<{concept.name}>", "--output", folder, "--overwrite", "--quiet", "--json")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            text = run(program, "score", "--images", concept / "held-out", "--samples", folder / "samples",
                       "--class-word", done["initial"].replace("+", " "), "--quiet", "--json")["text_score"]
            size = sum((folder / file).stat().st_size for file in files)
            gain = done["clip_image_similarity"]
            name, *options = method.split()
            says = " ".join([name, *(f"`{option}`" for option in options)])
            print(f"| {concept.name} | {says} | {done['step']} ({done['stop_rule'].replace('_', ' ')}) | {busy:.0f} | {size:,} "
                  f"| {gain['before']:.3f} | {gain['after']:.3f} | {text:.3f} |", flush=True)
    if len(sys.argv) > 4:
        draw_sheet(concepts, output, sys.argv[4])


if __name__ == "__main__":
    main()
