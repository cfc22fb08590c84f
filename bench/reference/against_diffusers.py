#!/usr/bin/env python3
"""A training step of textual inversion beside diffusers' own, at the size of Stable Diffusion 1.5 on random weights, 512
pixels: seconds a step and peak memory, by precision, checkpointing and form of attention.

Every round runs each of them once, one process at a time, one after the other, so that whatever else the machine does
meets all alike; the table has the medians over the rounds. The first step of a process, which finds memory and chooses
kernels, is left out. Seconds of processors are there for machines that are shared.

usage: against_diffusers.py BENCH_INVERSION_STEPS [--model DIR] [--rounds N] [--steps N] [--threads N] [--only WORD…]
(--model: where the model is, or shall be made and kept; without it in a temporary directory). Needs the peers' Python.
"""

import argparse
import itertools
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PARITY = HERE.parent.parent / "tests" / "parity"
IMAGES = HERE.parent.parent / "reference" / "demo" / "concepts" / "frog"

RUNS = {
    "diffusers fp32": ("diffusers", []),
    "dvar fp32": ("dvar", []),
    "dvar fp32, sliced": ("dvar", ["--attention", "sliced"]),
    "dvar fp32, plain": ("dvar", ["--attention", "plain"]),
    "diffusers fp32, checkpointing": ("diffusers", ["--gradient-checkpointing"]),
    "dvar fp32, checkpointing": ("dvar", ["--gradient-checkpointing"]),
    "diffusers bf16": ("diffusers", ["--precision", "bf16"]),
    "dvar bf16": ("dvar", ["--precision", "bf16"]),
    "diffusers bf16, checkpointing": ("diffusers", ["--precision", "bf16", "--gradient-checkpointing"]),
    "dvar bf16, checkpointing": ("dvar", ["--precision", "bf16", "--gradient-checkpointing"]),
}


def write_tokenizer(folder):
    """A tokenizer of CLIP's size: its bytes, and as many pairs of them as it has merges."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(byte) for byte in visible] + [chr(256 + i) for i in range(256 - len(visible))]
    merges = list(itertools.islice(itertools.product(symbols, symbols), 49408 - 512 - 2))
    tokens = symbols + [s + "</w>" for s in symbols] + [a + b for a, b in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == len(set(tokens)) == 49408
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *(f"{a} {b}" for a, b in merges), ""]))
    names = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>",
             "pad_token": "<|endoftext|>"}  # fmt: skip
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    config = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **names}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def make_model(folder):
    if not (folder / "scheduler" / "scheduler_config.json").exists():
        environment = {**os.environ, "DVAR_BUILD_DIR": "."}  # which making a model does not need
        words = [sys.executable, "-B", PARITY / "full_size_peer.py", "make", "stable-diffusion", folder]
        subprocess.run(words, env=environment, check=True)
    if not (folder / "tokenizer").exists():
        write_tokenizer(folder / "tokenizer")


def one_run(kind, options, given, model):
    program = [given.program] if kind == "dvar" else [sys.executable, "-B", HERE / "diffusers_steps.py"]
    words = [*program, model, IMAGES, "--steps", given.steps + 1, "--threads", given.threads, *options]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": str(given.threads)}
    output = subprocess.run(list(map(str, words)), env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout
    measured = json.loads(output.splitlines()[-1])
    steps = measured["steps"][1:]
    return {
        "wall": statistics.median(step["wall"] for step in steps),
        "cpu": statistics.median(step["cpu"] for step in steps),
        "peak": measured["peak_mib"],
        "opening_peak": measured["opening_peak_mib"],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", nargs="*", help="only runs of these names, or whose names have one of these words")
    given = parser.parse_args()
    words = given.only or [""]
    names = [name for name in RUNS if name in words or any(word in name for word in words if word not in RUNS)]
    results = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        model = given.model or pathlib.Path(temporary)
        make_model(model)
        for _ in range(given.rounds):
            for name in names:
                results[name].append(one_run(*RUNS[name], given, model))
                print(name, json.dumps(results[name][-1]), file=sys.stderr, flush=True)
    print("| | seconds a step | of processors | peak memory, MiB |\n|---|---|---|---|")
    for name, runs in results.items():
        wall, cpu, peak = (statistics.median(run[key] for run in runs) for key in ("wall", "cpu", "peak"))
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {peak:.0f} |")


if __name__ == "__main__":
    main()
