#!/usr/bin/env python3
"""Replays stopping rules over the losses of fine-tunings by others: where would each have stopped, and what had the held-out
loss come to by then? With the package installed (`pip install .`):

    python bench/evidence/losses_of_others.py           writes the table of docs/evidence/losses-of-others.md, and the CSV beside it
    python bench/evidence/losses_of_others.py --check   says by its exit status whether they are what would be written
"""

import csv
import io
import pathlib
import re
import statistics
import sys
from typing import NamedTuple

import dvar

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "bench/evidence/losses_of_others/losses.csv"
PAGE = ROOT / "docs/evidence/losses-of-others.md"
TABLE = re.compile(r"(?<=<!-- the table of losses_of_others.py -->\n).*?(?=<!-- end of the table -->)", re.DOTALL)

# A run with fewer evaluations has no room for a rule.
FEWEST = 10
# A stop is good when no more than this share of the held-out fall is missing.
TOLERATED = 0.1

# Rules for few points. A gain is asked for as a share of the loss, where one is asked for: the falls are 1 to 2 % of it.
HELD_OUT = "held_out_loss"
PROBE = "probe_loss"
RULES = [
    (HELD_OUT, "patience:patience=1"),
    (HELD_OUT, "patience:patience=2"),
    (HELD_OUT, "patience:patience=3"),
    (HELD_OUT, "patience:patience=5"),
    (HELD_OUT, "patience:patience=2,min_delta=0.001,scale=relative"),
    (HELD_OUT, "generalization_loss:alpha=0.1"),
    (HELD_OUT, "generalization_loss:alpha=0.5"),
    (HELD_OUT, "generalization_loss:alpha=2"),
    (HELD_OUT, "progress_quotient:alpha=0.75,strip=5"),
    (HELD_OUT, "successive_rises:rises=2,strip=2"),
    (HELD_OUT, "successive_rises:rises=3,strip=5"),
    (HELD_OUT, "plateau:window=2"),
    (HELD_OUT, "slope_test:window=5"),
    (HELD_OUT, "variance_ratio:window=4,threshold=0.15"),
    (HELD_OUT, "diminishing_returns:window=2,block=1"),
    (HELD_OUT, "diminishing_returns:window=4,block=1"),
    (HELD_OUT, "diminishing_returns:window=6,block=1"),
    (PROBE, "patience:patience=1"),
    (PROBE, "patience:patience=2,min_delta=0.01,scale=relative"),
    (PROBE, "plateau:window=2"),
    (PROBE, "plateau:window=2,tolerance=0.01,scale=relative"),
    (PROBE, "slope_test:window=5"),
    (PROBE, "variance_ratio:window=4,threshold=0.39"),
    (PROBE, "variance_ratio:window=4,threshold=0.15"),
    (PROBE, "diminishing_returns:window=2,block=1"),
    (PROBE, "diminishing_returns:window=4,block=1"),
    (PROBE, "diminishing_returns:window=4,block=1,share=0.5"),
    (PROBE, "steps:500"),
    (PROBE, "steps:2000"),
    (PROBE, "steps:4000"),
]


class Run(NamedTuple):
    """Holds the evaluations at which a run's held-out loss was recorded. A series that was not recorded is empty."""

    steps: tuple[int, ...]
    held_out: tuple[float, ...]
    probe: tuple[float, ...]


class Stop(NamedTuple):
    """Holds where a rule stopped a run, and what that came to."""

    step: int | None
    """The step of the stop; None where there was none, and the run went on to its end."""
    lost: float
    """The share of the held-out loss's fall that is missing there: 0 at its minimum."""
    verdict: str


def read_runs():
    """Returns the runs by their names: those with enough evaluations, and of those with equal numbers the first."""
    rows = {}
    with DATA.open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row["run"], []).append(row)
    runs = {}
    for name, all_of_it in rows.items():
        kept = [row for row in all_of_it if row[HELD_OUT]]
        probe = tuple(float(row[PROBE]) for row in kept if row[PROBE])
        run = Run(
            tuple(int(row["step"]) for row in kept),
            tuple(float(row[HELD_OUT]) for row in kept),
            # A loss that is 0 throughout was not measured.
            probe if len(probe) == len(kept) and any(probe) else (),
        )
        if len(kept) >= FEWEST and run not in runs.values():
            runs[name] = run
    return runs


def judge(run, at):
    """Judges a stop at an evaluation, by its index; None for none."""
    best = min(run.held_out)
    index = len(run.steps) - 1 if at is None else at
    lost = (run.held_out[index] - best) / (run.held_out[0] - best)
    when = "early" if index < run.held_out.index(best) else "late"
    return Stop(None if at is None else run.steps[at], lost, "good" if lost <= TOLERATED else when)


def replay(run, series, text):
    rule = dvar.make_rule(text)
    for index, (step, value) in enumerate(zip(run.steps, run.probe if series == PROBE else run.held_out, strict=True)):
        if rule.observe(value, step):
            return judge(run, index)
    return judge(run, None)


def row_of(series, text, stops, runs):
    stopped = [stop.step / runs[name].steps[runs[name].held_out.index(min(runs[name].held_out))] for name, stop in stops.items() if stop.step]
    lost = [stop.lost for stop in stops.values()]
    count = {verdict: sum(stop.verdict == verdict for stop in stops.values()) for verdict in ("good", "early", "late")}
    where = f"{statistics.median(stopped):.2f}" if stopped else ""
    quarter = statistics.quantiles(lost, n=4, method="inclusive")
    return (
        f"| `{text}` | {len(stops)} | {len(stopped)} | {count['good']} | {count['early']} | {count['late']} | {where} "
        f"| {quarter[1]:.2f} ({quarter[0]:.2f} to {quarter[2]:.2f}) |\n"
    )


def make():
    """Returns the page's table and the CSV."""
    runs = read_runs()
    with_probe = {name: run for name, run in runs.items() if run.probe}
    table = ""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(["run", "series", "rule", "stopped_at", "held_out_minimum_at", "lost_share", "verdict"])
    titles = {HELD_OUT: "On the held-out loss", PROBE: "On the loss of pictures that are learned from"}
    for series, title in titles.items():
        shown = with_probe if series == PROBE else runs
        table += f"### {title}\n\n| rule | runs | stopped | good | early | late | stop / minimum | lost share |\n"
        table += "|---|---|---|---|---|---|---|---|\n"
        for text in (text for of, text in RULES if of == series):
            stops = {name: replay(run, series, text) for name, run in shown.items()}
            table += row_of(series, text, stops, shown)
            for name, stop in stops.items():
                run = shown[name]
                best_at = run.steps[run.held_out.index(min(run.held_out))]
                writer.writerow([name, series, text, stop.step or "", best_at, f"{stop.lost:.4f}", stop.verdict])
        table += "\n"
    return table, lines.getvalue()


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(f"{__doc__}\nexpected no argument or --check, found {' '.join(sys.argv[1:])}")
    table, lines = make()
    files = {PAGE: TABLE.sub(lambda _: table, PAGE.read_text()), PAGE.with_suffix(".csv"): lines}
    wrong = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    if sys.argv[1:]:
        sys.exit("\n".join(f"{path} is not what this program writes" for path in wrong) or None)
    for path in wrong:
        beside = path.with_name(path.name + ".part")
        beside.write_text(files[path])
        beside.replace(path)


if __name__ == "__main__":
    main()
