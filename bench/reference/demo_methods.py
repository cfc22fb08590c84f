#!/usr/bin/env python3
"""What the bundled model learns by each method: every sample concept with one seed, as a Markdown table.

usage: demo_methods.py PROGRAM CONCEPTS_FOLDER OUTPUT_FOLDER

A row a concept and method: the step at which it stopped and why, the seconds that processors were busy (on a machine that does
other things too, they say more than the clock), the bytes of the files that are needed to draw with what was learned, and
CLIP scores of the samples after it: the likeness to drawings that were not learned from, and to the prompt, with the word that the token began as in its place.
"""

import json
import pathlib
import resource
import subprocess
import sys

METHODS = {"textual-inversion": ["learned_embeds.safetensors"],
           "dreambooth-lora": ["learned_embeds.safetensors", "pytorch_lora_weights.safetensors"]}


def run(*words):
    result = subprocess.run([*map(str, words)], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def main():
    program, concepts, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    print("| concept | method | stops | core-seconds | bytes | image before | image after | text after |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for concept in sorted(path for path in concepts.iterdir() if path.is_dir()):
        for method, files in METHODS.items():
            folder = output / f"{concept.name}-{method}"
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            done = run(program, "train", "--method", method, "--images", concept, "--held-out", concept / "held-out",
                       "--token", f"<{concept.name}>", "--output", folder, "--overwrite", "--quiet", "--json")
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            text = run(program, "score", "--images", concept / "held-out", "--samples", folder / "samples",
                       "--class-word", done["initial"].replace("+", " "), "--quiet", "--json")["text_score"]
            size = sum((folder / file).stat().st_size for file in files)
            gain = done["clip_image_similarity"]
            print(f"| {concept.name} | {method} | {done['step']} ({done['stop_rule'].replace('_', ' ')}) | {busy:.0f} | {size:,} "
                  f"| {gain['before']:.3f} | {gain['after']:.3f} | {text:.3f} |", flush=True)


if __name__ == "__main__":
    main()
