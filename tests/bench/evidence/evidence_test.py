"""What stops of recorded runs are judged by, and how the tables are put together."""

import dataclasses
import pathlib
import sys
import tempfile
import unittest

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "bench" / "evidence"))

import bootstrap
import compare_rules
import learning_rates
import pages
import ranks
import recordings
import variants
from scores import Fall, Score


def run_with(scores, losses=None, concept="thing", seed=0):
    """A run of 50 steps for each score, with a probe loss that falls in a line unless there are losses."""
    steps = 50 * len(scores)
    values = {name: np.full(steps, np.nan) for name in recordings.COLUMNS}
    values["held_out_clip_score"][49::50] = scores
    values["clip_score"][49::50] = scores
    values["probe_loss"] = np.linspace(1.0, 0.0, steps) if losses is None else np.asarray(losses, dtype=float)
    values["loss"] = values["probe_loss"]
    return recordings.Recording(concept, seed, values)


class Scores(unittest.TestCase):
    # It rises to 0.5 by step 400, rests until 800, and falls.
    score = Score(run_with([0.1, 0.2, 0.3, 0.42, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0.2, 0.2, 0.2]))

    def test_a_score_is_the_mean_of_its_neighbours(self):
        self.assertAlmostEqual(self.score.at(150), 0.304)  # of 0.1 to 0.5
        self.assertAlmostEqual(self.score.at(50), 0.1)  # nothing of later
        self.assertAlmostEqual(self.score.at(175), (0.304 + 0.384) / 2)
        self.assertAlmostEqual(self.score.last, 0.2)
        self.assertAlmostEqual(self.score.best, 0.5)

    def test_a_stop_is_false_while_the_score_is_still_to_come(self):
        self.assertEqual(self.score.good_from(), 300)
        self.assertEqual([self.score.judge(step) for step in (50, 200, 300, 700)], ["false", "false", "right", "right"])

    def test_a_stop_is_late_after_the_score_has_fallen_or_three_times_the_steps(self):
        self.assertEqual(self.score.judge(950), "late")
        self.assertEqual(self.score.judge(None), "late")
        rests = Score(run_with([0.5] * 20))
        self.assertEqual([rests.judge(step) for step in (150, 151)], ["right", "late"])

    def test_the_fall_of_a_loss_is_between_its_first_mean_and_its_least(self):
        fall = Fall(run_with([0.0] * 20), "probe_loss")
        self.assertAlmostEqual(fall.share_at(1), 0.0)
        self.assertAlmostEqual(fall.share_at(500), 499 / 999, places=6)
        self.assertEqual(fall.mostly_done(), 901)
        flat = Fall(run_with([0.0] * 20, np.ones(1000)), "probe_loss")
        self.assertEqual((flat.share_at(10), flat.mostly_done()), (1.0, 1))


