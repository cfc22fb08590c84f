"""dvar replay --suggest: settings that fit recorded runs, and what becomes of them when they are played."""

import json
import math
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import refusals
from program import PROGRAM


def replay(*arguments):
    return subprocess.run([PROGRAM, "replay", *map(str, arguments)], capture_output=True, text=True, timeout=120)


class Suggest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def runs(self, *times, every=3):
        """Traces of losses that fall e-fold in so many steps, with a probe after every third."""
        files = []
        for i, time in enumerate(times):
            file = self.folder / f"{i}.jsonl"
            with file.open("w") as lines:
                for step in range(1, 1201):
                    record = {"step": step, "loss": 0.2}
                    if step % every == 0:
                        record["probe_loss"] = 0.1 + math.exp(-step / time) + 0.002 * math.sin(step)
                    lines.write(json.dumps(record) + "\n")
            files.append(file)
        return files

    def test_what_it_suggests_stops_the_runs_as_it_says(self):
        files = self.runs(60, 70, 80, 90)
        found = json.loads(replay(*files, "--suggest", "--json").stdout)
        self.assertEqual((found["runs"], found["early"], found["late"], found["right_unseen"]), (4, 0, 0, 4))
        played = replay(*files, "--window", found["window"], "--threshold", found["threshold"], "--json")
        stops = sorted(row["stopped_at"] for row in json.loads(played.stdout))
        self.assertEqual(found["median_step"], (stops[1] + stops[2]) / 2)
        # Nine tenths of the first run's fall are done at 60 ln 10.
        self.assertGreater(stops[0], 60 * math.log(10))
        words = replay(*files, "--suggest").stdout
        self.assertIn(f"--window {found['window']} --threshold {found['threshold']}", words)
        self.assertIn("right in 4 of 4 cases: 100 % (95 % interval 51 to 100 %)", words)

    def test_two_runs_say_nothing_of_the_next(self):
        refusals.expect_refusal(self, replay(*self.runs(60, 70), "--suggest"), "--suggest", "at least 3 runs")

    def test_goes_with_no_rule(self):
        refusals.expect_refusal(self, replay(*self.runs(60, 70, 80), "--suggest", "--stop", "dvar"), "--suggest", "no --stop")


if __name__ == "__main__":
    unittest.main()
