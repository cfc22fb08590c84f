"""What has to be fixed, and with how many inputs, for a loss to say how far a run is: the rank correlation of each probe's curve with
the held-out score over the snapshots of recorded runs, and the score at the step where DVAR would have stopped by it.
"""

import concurrent.futures
import csv
import os
import subprocess

import numpy as np

import bootstrap
from ranks import rank_correlation
from scores import Fall, Score

SNAPSHOTS = 50  # steps from one that is looked at to the next: those at which samples were scored
WINDOW, THRESHOLD = 310 // SNAPSHOTS, 0.15
# What the page shows; the file has all 32.
DRAWN_ANEW = {"11111": "nothing", "11101": "captions", "10111": "latents", "11011": "noise", "01111": "images", "11110": "timesteps",
              "00000": "everything"}  # fmt: skip


def stop_of(losses):
    """Returns the place at which the variance ratio stops a series, or the last one."""
    for n in range(WINDOW, len(losses) + 1):
        if np.var(losses[n - WINDOW : n]) < THRESHOLD * np.var(losses[:n]):
            return n - 1
    return len(losses) - 1


def curves_of(bench, recorded, run):
    """Returns {(fixed, inputs): the loss at each of the snapshots}. What was measured for a run stays beside the recordings."""
    kept = recorded / "probe-settings" / f"{run.concept}.csv"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        unfinished = kept.with_suffix(".part")
        unfinished.write_text(measured_curves(bench, recorded, run))
        unfinished.replace(kept)
    rows = (line.split(",") for line in kept.read_text().splitlines())
    return {(row[0], int(row[1])): np.array([float(number) for number in row[2:]]) for row in rows}


def measured_curves(bench, recorded, run):
    name = f"runs/{run.concept}/seed-{run.seed}"
    folder = next(folder for folder in sorted(recorded.iterdir()) if (folder / name / "snapshots").is_dir()) / name
    steps = range(SNAPSHOTS, run.steps + 1, SNAPSHOTS)
    files = [folder / "snapshots" / f"learned_embeds-steps-{step}.safetensors" for step in steps]
    command = [bench, recorded / "concepts" / run.concept, *files]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}).stdout


def means_before(run, name):
    """Returns the mean over the steps before each snapshot: what a training loop can show without a probe."""
    return run.values[name].reshape(-1, SNAPSHOTS).mean(axis=1)


def figures(curve, score, held_out):
    """Returns how well a falling curve says that the score rises and the held-out loss falls, and the score lost by its stop against
    the best."""
    learned = [held_out.share_at(step) for step in score.steps]
    return -rank_correlation(curve, score.values), -rank_correlation(curve, learned), score.best - float(score.values[stop_of(curve)])


def table(bench, recorded, runs, output, every=12):
    """Measures every so many of the concepts; writes probe-settings.csv and returns the table as Markdown."""
    runs = [run for run in runs if run.seed == 0]
    runs = runs if len(runs) <= every else runs[::every]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        all_curves = list(threads.map(lambda run: curves_of(bench, recorded, run), runs))
    found = {}
    for run, curves in zip(runs, all_curves):
        score, held_out = Score(run), Fall(run, "held_out_probe_loss")
        extra = {("training loss", SNAPSHOTS): means_before(run, "loss"), ("gradient norm", SNAPSHOTS): means_before(run, "gradient_norm")}
        for setting, curve in (curves | extra).items():
            found.setdefault(setting, []).append(figures(curve, score, held_out))
    with (output / "probe-settings.csv").open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["fixed", "inputs", "concept", "rank_correlation_score", "rank_correlation_held_out_loss", "score_lost"])
        for (fixed, inputs), values in found.items():
            for run, numbers in zip(runs, values):
                writer.writerow([fixed, inputs, run.concept, *(f"{number:.4f}" for number in numbers)])
    return shown(found)


def shown(found):
    """Returns the correlation with the held-out loss for everything fixed, one source drawn anew, and all: what is fixed to the left, the
    number of inputs on top."""

    def cell(values):
        correlations = np.array(values)[:, 1]
        low, high = bootstrap.interval(correlations)
        return f"{correlations.mean():.2f} [{low:.2f}, {high:.2f}]"

    counts = sorted({inputs for fixed, inputs in found if fixed in DRAWN_ANEW})
    lines = ["| drawn anew | " + " | ".join(map(str, counts)) + " |", "|---" * (len(counts) + 1) + "|"]
    for fixed, name in DRAWN_ANEW.items():
        lines.append(f"| {name} | " + " | ".join(cell(found[fixed, inputs]) for inputs in counts) + " |")
    for name in ("training loss", "gradient norm"):
        lines.append(f"| ({name}, mean of {SNAPSHOTS} steps) | {cell(found[name, SNAPSHOTS])} |" + " |" * (len(counts) - 1))
    return "\n".join(lines)
