#!/usr/bin/env python3
"""What the bundled model learns: every sample concept with several seeds, as a Markdown table.

usage: demo_concepts.py PROGRAM CONCEPTS_FOLDER OUTPUT_FOLDER [SEEDS [JOBS]]

A row a concept: the step at which each seed stopped and why, and the CLIP image similarity of samples to drawings that
were not learned from, before and after, as mean and spread (largest minus smallest) over the seeds.
"""

import concurrent.futures
import json
import pathlib
import subprocess
import sys


def learn(program, concept, output, seed, threads):
    result = subprocess.run(
        [program, "train", "--images", concept, "--held-out", concept / "held-out", "--token", f"<{concept.name}>",
         "--output", output / f"{concept.name}-{seed}", "--overwrite", "--seed", str(seed), "--probe-seed", str(seed),
         "--sample-seed", str(seed), "--threads", str(threads), "--quiet", "--json"],
        check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def spread(values):
    return f"{sum(values) / len(values):.3f} ({max(values) - min(values):.3f})"


def main():
    program, concepts, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    seeds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    jobs = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    folders = sorted(path for path in concepts.iterdir() if path.is_dir())
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = {folder: [pool.submit(learn, program, folder, output, seed, 0 if jobs == 1 else 1)
                         for seed in range(seeds)] for folder in folders}
    print("| concept | begins as | stops | seconds | before | after | gain of each seed |")
    print("|---|---|---|---|---|---|---|")
    for folder, futures in runs.items():
        done = [future.result() for future in futures]
        before = [run["clip_image_similarity"]["before"] for run in done]
        after = [run["clip_image_similarity"]["after"] for run in done]
        stops = ", ".join(f"{run['step']} ({run['stop_rule'].replace('_', ' ')})" for run in done)
        seconds = ", ".join(f"{run['seconds']:.0f}" for run in done)
        gains = ", ".join(f"{b - a:+.3f}" for a, b in zip(before, after))
        print(f"| {folder.name} | {done[0]['initial']} | {stops} | {seconds} | {spread(before)} | {spread(after)} | {gains} |")


if __name__ == "__main__":
    main()
