"""`dvar watch` on runs that go on meanwhile, in a terminal and without one."""

import json
import math
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import refusals
from program import PROGRAM


def record(step):
    return json.dumps({"step": step, "loss": 1.0, "probe_loss": 0.2 + math.exp(-step / 100)}) + "\n"


class Watch(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def put(self, name, steps):
        file = self.folder / name / "trace.jsonl"
        file.parent.mkdir(exist_ok=True)
        file.write_text("".join(map(record, range(1, steps + 1))))
        return file

    def watch(self, *arguments):
        return subprocess.run([PROGRAM, "watch", *map(str, arguments)], capture_output=True, text=True, timeout=60)

    def test_prints_all_runs_once_where_there_is_no_terminal(self):
        self.put("first", 330)
        self.put("second", 800)
        result = self.watch(self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual(lines[0], f"{self.folder}/first/trace.jsonl: step 330")
        self.assertRegex(lines[3], r"^  the rule stops about step \d+, if it goes on like this$")
        self.assertEqual(lines[4], f"{self.folder}/second/trace.jsonl: step 800")
        stop = re.match(r"  the rule stops at step (\d+): ", lines[7])
        forecast = re.search(r"\d+", lines[3])
        self.assertAlmostEqual(int(forecast[0]), int(stop[1]), delta=0.05 * int(stop[1]))
        self.assertNotIn("\x1b", result.stdout)

    def test_says_what_of_a_log_cannot_be_shown_and_shows_the_others(self):
        self.put("good", 20)
        other = self.folder / "other"
        other.mkdir()
        (other / "metrics.csv").write_text("epoch,loss,val_loss\n0,1,2\n")
        result = self.watch(self.folder)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("metrics.csv: expected values of probe_loss, or a single column, found loss, val_loss", result.stdout)
        self.assertIn("good/trace.jsonl: step 20\n", result.stdout)

    def test_refuses_what_it_cannot_watch(self):
        refusals.expect_refusal(self, self.watch(self.folder), self.folder, "expected a log of a run, found none yet")
        refusals.expect_refusal(self, self.watch(self.folder / "none"), "none: expected a log of a run", "found nothing")
        self.put("run", 5)
        refusals.expect_refusal(self, self.watch(self.folder, "--stop", "steps:1/2"), "--stop steps:1/2: expected one rule, found 2")
        refusals.expect_refusal(self, self.watch(self.folder, "--column", "clip"), "expected values of clip, found only loss, probe_loss")

    def test_follows_a_run_in_a_terminal_until_it_is_interrupted(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        command = [PROGRAM, "watch", str(self.folder), "--every", "0.05", "--stop", "threshold:limit=0.5"]
        with subprocess.Popen(command, stdout=slave, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
            os.close(slave)
            seen = ""

            def wait_for(words):
                nonlocal seen
                end = time.monotonic() + 30
                while words not in seen:
                    self.assertLess(time.monotonic(), end, seen[-500:])
                    if select.select([master], [], [], 0.1)[0]:
                        seen += os.read(master, 65536).decode(errors="replace")

            wait_for("found none yet")
            file = self.put("run", 50)
            wait_for("trace.jsonl: step 50")
            wait_for("no stop in sight")
            with file.open("a") as more:
                more.write("".join(map(record, range(51, 200))) + '{"step":200,"pro')
            wait_for("trace.jsonl: step 199")
            wait_for("the rule stops at step")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=10), 0, process.stderr.read())


if __name__ == "__main__":
    unittest.main()
