"""What scripts/gpu-check says and refuses, and how its parts keep what they find; by Python's standard library alone."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "gpu-check"
PARTS = ROOT / "bench" / "reference" / "gpu"

# As GoogleTest 1.12 writes it.
REPORT = {
    "testsuites": [
        {
            "name": "networks_test",
            "testsuite": [
                {"name": "unet", "file": "networks_test.cpp", "line": 3, "status": "RUN", "result": "COMPLETED",
                 "timestamp": "2026-01-01T00:00:00Z", "time": "1.5s", "classname": "networks_test",
                 "unet_bf16_relative_error": "0.00125"},
                {"name": "vae", "status": "RUN", "result": "SKIPPED", "time": "0s", "skipped": [{"message": "no GPU"}]},
                {"name": "bert", "status": "RUN", "result": "COMPLETED", "time": "0.1s",
                 "failures": [{"failure": "\nexpected 1\nfound 2", "type": ""}]},
            ],
        }
    ]
}  # fmt: skip


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60)


class Folder(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def part(self, name, *words):
        result = run(sys.executable, "-B", PARTS / name, *words)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout

    def rows(self):
        return [json.loads(line) for line in (self.folder / "rows.jsonl").read_text().splitlines()]

    def table(self):
        return (self.folder / "table.md").read_text()


class RowsTest(Folder):
    def test_a_row_is_kept_and_shown(self):
        self.part("rows.py", self.folder, "Machine", "GPU", "fact=one | two")
        self.part("rows.py", self.folder, "Machine", "cores", "number=16")
        self.part("rows.py", self.folder, "Aims", "a step", "met=yes")
        self.assertEqual(self.rows()[1], {"part": "Machine", "what": "cores", "number": "16"})
        self.assertEqual(
            self.table(),
            "## Machine\n\n|  | fact | number |\n|---|---|---|\n| GPU | one \\| two |  |\n| cores |  | 16 |\n\n"
            "## Aims\n\n|  | met |\n|---|---|\n| a step | yes |\n",
        )

    def test_numbers_are_short_and_lists_are_for_the_other_file(self):
        code = f"import sys; sys.path.append({str(PARTS)!r}); from rows import Rows; import sys;"
        code += f"Rows({str(self.folder)!r}).add('a', 'b', ms=12.3456, mib=12345.6, blocks=[1.5, 2.5])"
        self.assertEqual(run(sys.executable, "-B", "-c", code).returncode, 0)
        self.assertEqual(self.rows()[0]["blocks"], [1.5, 2.5])
        self.assertEqual(self.table(), "## a\n\n|  | ms | mib |\n|---|---|---|\n| b | 12.3 | 12346 |\n")

    def test_tests_and_their_figures_become_rows(self):
        report = self.folder / "report.json"
        report.write_text(json.dumps(REPORT))
        self.part("gtest_rows.py", report, self.folder)
        self.assertIn("| networks test: unet | passed | 1.5 |", self.table())
        self.assertIn("| networks test: vae | no device | 0 |", self.table())
        self.assertIn("| networks test: bert | FAILED: expected 1 | 0.1 |", self.table())
        self.assertIn("| unet bf16 relative error | 0.00125 |", self.table())
        self.assertEqual(len(self.rows()), 4)


class PartsTest(Folder):
    def test_every_part_says_that_there_is_no_device(self):
        given = ["--bin", self.folder, "--models", self.folder, "--output", self.folder, "--device", "none"]
        for name, options in {"demo_runs": [], "concept": [], "where_time_goes": [], "steps": ["--signals", self.folder]}.items():
            self.part(f"{name}.py", *given, *options)
        self.assertEqual([row["what"] for row in self.rows()], ["no device"] * 4)


class ScriptTest(unittest.TestCase):
    def test_help(self):
        result = run(SCRIPT, "--help")
        self.assertEqual(result.returncode, 0, result.stderr)
        for option in "--collect", "--from", "--output", "--minutes", "--rehearse":
            self.assertIn(option, result.stdout)

    def test_what_it_refuses(self):
        refused = {
            "unknown argument '--form'": ["--form", "x"],
            "--from needs a value": ["--from"],
            "expected --collect DIR, or --from DIR and --output DIR": ["--from", "/nonexistent", "--output", "x"],
            "--minutes: expected a number, found 'ten'": ["--minutes", "ten"],
        }
        for message, words in refused.items():
            with self.subTest(message):
                result = run(SCRIPT, *words)
                self.assertEqual(result.returncode, 2, result.stdout)
                self.assertIn(message, result.stderr)


if __name__ == "__main__":
    unittest.main()
