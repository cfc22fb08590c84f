#!/usr/bin/env python3
"""What the bundled model learns of two concepts by Custom Diffusion, together and each alone, as a Markdown table.

usage: demo_together.py PROGRAM CONCEPTS_FOLDER OUTPUT_FOLDER

A row a way of learning panda and cherries, on one thread: the steps at which the runs stopped, and how like the samples of each
token are to the drawings that it was learned from, by CLIP.
"""

import json
import pathlib
import subprocess
import sys

CONCEPTS = ["panda", "cherries"]
WAYS = {"other sizes too": [], "`--no-rescale`": ["--no-rescale"]}


def learn(program, output, *words):
    command = [program, "train", "--method", "custom-diffusion", "--output", output, "--overwrite", "--threads", "1", "--quiet", "--json", *words]
    return json.loads(subprocess.run(list(map(str, command)), check=True, capture_output=True, text=True).stdout)


def likeness(outcome):
    return outcome["clip_image_similarity"]["after"]


def main():
    program, folder, output = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    output.mkdir(parents=True, exist_ok=True)
    entries = [{"instance_data_dir": str(folder / name), "modifier_token": f"<new{i}>"} for i, name in enumerate(CONCEPTS, 1)]
    (output / "concepts.json").write_text(json.dumps(entries, indent=2) + "\n")
    print(f"| learned | | stops at | {' | '.join(CONCEPTS)} |\n|---|---|---|---|---|")
    for way, options in WAYS.items():
        mark = "-".join(["out", *(option.strip("-") for option in options)])
        joint = learn(program, output / mark, "--concepts-list", output / "concepts.json", *options)
        print(f"| together | {way} | {joint['step']} | {' | '.join(f'{likeness(each):.3f}' for each in joint['concepts'])} |")
        alone = [learn(program, output / f"{mark}-{name}", "--images", folder / name, "--token", "<new1>", *options) for name in CONCEPTS]
        print(f"| each alone | {way} | {', '.join(str(run['step']) for run in alone)} | {' | '.join(f'{likeness(run):.3f}' for run in alone)} |", flush=True)


if __name__ == "__main__":
    main()
