#!/usr/bin/env python3
"""Records whole runs on the concepts that the bundled model has never seen, for every table that replays them: the probe after every
step, the probe of held-out drawings, samples' scores, and what was learned so far. Nothing stops a run before its budget.

usage: record.py DVAR DRAWINGS OUTPUT [--quick]

DRAWINGS is what reference/demo/data/fetch-drawings has filled. One process of one thread for each processor. What a former
command has recorded stays, and what it was at goes on. --quick records eight of the 92 concepts.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import costs
import learning_rates
import table_concepts
import variants

STEPS = 1200
SEEDS = {"seed-0": {"seed": 0}}
# Spread over the alphabet, so that they are not chosen by what came out.
QUICK_EVERY = 12
# Of these there are more seeds, other initial words and another optimizer.
VARIED_EVERY = 6

RECORDED = {
    "stop": f"steps:{STEPS}",
    "probe-every": 1,
    "held-out": "{images}/held-out",
    "held-out-every": 10,
    "score-every": 50,
    "score-steps": 25,
    "snapshot-every": 25,
    "samples": 8,
    "sample-steps": 25,
    "vectors-norm": True,
    "no-tensorboard": True,
    "threads": 1,
}  # fmt: skip


def keep_costs(dvar, concept, file):
    """Measures what the parts of a run cost, once, before the processors are busy."""
    if not file.exists():
        file.write_text(json.dumps(costs.measure(dvar, concept, RECORDED), indent=2) + "\n")


def sweep(dvar, concepts, output, cache, settings):
    """Records each of the settings on each of the concepts; a None in one leaves out what is recorded otherwise."""
    output.mkdir(parents=True, exist_ok=True)
    grid = output / "grid.json"
    common = {name: value for name, value in RECORDED.items() if not any(name in setting for setting in settings.values())}
    given = {key: {name: value for name, value in setting.items() if value is not None} for key, setting in settings.items()}
    grid.write_text(json.dumps({"settings": given, "grid": common | {"cache": str(cache)}}, indent=2) + "\n")
    command = [dvar, "sweep", "--concepts", concepts, "--grid", grid, "--output", output / "runs", "--quiet"]
    processes = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(len(os.sched_getaffinity(0)))]
    if any([process.wait() for process in processes]):
        sys.exit(f"{output}: some runs have failed; see {output / 'runs' / 'sweep.md'}")


def folder_of(names, concepts, folder):
    """Returns a folder with these of the concepts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        link = folder / name
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(concepts / name, folder))
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dvar", type=pathlib.Path)
    parser.add_argument("drawings", type=pathlib.Path)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    dvar, output = options.dvar.resolve(), options.output.resolve()
    concepts, cache = output / "concepts", output / "cache"
    names = sorted(table_concepts.lay_out(options.drawings, concepts))
    keep_costs(dvar, concepts / names[0], output / "costs.json")
    chosen = folder_of(names[::QUICK_EVERY], concepts, output / "quick-concepts")
    if options.quick:
        sweep(dvar, chosen, output / "quick", cache, SEEDS)
        return
    sweep(dvar, concepts, output / "all", cache, SEEDS)
    sweep(dvar, chosen, output / "rates", cache, learning_rates.settings())
    varied = folder_of(names[::VARIED_EVERY], concepts, output / "varied-concepts")
    sweep(dvar, varied, output / "variants", cache, variants.settings())


if __name__ == "__main__":
    main()