class Tables(unittest.TestCase):
    def test_halves_share_no_concept(self):
        runs = [run_with([0.1], concept=name, seed=seed) for name in "abc" for seed in (0, 1)]
        self.assertEqual(compare_rules.halves(runs), ([0, 1, 4, 5], [2, 3]))

    def test_few_iterations_are_those_of_the_other_half(self):
        runs = [run_with([0.1] * 4, concept=name) for name in "abcd"]
        steps = compare_rules.few_iterations([50, 100, None, 140], runs, compare_rules.halves(runs), np.mean)
        self.assertEqual(steps, [120, 125, 120, 125])  # None is the budget, 200

    def test_the_interval_is_that_of_the_percentile_bootstrap(self):
        low, high = bootstrap.interval(np.arange(101))
        # Of a mean of 101 numbers with standard deviation 29.2: 50 ± 1.96 * 2.9.
        self.assertAlmostEqual(low, 44.3, delta=0.2)
        self.assertAlmostEqual(high, 55.7, delta=0.2)
        self.assertEqual(bootstrap.interval([3.0, 3.0]), (3.0, 3.0))

    def test_ranks_agree_with_spearman(self):
        # python -c "from scipy.stats import spearmanr; print(spearmanr([1, 2, 2, 5, 4], [9, 7, 8, 1, 3]).statistic)"
        self.assertAlmostEqual(ranks.rank_correlation([1, 2, 2, 5, 4], [9, 7, 8, 1, 3]), -0.9746794344808964)
        self.assertEqual(ranks.rank_correlation([1, 1, 1], [1, 2, 3]), 0.0)

    def test_runs_at_other_learning_rates_are_told_apart(self):
        runs = [dataclasses.replace(run_with([0.5], concept=concept), learning_rate=rate) for rate in (1.25e-4, 2e-3) for concept in "ab"]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "rates.csv.gz"
            learning_rates.write(runs, file)
            again = recordings.read(file)
        self.assertEqual([(run.concept, run.learning_rate, run.steps) for run in again], [(run.concept, run.learning_rate, 50) for run in runs])
        np.testing.assert_allclose(again[3].values["probe_loss"], runs[3].values["probe_loss"], rtol=1e-8)

    def test_variants_are_compared_with_the_same_concepts_by_default(self):
        by_default = [run_with([0.1 * n], concept=name) for n, name in enumerate("abcd", 1)]
        varied = [dataclasses.replace(run_with([0.5], concept=name), variant="sam") for name in "db"]
        self.assertEqual([run.concept for run in variants.paired(varied, by_default)], ["d", "b"])
        rows = variants.by_concept([run_with([0.1], concept=name, seed=seed) for seed in (0, 1) for name in "ba"], [1, 2, 3, 4])
        np.testing.assert_array_equal(rows, [[2, 4], [1, 3]])
        self.assertAlmostEqual(variants.spread(rows), np.sqrt(2))

    def test_variants_read_as_they_were_written(self):
        runs = []
        for seed, variant in ((1, ""), (2, ""), (0, "sam")):
            run = run_with([0.5], concept="a", seed=seed)
            values = {name: run.values.get(name, np.full(run.steps, 0.25)) for name in variants.COLUMNS}
            runs.append(recordings.Recording("a", seed, values, variant=variant))
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "variants.csv.gz"
            variants.write(runs, file)
            again = recordings.read(file)
        self.assertEqual([(run.seed, run.variant) for run in again], [(1, ""), (2, ""), (0, "sam")])
        np.testing.assert_array_equal(again[2].values["probe_loss_last"], np.full(50, 0.25))

    def test_a_probe_of_a_third_that_falls_as_the_held_out_loss_does_agrees_wholly(self):
        run = run_with([0.5] * 8)
        falling = np.linspace(1.0, 0.5, 400)
        values = run.values | {name: falling for name in variants.THIRDS} | {"probe_loss": falling, "held_out_probe_loss": falling}
        values["probe_loss_middle"] = falling[::-1]
        table = variants.thirds_table([dataclasses.replace(run, values=values)]).splitlines()
        self.assertIn("| all | 1.00 [1.00, 1.00] | 47.9% |", table[2])  # 1 - 0.5182 / 0.9944
        self.assertIn("| middle | -1.00 [-1.00, -1.00] | -94.2% |", table[4])  # 1 - 0.9818 / 0.5056

    def test_recordings_read_as_they_were_written(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "runs.csv.gz"
            recordings.write([run_with([0.125, 0.25], concept="a"), run_with([0.5], concept="b", seed=2)], file)
            again = recordings.read(file)
            first = file.read_bytes()
            recordings.write(again, file)
            self.assertEqual(file.read_bytes(), first)
        self.assertEqual([(run.concept, run.seed, run.steps) for run in again], [("a", 0, 100), ("b", 2, 50)])
        np.testing.assert_array_equal(again[0].measured("clip_score"), [[50, 100], [0.125, 0.25]])

    def test_a_table_goes_between_its_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text("before\n<!-- rules -->\nold\n<!-- end of rules -->\nafter\n")
            pages.put_table(page.parent, "rules", "| new \\1 |")
            self.assertEqual(page.read_text(), "before\n<!-- rules -->\n| new \\1 |\n<!-- end of rules -->\nafter\n")


if __name__ == "__main__":
    unittest.main()
