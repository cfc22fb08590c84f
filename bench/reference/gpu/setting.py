"""What all parts of the check are given, and the trainer's program that answers requests."""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from rows import Rows

ROOT = pathlib.Path(__file__).resolve().parents[3]
CONCEPT = ROOT / "reference" / "demo" / "concepts" / "frog"
SIZES = {"stable-diffusion": "Stable Diffusion 1.5, 512 px", "ldm": "LDM, 256 px"}


def setting(part, documentation, signals=False):
    """The options of a part. Without a device its one row says so, and it ends."""
    parser = argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help="where dvar and bench_inversion_steps are")
    parser.add_argument("--models", type=pathlib.Path, required=True, help="folder of the models of published size")
    parser.add_argument("--output", type=pathlib.Path, required=True, help="folder of rows.jsonl and table.md")
    parser.add_argument("--device", choices=["cuda", "cpu", "none"], required=True, help="cpu goes through it at toy size")
    if signals:
        parser.add_argument("--signals", type=pathlib.Path, required=True, help="folder of the files that say when to measure")
    given = parser.parse_args()
    given.rows = Rows(given.output)
    given.toy = given.device == "cpu"
    if given.device == "none":
        given.rows.add(part, "no device")
        sys.exit()
    return given


def add_aim(given, what, limit, measured):
    """What this project aims at on one H200, where it was measured."""
    if measured is not None:
        given.rows.add("Aims", what, aim=f"at most {limit:g}", measured=measured, met="yes" if measured <= limit else "no")


def name_of(given, family):
    return f"{family}, toy size" if given.toy else SIZES[family]


class Program:
    """bench_inversion_steps, which opens a model. Raises `RuntimeError` with its message when it ends early."""

    def __init__(self, given, family, *options):
        words = [given.bin / "bench_inversion_steps", given.models / family, CONCEPT, "--requests", "--device", given.device,
                 "--threads", 1 if given.toy else 4, *options]  # fmt: skip
        # A pipe that nobody reads would stop a program that warns a lot.
        self.messages = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.messages, text=True
        )
        self.opening = None

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.messages.seek(0)
            raise RuntimeError((self.messages.read().strip().splitlines() or [f"it ended with status {status}"])[-1])
        return json.loads(line)

    def ask(self, word, count):
        self.opening = self.opening or self.line()
        self.process.stdin.write(f"{word} {count}\n")
        self.process.stdin.flush()
        return self.line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()
        self.messages.close()
