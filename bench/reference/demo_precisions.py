#!/usr/bin/env python3
"""What the precision of the frozen networks changes on the bundled model: every sample concept with one seed on one thread, as a
Markdown table.

usage: demo_precisions.py PROGRAM CONCEPTS_FOLDER OUTPUT_FOLDER [PRECISION…]     (default: fp32 bf16)

A row a concept and precision: the step at which it stopped; how far the probe's loss fell; the jitter of that loss, the standard
deviation of the second differences of its last 60 values over √6, which is that of noise in which neighbours have nothing in common;
and the CLIP image similarity of samples to drawings that were not learned from.
"""

import json
import pathlib
import statistics
import subprocess
import sys

LAST = 60


def jitter(losses):
    last = losses[-LAST:]
    bends = [before - 2 * middle + after for before, middle, after in zip(last, last[1:], last[2:])]
    return statistics.pstdev(bends) / 6**0.5


def learn(program, concept, precision, folder):
    """Returns the summary of a run and its probe losses."""
    command = [program, "train", "--images", concept, "--held-out", concept / "held-out", "--token", f"<{concept.name}>", "--precision", precision,
               "--threads", 1, "--output", folder, "--overwrite", "--quiet", "--json"]  # fmt: skip
    printed = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout
    records = map(json.loads, (folder / "trace.jsonl").read_text().splitlines())
    return json.loads(printed), [record["probe_loss"] for record in records if record.get("probe_loss") is not None]


def main():
    program, folder, output = map(pathlib.Path, sys.argv[1:4])
    print("| concept | precision | stops | fall of the probe loss | its jitter | image after |")
    print("|---|---|---|---|---|---|", flush=True)
    for concept in sorted(path for path in folder.iterdir() if path.is_dir()):
        for precision in sys.argv[4:] or ["fp32", "bf16"]:
            summary, losses = learn(program, concept, precision, output / f"{concept.name}-{precision}")
            print(f"| {concept.name} | {precision} | {summary['step']} ({summary['stop_rule'].replace('_', ' ')}) | {losses[0] - min(losses):.4f} "
                  f"| {jitter(losses):.1e} | {summary['clip_image_similarity']['after']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
