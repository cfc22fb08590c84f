"""Compares stopping rules on recorded runs: what each keeps of the score, in how many steps, and how often it is wrong. Settings are
chosen on every other concept and reported on those between.
"""

import csv

import numpy as np

import bootstrap
from compared_rules import AS_THEY_COME, HELD_OUT, LOSS, PROBE, SCORE, families
from ranks import rank_correlation
from replayed import stops_of
from scores import Fall, Score

# A setting may lose this much of the full budget's score on the concepts that it is chosen on.
MAY_LOSE = 0.005
SCORE_EVERY, HELD_OUT_EVERY = 50, 10


class Costs:
    """Seconds on one thread, as `dvar train --profile` says them."""

    def __init__(self, measured):
        self.step, self.probe, self.held_out, self.score = (measured[name] for name in ["step", "probe", "held_out_probe", "score"])

    def of(self, steps, shown):
        evaluations = {
            None: 0.0,
            LOSS: 0.0,
            PROBE: self.probe * steps,
            HELD_OUT: self.held_out * (steps // HELD_OUT_EVERY),
            SCORE: self.score * (steps // SCORE_EVERY),
        }
        return self.step * steps + evaluations[shown]


class Method:
    """A way of choosing a step: what it is called, its step for each run, and what it has to evaluate."""

    def __init__(self, name, stops, shown, chosen=None):
        self.name, self.stops, self.shown = name, stops, shown
        self.chosen = chosen  # the steps whose embeddings are used, where it is not the last

    def steps(self, runs):
        return np.array([run.steps if stop is None else stop for run, stop in zip(runs, self.stops)])

    def scores(self, runs, scores):
        used = self.steps(runs) if self.chosen is None else self.chosen
        return np.array([score.at(step) for score, step in zip(scores, used)])

    def shares(self, runs, falls):
        used = self.steps(runs) if self.chosen is None else self.chosen
        return np.array([fall.share_at(step) for fall, step in zip(falls, used)])

    def verdicts(self, scores):
        used = self.stops if self.chosen is None else self.chosen
        return [score.judge(step) for score, step in zip(scores, used)]


class Measures:
    """What stops of these runs are judged by."""

    def __init__(self, runs):
        self.runs = runs
        self.scores = [Score(run) for run in runs]
        self.probe = [Fall(run, "probe_loss") for run in runs]
        self.held_out = [Fall(run, "held_out_probe_loss") for run in runs]
        self.full = np.array([score.last for score in self.scores])
        self.mostly_done = np.array([fall.mostly_done() for fall in self.probe])


def halves(runs):
    """Returns two lists of places: every other concept, with all of its seeds, and the rest."""
    concepts = sorted({run.concept for run in runs})
    first = set(concepts[::2])
    return ([i for i, run in enumerate(runs) if run.concept in first], [i for i, run in enumerate(runs) if run.concept not in first])


def best_checkpoint(runs):
    """Returns the step of the highest score by the pictures learned from: what a run with the full budget keeps."""
    found = []
    for run in runs:
        steps, values = run.measured("clip_score")
        found.append(int(steps[np.argmax(values)]))
    return found


def few_iterations(clip_stops, runs, of, statistic):
    """Returns one number of steps for each run: that of CLIP-s' stops on the other half of the concepts."""
    steps = np.array([run.steps if stop is None else stop for run, stop in zip(runs, clip_stops)])
    result = [0] * len(runs)
    for own, other in (of, of[::-1]):
        for i in own:
            result[i] = int(statistic(steps[other]))
    return result


def iqr(values, digits):
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:.{digits}f} ± {high - low:.{digits}f}"


def median_and_tenth(shares):
    """Returns the median of shares, and what nine of ten runs have at least."""
    return f"{np.median(shares):.0%} ({np.percentile(shares, 10):.0%})"


def difference(values, against):
    differences = np.asarray(values) - np.asarray(against)
    low, high = bootstrap.interval(differences)
    return f"{differences.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


def follows(steps, mostly_done):
    """Says how the steps rank beside those at which most of the probe's fall is done; nothing where they are all the same."""
    return f"{rank_correlation(steps, mostly_done):.2f}" if len(set(steps)) > 1 else ""


def table_row(method, measures, costs, places):
    runs = measures.runs
    steps, kept = method.steps(runs)[places], method.scores(runs, measures.scores)[places]
    verdicts = method.verdicts(measures.scores)
    verdicts = [verdicts[i] for i in places]
    learned, of_held_out = (median_and_tenth(method.shares(runs, falls)[places]) for falls in (measures.probe, measures.held_out))
    seconds = [costs.of(step, method.shown) for step in steps]
    # A run with the full budget scores all along to know its best.
    if method.chosen is not None:
        seconds = [costs.of(step, SCORE) for step in steps]
    return (f"| {method.name} | {iqr(kept, 3)} | {difference(kept, measures.full[places])} | {learned} | {of_held_out} | "
            f"{iqr(steps, 0)} | {follows(steps, measures.mostly_done[places])} | {iqr(seconds, 0)} | {verdicts.count('false')} | {verdicts.count('late')} |")  # fmt: skip


HEADER = """| method | held-out score | against the full budget's last | fall of the probe | fall held out | steps | follows | seconds | false | late |
|---|---|---|---|---|---|---|---|---|---|"""


def grid_rows(stops, measures, of):
    """Returns a row for every setting of every family, with both halves' figures."""
    rows = []
    runs, scores = measures.runs, measures.scores
    for family, rules in families().items():
        for rule in rules:
            method = Method(family, stops[rule], rule[1])
            steps, kept, verdicts = method.steps(runs), method.scores(runs, scores), method.verdicts(scores)
            row = {"family": family, "rule": rule[0], "shown": rule[1]}
            for half, places in zip(("chosen", "reported"), of):
                lost = measures.full[places] - kept[places]
                row |= {
                    f"{half}_lost": round(float(lost.mean()), 5),
                    f"{half}_lost_median": round(float(np.median(lost)), 5),
                    f"{half}_held_out_fall": round(float(np.median(method.shares(runs, measures.held_out)[places])), 4),
                    f"{half}_steps": float(np.median(steps[places])),
                    f"{half}_stopped": sum(stops[rule][i] is not None for i in places),
                    f"{half}_false": sum(verdicts[i] == "false" for i in places),
                    f"{half}_late": sum(verdicts[i] == "late" for i in places),
                }
            rows.append(row)
    return rows


def chosen_settings(rows):
    """Returns each family's row that is fastest on the first half among those that lose little there, or that loses least."""
    chosen = {}
    for family in families():
        own = [row for row in rows if row["family"] == family]
        good = [row for row in own if row["chosen_lost"] <= MAY_LOSE]
        chosen[family] = min(good, key=lambda row: row["chosen_steps"]) if good else min(own, key=lambda row: row["chosen_lost"])
    return chosen


def write_csv(file, rows):
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


class Comparison:
    """All methods on all runs, and every family's setting that is chosen on one half and reported on the other."""

    def __init__(self, dvar, runs, costs):
        self.measures, self.costs, self.halves = Measures(runs), costs, halves(runs)
        stops = stops_of(dvar, runs, [*(rule for rules in families().values() for rule in rules), *AS_THEY_COME.values()])
        self.published_stops = stops[AS_THEY_COME["DVAR, later settings"]]
        clip_stops = stops[AS_THEY_COME["CLIP-s"]]
        self.methods = [
            Method("full budget, last", [run.steps for run in runs], None),
            Method("full budget, best by CLIP score", [run.steps for run in runs], SCORE, chosen=best_checkpoint(runs)),
            *(Method(name, stops[rule], rule[1]) for name, rule in AS_THEY_COME.items()),
            Method("few iterations (mean of CLIP-s)", few_iterations(clip_stops, runs, self.halves, np.mean), None),
            Method("few iterations (max of CLIP-s)", few_iterations(clip_stops, runs, self.halves, np.max), None),
            *(Method(f"{steps} steps", [steps] * len(runs), None) for steps in (100, 150, 200, 320, 400)),
        ]
        self.grid = grid_rows(stops, self.measures, self.halves)
        self.chosen = chosen_settings(self.grid)
        self.tuned = [Method(f"{family}: `{row['rule']}`", stops[row["rule"], row["shown"]], row["shown"]) for family, row in self.chosen.items()]

    def tables(self):
        """Returns {name: Markdown}."""
        whole = np.arange(len(self.measures.runs))
        return {
            "methods-compared": self.table(self.methods, whole),
            "settings-compared": self.table(self.methods[:1] + self.tuned, self.halves[1]),
            "numbers": self.numbers(),
        }

    def numbers(self):
        """Returns sentences with what the page says beside its tables."""
        runs = self.measures.runs
        noise = np.mean([np.std(np.diff(run.measured("held_out_clip_score")[1])) / np.sqrt(2) for run in runs])
        return (
            f"{len(runs)} runs. The score moves by {noise:.3f} from one measurement to the next (the differences' standard deviation over √2); a "
            f"quarter of the runs end below {np.percentile(self.measures.full, 25):.2f}. DVAR with its later settings did not stop "
            f"{self.published_stops.count(None)} of them."
        )

    def table(self, methods, places):
        return "\n".join([HEADER, *(table_row(method, self.measures, self.costs, places) for method in methods)])

    def marked(self):
        """Returns {name: (steps, score lost)} of what a picture names, on the half that settings are reported on."""
        rows = {"DVAR as published": next(row for row in self.grid if row["rule"] == "variance_ratio:window=310,threshold=0.15")}
        return {name: (row["reported_steps"], row["reported_lost"]) for name, row in rows.items()}

    def write(self, output):
        """Writes stops.csv, a row a run and method, and grid.csv, a row a setting."""
        runs, scores = self.measures.runs, self.measures.scores
        table = []
        for method in self.methods + self.tuned:
            shown = method.shown if method.chosen is None else SCORE
            columns = zip(runs, scores, method.steps(runs), method.scores(runs, scores), method.verdicts(scores))
            for run, score, step, value, verdict in columns:
                table.append({"concept": run.concept, "method": method.name, "seed": run.seed, "steps": int(step),
                              "seconds": round(self.costs.of(step, shown), 2), "score": round(float(value), 4),
                              "best_score": round(score.best, 4), "verdict": verdict})  # fmt: skip
        write_csv(output / "stops.csv", table)
        write_csv(output / "grid.csv", self.grid)
