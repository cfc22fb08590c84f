#!/usr/bin/env python3
"""What one observation of the rule costs in the published form, NumPy over the whole history, and here, in one run.

    bench/toolkit/official_rule.py build/release/bin/bench_toolkit
"""

import json
import statistics
import subprocess
import sys
import time

import numpy as np

WINDOW, THRESHOLD, LENGTH = 310, 0.15, 2000


def official(losses):
    """The published stopper: append, and both variances anew. Seconds an observation, and the last ratio."""
    history, ratio = np.array([]), 1.0
    begin = time.perf_counter()
    for loss in losses:
        history = np.append(history, loss)
        if history.size >= WINDOW:
            ratio = np.var(history[-WINDOW:]) / np.var(history)
    return (time.perf_counter() - begin) / losses.size, ratio


def ours(program):
    result = subprocess.run(
        [program, f"--benchmark_filter=^update(_in_batch)?/window:{WINDOW}$", "--benchmark_format=json"],
        capture_output=True,
        text=True,
        check=True,
    )
    runs = json.loads(result.stdout)["benchmarks"]
    assert not any(run.get("error_occurred") for run in runs), "the toolkit's results are wrong"
    return {run["name"].split("/")[0]: 1.0 / run["items_per_second"] for run in runs}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    i = np.arange(LENGTH)
    losses = 0.18 + 1e-3 * np.exp(-3 * i / LENGTH) + 1e-5 * np.random.default_rng(1).normal(size=LENGTH)
    timings = [official(losses) for _ in range(5)]
    exact = float(np.var(losses[-WINDOW:]) / np.var(losses))
    assert all(ratio == exact for _, ratio in timings), "the published rule is wrong"
    theirs = statistics.median(seconds for seconds, _ in timings)
    print(f"NumPy {np.__version__}, window {WINDOW}, {LENGTH} losses: {theirs * 1e9:10.1f} ns an observation")
    for name, seconds in ours(sys.argv[1]).items():
        print(f"{name:16} {seconds * 1e9:10.1f} ns an observation, 1/{theirs / seconds:.0f} of that")


if __name__ == "__main__":
    main()
