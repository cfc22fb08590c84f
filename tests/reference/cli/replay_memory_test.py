"""`dvar replay` with too little memory: an error, never the results of the part of a trace that it could read."""

import pathlib
import resource
import subprocess
import tempfile
import unittest

import refusals
from program import PROGRAM

LINES = 1_000_000


def replay(file, limit=resource.RLIM_INFINITY):
    return subprocess.run([PROGRAM, "replay", str(file), "--stop", "step_limit:limit=999999", "--csv"], capture_output=True, text=True,
                          timeout=300, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))


class LittleMemory(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def least_limit(self):
        """What the program needs for next to nothing, to 8 MB."""
        small = self.folder / "small.csv"
        small.write_text("step,probe_loss\n1,0.5\n2,0.25\n")
        low, high = 0, 1 << 36
        while high - low > 8 << 20:
            middle = (low + high) // 2
            if replay(small, middle).returncode == 0:
                high = middle
            else:
                low = middle
        return high

    def check(self, file):
        whole = replay(file)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertIn(",999999,", whole.stdout)
        refused = 0
        limit = self.least_limit()
        while (result := replay(file, limit)).returncode != 0:
            refusals.expect_refusal(self, result, "memory")
            refused += 1
            limit += 5 << 20
        self.assertEqual(result.stdout, whole.stdout)
        self.assertGreater(refused, 3)

    def test_of_json_lines(self):
        trace = self.folder / "trace.jsonl"
        trace.write_text("".join(f'{{"step":{step},"probe_loss":0.5}}\n' for step in range(1, LINES + 1)))
        self.check(trace)

    def test_of_csv(self):
        trace = self.folder / "trace.csv"
        trace.write_text("step,probe_loss\n" + "".join(f"{step},0.5\n" for step in range(1, LINES + 1)))
        self.check(trace)

    def test_of_one_line_without_an_end(self):
        trace = self.folder / "trace.jsonl"
        trace.write_text('{"step":1,"probe_loss":0.5}\n{"step":2,"probe_loss":' + "5" * (64 << 20))
        for more in 0, 16 << 20, 48 << 20:
            refusals.expect_refusal(self, replay(trace, self.least_limit() + more))


if __name__ == "__main__":
    unittest.main()
