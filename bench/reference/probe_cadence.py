#!/usr/bin/env python3
"""Where runs would have stopped with fewer probes: the variance ratio over a window of as many steps, shown every k-th probe of
traces that have one after every step. A row a cadence, as a Markdown table.

usage: probe_cadence.py DVAR TRACE...     such as the trace.jsonl of `dvar sweep` with {"stop": "steps:1200", "probe-every": 1}
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

WINDOW, THRESHOLD = 310, 0.15
CADENCES = [1, 2, 3, 4, 5, 10]


def thinned(trace, every, file):
    with trace.open() as lines, file.open("w") as out:
        for line in lines:
            record = json.loads(line)
            if record["step"] % every == 0:
                out.write(json.dumps({"step": record["step"], "probe_loss": record["probe_loss"]}) + "\n")


def stops_of(dvar, traces, every, folder):
    files = [folder / f"{every}-{i}.jsonl" for i in range(len(traces))]
    for trace, file in zip(traces, files):
        thinned(trace, every, file)
    rule = f"dvar:window={round(WINDOW / every)},threshold={THRESHOLD}"
    printed = subprocess.run([dvar, "replay", *files, "--stop", rule, "--json"], check=True, capture_output=True, text=True).stdout
    return [row["stopped_at"] for row in json.loads(printed)]


def main():
    dvar, traces = sys.argv[1], [pathlib.Path(name) for name in sys.argv[2:]]
    print("| a probe every … steps | runs that stop | shift of the stop, median | mean | earliest | latest |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        stops = {every: stops_of(dvar, traces, every, pathlib.Path(folder)) for every in CADENCES}
    for every, found in stops.items():
        # A run that does not stop in its trace has no shift, at whichever cadence.
        pairs = [(one, other) for one, other in zip(stops[1], found) if one and other]
        shifts = [other / one - 1.0 for one, other in pairs]
        sizes = [abs(shift) for shift in shifts]
        print(f"| {every} | {sum(stop is not None for stop in found)} of {len(traces)} | {statistics.median(sizes):.1%} | "
              f"{statistics.mean(sizes):.1%} | {min(shifts):+.1%} | {max(shifts):+.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()
