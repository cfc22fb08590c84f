#!/usr/bin/env python3
"""How far the same training ends apart when its batch is divided otherwise: K ranks, or threads of one process.

usage: ranks_and_threads.py PROGRAM CONCEPT_FOLDER [STEPS]

A row for AdamW, for AdamW with micro-batches of 1, and for SGD: the largest difference of the learned vectors, over their
largest number, between two ranks of one thread and batch 2, one process of two threads and batch 4, and one of one thread
and batch 4. Needs mpirun.
"""

import array
import json
import pathlib
import subprocess
import sys
import tempfile

METHODS = {"AdamW": [], "AdamW, --micro-batch 1": ["--micro-batch", "1"],
           "SGD": ["--optimizer", "sgd", "--learning-rate", "1e-3"]}  # fmt: skip
RUNS = {"ranks": (2, 1, 2), "threads": (1, 2, 4), "thread": (1, 1, 4)}  # ranks, threads of each, batch of each


def learn(program, concept, steps, ranks, threads, batch, options):
    launcher = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)] if ranks > 1 else []
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder) / "run"
        subprocess.run([*launcher, program, "train", "--images", concept, "--token", "<thing>", "--output", output,
                        "--init", "token:green", "--max-steps", steps, "--batch", str(batch), "--threads", str(threads),
                        "--samples", "0", "--quiet", *options], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        data = (output / "learned_embeds.safetensors").read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    first, last = json.loads(data[8:begin])["<thing>"]["data_offsets"]
    return array.array("f", data[begin + first : begin + last])


def apart(first, second):
    return max(abs(a - b) for a, b in zip(first, second, strict=True)) / max(map(abs, second))


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    program, concept, steps = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) == 4 else "16"
    print(f"{steps} steps | two ranks, two threads | two ranks, one thread | two threads, one thread")
    for name, options in METHODS.items():
        learned = {run: learn(program, concept, steps, *division, options) for run, division in RUNS.items()}
        rows = [("ranks", "threads"), ("ranks", "thread"), ("threads", "thread")]
        print(name, *(f"{apart(learned[a], learned[b]):.1e}" for a, b in rows), sep=" | ")


if __name__ == "__main__":
    main()
