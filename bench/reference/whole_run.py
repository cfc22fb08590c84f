#!/usr/bin/env python3
"""Start to first step, seconds a step and peak memory of whole runs of `dvar train` on the bundled model.

usage: whole_run.py PROGRAM CONCEPT_FOLDER [RUNS]
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time


def one_run(program, images):
    with tempfile.TemporaryDirectory() as folder:
        trace = pathlib.Path(folder, "out", "trace.jsonl")
        started = time.monotonic()
        process = subprocess.Popen(
            [program, "train", "--images", images, "--token", "<thing>", "--output", f"{folder}/out", "--quiet",
             "--max-steps", "100", "--samples", "8"], stdout=subprocess.DEVNULL)
        first_step = None
        # The trace file is made when everything is loaded, just before the first step.
        while process.poll() is None and first_step is None:
            if trace.exists():
                first_step = time.monotonic() - started
            time.sleep(0.002)
        _, status, usage = os.wait4(process.pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit("whole_run.py: dvar train failed")
        steps = [json.loads(line) for line in trace.read_text().splitlines()]
        if len(steps) != 100 or not all(0 < step["probe_loss"] < 10 for step in steps):
            raise SystemExit("whole_run.py: the trace is not that of 100 good steps")
        return first_step, usage.ru_maxrss / 1024


def main():
    program, images = sys.argv[1:3]
    runs = [one_run(program, images) for _ in range(int(sys.argv[3]) if len(sys.argv) > 3 else 5)]
    for name, unit, values in (("start to first step", "s", [run[0] for run in runs]),
                               ("peak memory", "MiB", [run[1] for run in runs])):
        print(f"{name}: median {statistics.median(values):.2f} {unit}, {min(values):.2f} to {max(values):.2f}")


if __name__ == "__main__":
    main()
