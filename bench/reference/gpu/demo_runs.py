#!/usr/bin/env python3
"""Whole runs of the bundled model: what is learned on the GPU beside what is learned on the CPU, in every precision, and whether
a run that was interrupted and resumed ends with the same bits as one that was not.

usage: demo_runs.py --bin DIR --models DIR --output DIR --device DEVICE
"""

import array
import concurrent.futures
import json
import math
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from setting import CONCEPT, setting

# No more than the batch has pictures: each thread then takes one, and none waits for another within an operation.
THREADS = str(min(4, len(os.sched_getaffinity(0)) // 2 or 1))
RUNS = "Whole runs of the bundled model"
RESUMED = "Resuming on the GPU"


def command(given, output, device, precision, *options):
    words = [given.bin / "dvar", "train", "--model", "demo", "--images", CONCEPT, "--token", "<thing>", "--output", output,
             "--device", device, "--precision", precision, "--init", "token:green", "--samples", "0", "--overwrite", "--json",
             "--quiet", "--threads", THREADS if device == "cpu" else "0", *options]  # fmt: skip
    return list(map(str, words))


def learn(*run):
    start = time.monotonic()
    result = subprocess.run(command(*run), capture_output=True, text=True)
    if result.returncode != 0:
        raise RuntimeError(result.stderr.strip().splitlines()[-1])
    return {**json.loads(result.stdout), "wall": time.monotonic() - start}


def vectors(output):
    data = (output / "learned_embeds.safetensors").read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    first, last = json.loads(data[8:begin])["<thing>"]["data_offsets"]
    return array.array("f", data[begin + first : begin + last])


def norm(values):
    return math.sqrt(math.fsum(value * value for value in values))


def compare(ours, reference):
    return {
        "cosine": math.fsum(a * b for a, b in zip(ours, reference, strict=True)) / (norm(ours) * norm(reference)),
        "relative distance": norm([a - b for a, b in zip(ours, reference, strict=True)]) / norm(reference),
    }


def whole_runs(given, folder):
    """Rounding differs between devices and grows over the steps: the distance is shown after 1 step, after 20, and at the stop.
    The CPU's runs go on beside those of the device."""
    limits = ["1", "3"] if given.toy else ["1", "20", "6100"]
    # Processors without fp16 arithmetic take minutes for it.
    precisions = ["fp32", "bf16"] if given.toy else ["fp32", "bf16", "fp16"]
    with concurrent.futures.ThreadPoolExecutor(max_workers=1) as pool:
        references = [pool.submit(learn, given, folder / f"cpu-{limit}", "cpu", "fp32", "--max-steps", limit) for limit in limits]
        for limit, future in zip(limits, references):
            found = {}
            for precision in precisions:
                try:
                    found[precision] = learn(given, folder / precision / limit, given.device, precision, "--max-steps", limit)
                except RuntimeError as error:
                    given.rows.add(RUNS, f"{precision}, at most {limit} steps", stop=f"FAILED: {error}")
            reference = future.result()
            for precision, ours in found.items():
                given.rows.add(
                    RUNS, f"{precision}, at most {limit} steps", stop=f"step {ours['step']}, {ours['stop_rule']}",
                    **{"CPU's stop, in fp32": f"step {reference['step']}, {reference['stop_rule']}"},
                    **compare(vectors(folder / precision / limit), vectors(folder / f"cpu-{limit}")),
                    seconds=ours["wall"], **{"CPU's seconds": reference["wall"]},
                )  # fmt: skip


def resumed_run(given, folder):
    steps = 12 if given.toy else 200
    options = ["--max-steps", str(steps), "--stop", f"steps:{steps}", "--checkpoint-every", "10"]
    learn(given, folder / "whole", given.device, "bf16", *options)
    run = command(given, folder / "parts", given.device, "bf16", *options)
    process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    trace = folder / "parts" / "trace.jsonl"
    while process.poll() is None and (not trace.exists() or trace.read_text().count("\n") < steps // 4):
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    taken = trace.read_text().count("\n")
    resumed = subprocess.run([word for word in run if word != "--overwrite"] + ["--resume"], capture_output=True, text=True)
    if resumed.returncode != 0:
        raise RuntimeError(resumed.stderr.strip().splitlines()[-1])
    for name in ["learned_embeds.safetensors", "trace.jsonl"]:
        same = (folder / "whole" / name).read_bytes() == (folder / "parts" / name).read_bytes()
        given.rows.add(RESUMED, name, result="the same bits" if same else "FAILED: other bits",
                       **{"ended by SIGTERM": f"after {taken} of {steps} steps"})  # fmt: skip


def main():
    given = setting(RUNS, __doc__)
    folder = Path(tempfile.mkdtemp())
    try:
        resumed_run(given, folder)
    except (RuntimeError, OSError) as error:
        given.rows.add(RESUMED, "a run", result=f"FAILED: {error}")
    try:
        whole_runs(given, folder)
    except RuntimeError as error:
        given.rows.add(RUNS, "on the CPU", stop=f"FAILED: {error}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
