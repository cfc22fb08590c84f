"""Do rules follow the pace of a training? Eight concepts, learned at a quarter of the default learning rate and at four times it: where
DVAR stops, where a constant that is right at the default rate stops, and how much of the fall of the losses is done by then.
"""

import pathlib

import numpy as np

import recordings
from compare_rules import Method, median_and_tenth
from compared_rules import PROBE
from replayed import stops_of
from scores import Fall

DEFAULT = 5e-4
# The full budgets, in steps: a slow training takes longer. The default rate is that of all other runs.
BUDGETS = {1.25e-4: 2400, 2e-3: 600}
COLUMNS = ("probe_loss", "held_out_probe_loss")
FILE = pathlib.Path(__file__).resolve().parent / "learning-rates.csv.gz"
# The median of DVAR's stops on all 92 concepts at the default rate.
CONSTANT = 388


def settings():
    """Returns the settings of the sweep that records them; None is what other runs have and these have not."""
    no_samples = {"samples": 0, "sample-steps": None, "score-every": None, "score-steps": None, "snapshot-every": None}
    return {f"rate-{rate:g}": {"seed": 0, "learning-rate": rate, "stop": f"steps:{steps}"} | no_samples for rate, steps in BUDGETS.items()}


def gather(recorded):
    """Reads rates/runs/CONCEPT/rate-R below a folder, those runs alone that have reached their last step."""
    folders = filter(recordings.done, recorded.glob("rates/runs/*/rate-*"))
    runs = [
        recordings.Recording(folder.parent.name, 0, recordings.read_run(folder), float(folder.name.removeprefix("rate-")))
        for folder in folders
    ]
    return sorted(runs, key=lambda run: (run.learning_rate, run.concept))


def write(runs, file=FILE):
    recordings.write(runs, file, ("concept", "seed", "learning_rate"), COLUMNS)


def methods(dvar, runs, rate):
    windows = sorted({310, round(310 * DEFAULT / rate)})
    rules = {f"DVAR, window {window}": f"variance_ratio:window={window},threshold=0.15" for window in windows}
    rules["diminishing returns"] = "diminishing_returns"
    stops = stops_of(dvar, runs, list(rules.values()))
    by_rule = {rule: Method(name, stops[rule], PROBE) for name, rule in rules.items()}
    return [Method(f"{CONSTANT} steps", [CONSTANT] * len(runs), None), *by_rule.values()]


HEADER = """| learning rate | nine tenths of the fall by step | method | steps | fall of the probe | fall held out, median | not stopped |
|---|---|---|---|---|---|---|"""


def span(steps):
    return f"{np.median(steps):.0f} ({min(steps)} to {max(steps)})"


def table(dvar, at_default, others):
    """Returns the table as Markdown. `at_default` are runs at the default rate, of which those of the same concepts are taken."""
    concepts = {run.concept for run in others}
    runs_at = {DEFAULT: [run for run in at_default if run.concept in concepts and run.seed == 0]}
    for run in others:
        runs_at.setdefault(run.learning_rate, []).append(run)
    rows = [HEADER]
    for rate, runs in sorted(runs_at.items()):
        probe, held_out = ([Fall(run, name) for run in runs] for name in COLUMNS)
        pace = span([fall.mostly_done() for fall in probe])
        for method in methods(dvar, runs, rate):
            learned, of_held_out = median_and_tenth(method.shares(runs, probe)), np.median(method.shares(runs, held_out))
            rows.append(f"| {rate:g} | {pace} | {method.name} | {span(method.steps(runs))} | {learned} | {of_held_out:.0%} | {method.stops.count(None)} |")
    return "\n".join(rows)
