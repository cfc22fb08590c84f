"""How far do a seed, the initial word and the optimizer change what is learned, and where a rule stops? Some of the concepts again: with
two more seeds, with other initial words, and by sharpness-aware minimization. The thirds of the schedule are probed on the way.
"""

import pathlib

import numpy as np

import bootstrap
import recordings
from compare_rules import Method, difference
from compared_rules import AS_THEY_COME, PROBE
from ranks import rank_correlation
from replayed import stops_of
from scores import Fall, Score

THIRDS = {"probe_loss_first": "first (little noise)", "probe_loss_middle": "middle", "probe_loss_last": "last (much noise)"}
COLUMNS = ("loss", "probe_loss", *THIRDS, "held_out_probe_loss", "held_out_clip_score", "text_score")
FILE = pathlib.Path(__file__).resolve().parent / "variants.csv.gz"
DVAR = AS_THEY_COME["DVAR, later settings"]
COMPARED = {"DVAR, later settings": DVAR, "diminishing returns": AS_THEY_COME["diminishing returns"], "320 steps": 320, "400 steps": 400}

SEEDS = {f"seed-{seed}": {"seed": seed} for seed in (1, 2)}
# What runs differ in from those with all defaults: the folder's name, what the table says, and the options.
OTHERS = {
    "init-random": ("a word by lot", {"init": "random"}),
    "init-worst": ("the worst word by CLIP", {"init": "worst"}),
    "sam": ("SAM, its radius by default", {"optimizer": "sam"}),
}


def settings():
    """Returns the settings of the sweep that records them."""
    recorded = SEEDS | {name: {"seed": 0} | options for name, (_, options) in OTHERS.items()}
    return {name: options | {"probe-thirds": True} for name, options in recorded.items()}


def gather(recorded):
    """Reads variants/runs/CONCEPT/SETTING below a folder, those runs alone that have reached their last step."""
    runs = []
    for folder in filter(recordings.done, recorded.glob("variants/runs/*/*")):
        seed = SEEDS.get(folder.name, {"seed": 0})["seed"]
        variant = "" if folder.name in SEEDS else folder.name
        runs.append(recordings.Recording(folder.parent.name, seed, recordings.read_run(folder, COLUMNS), variant=variant))
    return sorted(runs, key=lambda run: (run.variant, run.concept, run.seed))


def write(runs, file=FILE):
    recordings.write(runs, file, ("concept", "seed", "variant"), COLUMNS)


def method_of(dvar, runs, rule):
    """Returns a rule, or a number of steps, as a method with its stops of the runs."""
    if isinstance(rule, int):
        return Method(f"{rule} steps", [rule] * len(runs), None)
    return Method(rule[0], stops_of(dvar, runs, [rule])[rule], PROBE)


def by_concept(runs, values):
    """Returns an array with a row a concept, in order of name, and a column a run of it."""
    rows = {}
    for run, value in zip(runs, values):
        rows.setdefault(run.concept, []).append(value)
    return np.array([rows[concept] for concept in sorted(rows)])


def spread(rows):
    """Returns the standard deviation within a row, by the mean of the rows' variances."""
    return float(np.sqrt(np.mean(np.var(rows, axis=1, ddof=1))))


def seeds_table(dvar, runs):
    """Returns the table of runs that differ in their seeds alone, as many of each concept. Intervals are over concepts, of a concept's
    mean over its seeds."""
    scores = [Score(run) for run in runs]
    last = by_concept(runs, [score.last for score in scores])
    rows = [
        "| method | score at the stop, spread over seeds | steps, spread over seeds | score against the full budget's last |",
        "|---|---|---|---|",
        f"| full budget, last | {spread(last):.3f} | 0 | +0.000 |",
    ]
    for name, rule in COMPARED.items():
        method = method_of(dvar, runs, rule)
        kept, steps = by_concept(runs, method.scores(runs, scores)), by_concept(runs, method.steps(runs))
        rows.append(f"| {name} | {spread(kept):.3f} | {spread(steps):.0f} | {difference(kept.mean(axis=1), last.mean(axis=1))} |")
    return "\n".join(rows)


def paired(runs, against):
    """Returns those of `against` that are of the runs' concepts, in the order of these."""
    others = {run.concept: run for run in against}
    return [others[run.concept] for run in runs]


def others_table(dvar, runs, by_default):
    """Returns the table of runs that differ in something else, beside those of the same concepts with all defaults."""
    rows = [
        "| runs | held-out score, last | against the defaults' | score of the text | nine tenths of the fall by step | DVAR stops | score there against its last |",
        "|---|---|---|---|---|---|---|",
    ]
    of_variant = {name: [run for run in runs if run.variant == name] for name in OTHERS}
    compared = paired(next(iter(of_variant.values())), by_default)
    for name, group in {"": compared, **of_variant}.items():
        scores = [Score(run) for run in group]
        last, defaults = [score.last for score in scores], [Score(run).last for run in paired(group, by_default)]
        method = method_of(dvar, group, DVAR)
        steps = method.steps(group)
        pace = np.median([Fall(run, "probe_loss").mostly_done() for run in group])
        text = np.median([Score(run, "text_score").last for run in group])
        says = OTHERS[name][0] if name else "all defaults"
        rows.append(
            f"| {says} | {np.median(last):.3f} | {difference(last, defaults) if name else ''} | {text:.3f} | {pace:.0f} | "
            f"{np.median(steps):.0f} ({steps.min()} to {steps.max()}) | {difference(method.scores(group, scores), last)} |"
        )
    return "\n".join(rows)


def thirds_table(runs):
    """Returns the table of what a probe of a third of the schedule says: how its curve ranks with the fall of the held-out loss, at every
    fiftieth step, and how far it falls itself."""
    rows = ["| timesteps of the probe | rank correlation with the fall held out | fall of the loss |", "|---|---|---|"]
    for column, says in {"probe_loss": "all", **THIRDS}.items():
        agreed, fallen = [], []
        for run in runs:
            steps = np.arange(50, run.steps + 1, 50)
            held_out = Fall(run, "held_out_probe_loss")
            values = run.values[column]
            agreed.append(rank_correlation(-values[steps - 1], [held_out.share_at(step) for step in steps]))
            fallen.append(1.0 - values[-30:].mean() / values[:10].mean())
        low, high = bootstrap.interval(agreed)
        rows.append(f"| {says} | {np.mean(agreed):.2f} [{low:.2f}, {high:.2f}] | {np.median(fallen):.1%} |")
    return "\n".join(rows)


def tables(dvar, runs, at_default):
    """Returns {name: Markdown}. `at_default` are the runs with all defaults and seed 0."""
    seeds = [run for run in runs if not run.variant]
    concepts = {run.concept for run in seeds}
    same = sorted([run for run in at_default if run.concept in concepts] + seeds, key=lambda run: (run.concept, run.seed))
    return {
        "seeds": seeds_table(dvar, same),
        "words-and-optimizers": others_table(dvar, [run for run in runs if run.variant], at_default),
        "thirds": thirds_table(seeds),
    }
