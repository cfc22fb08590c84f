"""`dvar sweep` as a user runs it: all runs, those that fail, interruptions, kills, several processes, and bad input."""

import csv
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from program import CONCEPTS, PROGRAM
from refusals import expect_refusal

MPIEXEC = os.environ.get("DVAR_MPIEXEC")
QUICK = {"init": "token:green", "batch": 1, "probe-batch": 1, "threads": 1, "samples": 0, "checkpoint-every": 5}


class Sweep(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"
        self.concepts = self.folder / "concepts"
        self.concepts.mkdir()

    def take(self, *names):
        for name in names:
            shutil.copytree(CONCEPTS / name, self.concepts / name)

    def command(self, grid, *more):
        file = self.folder / "grid.json"
        file.write_text(grid if isinstance(grid, str) else json.dumps(grid))
        return [PROGRAM, "sweep", "--concepts", str(self.concepts), "--grid", str(file), "--output", str(self.out), *more]

    def sweep(self, grid, *more):
        return subprocess.run(self.command(grid, *more), capture_output=True, text=True, timeout=300)

    def start(self, grid):
        process = subprocess.Popen(self.command(grid), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        return process

    def wait_for(self, condition):
        deadline = time.monotonic() + 120
        while not (found := condition()):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
        return found

    def child_of(self, process):
        """The running `dvar train`, once it has left the steps of a first checkpoint behind."""
        tasks = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children")
        traces = lambda: [trace for trace in self.out.glob("*/*/trace.jsonl") if trace.read_text().count("\n") > 6]  # noqa: E731
        self.wait_for(traces)
        return int(tasks.read_text().split()[0])

    def record(self, run):
        return json.loads((self.out / run / "run.json").read_text())

    def states(self):
        with (self.out / "sweep.csv").open() as file:
            return {f"{row['concept']}/{row['setting']}": row["state"] for row in csv.DictReader(file)}


class Whole(Sweep):
    def test_failures_are_isolated_and_done_runs_are_kept(self):
        self.take("frog", "panda")
        broken = self.concepts / "broken"
        broken.mkdir()
        picture = (CONCEPTS / "frog" / "noto.png").read_bytes()
        (broken / "picture.png").write_bytes(picture[:300])
        grid = {"settings": {"few": {"stop": "steps:2"}, "more": {"stop": ["steps:3", "steps:9"]}},
                "grid": {**QUICK, "samples": 1, "sample-steps": 1, "held-out": "{images}"}}  # fmt: skip
        result = self.sweep(grid)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertEqual(result.stderr.strip().splitlines()[-1],
                         "dvar: 2 of 6 runs failed; --retry-failed tries them again")  # fmt: skip
        with (self.out / "sweep.csv").open() as file:
            rows = list(csv.DictReader(file))
        self.assertEqual([(row["concept"], row["setting"]) for row in rows],
                         [(concept, setting) for concept in ["broken", "frog", "panda"] for setting in ["few", "more"]])  # fmt: skip
        for row in rows:
            if row["concept"] == "broken":
                self.assertEqual(row["state"], "failed")
                self.assertIn("exit status 1: dvar: ", row["failure"])
                self.assertIn("picture.png", row["failure"])
                continue
            self.assertEqual(row["state"], "done")
            self.assertEqual(row["step"], {"few": "2", "more": "3"}[row["setting"]])
            self.assertEqual(row["stop_rule"], "step_limit")
            self.assertEqual(row["stop"], {"few": "steps:2", "more": "steps:3 steps:9"}[row["setting"]])
            self.assertAlmostEqual(float(row["clip_gain"]), float(row["clip_after"]) - float(row["clip_before"]))
            folder = self.out / row["concept"] / row["setting"]
            for name in ["learned_embeds.safetensors", "config.json", "report.html"]:
                self.assertTrue((folder / name).exists(), name)
            self.assertEqual(json.loads((folder / "config.json").read_text())["token"], f"<{row['concept']}>")
        table = (self.out / "sweep.md").read_text()
        self.assertEqual(table, result.stdout)
        self.assertIn("| few | 2 of 3 | 2 [2, 2] |", table)
        self.assertIn("| more | +1 (+1 to +1; 2) |", table)
        self.assertIn("| broken | few | failed | exit status 1: dvar: ", table)

        kept = {path: path.stat().st_mtime_ns for path in self.out.glob("*/*/*") if path.is_file()}
        again = self.sweep(grid)
        self.assertEqual((again.returncode, again.stdout), (1, result.stdout))
        self.assertEqual(kept, {path: path.stat().st_mtime_ns for path in kept})

        (broken / "picture.png").write_bytes(picture)
        mended = self.sweep(grid, "--retry-failed", "--json")
        self.assertEqual(mended.returncode, 0, mended.stderr)
        told = json.loads(mended.stdout)
        self.assertEqual([(run["state"], run["attempts"]) for run in told["runs"]], [("done", 2)] * 2 + [("done", 1)] * 4)
        self.assertEqual([setting["done"] for setting in told["settings"]], [3, 3])
        for path, time_before in kept.items():
            if self.concepts.name not in path.parts and "broken" not in path.parts:
                self.assertEqual(path.stat().st_mtime_ns, time_before, path)

        # More settings and concepts are welcome.
        grid["settings"]["one"] = {"stop": "steps:1"}
        self.assertEqual(self.sweep(grid, "--quiet").returncode, 0)
        self.assertEqual(set(self.states().values()), {"done"})
        self.assertEqual(len(self.states()), 9)
        self.assertEqual(self.record("frog/few")["attempts"], 1)


class Interrupted(Sweep):
    grid = {**QUICK, "stop": ["steps:40", "steps:41"], "probe-every": 2}

    def setUp(self):
        super().setUp()
        self.take("frog")

    def expect_the_same_as_alone(self):
        self.assertEqual(set(self.states().values()), {"done"})
        alone = self.folder / "alone"
        options = [f"--{key}={value}" for key, value in {**self.grid, "stop": "steps:40"}.items()]
        subprocess.run([PROGRAM, "train", "--images", str(self.concepts / "frog"), "--token", "<frog>", "--output", str(alone),
                        "--quiet", *options], check=True, stdout=subprocess.DEVNULL)  # fmt: skip
        for name in ["learned_embeds.safetensors", "trace.jsonl"]:
            self.assertEqual((alone / name).read_bytes(), (self.out / "frog" / "stop=steps_40" / name).read_bytes())

    def test_ctrl_c_and_a_kill_of_the_sweep(self):
        process = self.start(self.grid)
        self.child_of(process)
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn("the same command goes on", messages)
        self.assertEqual(self.states(), {"frog/stop=steps_40": "waiting", "frog/stop=steps_41": "waiting"})
        steps = (self.out / "frog/stop=steps_40/trace.jsonl").read_text().count("\n")
        self.assertTrue(6 < steps < 40, steps)

        process = self.start(self.grid)
        trace = self.out / "frog" / "stop=steps_40" / "trace.jsonl"
        self.wait_for(lambda: trace.read_text().count("\n") > steps)
        process.kill()
        process.communicate()
        # Whatever the child makes of it, it holds its lock as long as it lives.
        result = self.sweep(self.grid)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.expect_the_same_as_alone()
        log = (self.out / "frog/stop=steps_40/log.txt").read_text()
        self.assertEqual((log.count("# dvar train"), log.count("--resume --json")), (3, 2), log)

    def test_the_seconds_of_a_killed_sweep_count(self):
        run = "frog/stop=steps_100"
        grid = {**QUICK, "stop": ["steps:100", "steps:1"]}
        process = self.start(grid)
        self.wait_for(lambda: (self.out / run / "run.json").exists() and self.record(run)["seconds"] > 0)
        process.kill()
        process.communicate()
        kept = self.record(run)
        self.assertGreaterEqual(kept["seconds"], 1)
        self.assertEqual((kept["state"], kept["attempts"]), ("running", 1))
        result = self.sweep(grid)
        self.assertEqual(result.returncode, 0, result.stderr)
        done = self.record(run)
        self.assertEqual(done["attempts"], 2)
        self.assertGreaterEqual(done["seconds"], kept["seconds"] + done["summary"]["seconds"])
        with (self.out / "sweep.csv").open() as file:
            self.assertAlmostEqual(float(next(csv.DictReader(file))["seconds"]), done["seconds"], places=2)  # of the first setting

    def test_a_killed_run_fails_alone(self):
        process = self.start(self.grid)
        os.kill(self.child_of(process), signal.SIGKILL)
        _, messages = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 1, messages)
        self.assertEqual(self.states(), {"frog/stop=steps_40": "failed", "frog/stop=steps_41": "done"})
        self.assertIn("killed by signal 9", self.record("frog/stop=steps_40")["failure"])
        result = self.sweep(self.grid, "--retry-failed")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.expect_the_same_as_alone()


class Shared(Sweep):
    grid = {**QUICK, "stop": "steps:2", "seed": [0, 1, 2]}

    def expect_each_done_once(self, runs):
        self.assertEqual(set(self.states().values()), {"done"})
        self.assertEqual(len(self.states()), runs)
        for run in self.states():
            self.assertEqual(self.record(run)["attempts"], 1, run)
            self.assertEqual((self.out / run / "log.txt").read_text().count("# dvar train"), 1, run)

    @unittest.skipUnless(MPIEXEC or os.environ.get("DVAR_SKIPS_FAIL"), "there is no mpirun")
    def test_ranks_of_mpirun(self):
        self.take("frog", "panda")
        environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        result = subprocess.run([MPIEXEC, "-n", "2", "--oversubscribe", *self.command(self.grid)], capture_output=True, text=True,
                                timeout=300, env=environment)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("| done |"), 1, "one rank reports")
        self.expect_each_done_once(6)
        self.assertEqual(result.stderr.count(" done in "), 6)
        self.assertRegex(result.stderr, "(?m)^rank 1: .* done in ")
        self.assertRegex(result.stderr, "(?m)^(frog|panda)/.* done in ")
        # A child that took itself for a rank would say so or wait for others.
        self.assertEqual(result.stderr.count(" begun"), 6)

    def test_processes_started_by_hand(self):
        self.take("frog")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SLURM")}
        processes = [subprocess.Popen(self.command(self.grid, *more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      env=environment) for more in [[], ["--no-wait"]]]  # fmt: skip
        ends = [process.communicate(timeout=300) for process in processes]
        self.assertEqual([process.returncode for process in processes], [0, 0], ends)
        self.expect_each_done_once(3)
        self.assertIn("Settings: 3, concepts: 1, runs: 3.", ends[0][0])


class BadInput(Sweep):
    def test_grids(self):
        self.take("frog")
        for grid, words in [
            ({"learning-rat": 1e-3}, ['"learning-rat"', 'is it "learning-rate"?']),
            ({"settings": {"a": {"stopp": "dvar"}}}, ['"stopp"', 'is it "stop"?']),
            ({"settings": {"a": {"qqqqqqqqqq": "dvar"}}}, ['"qqqqqqqqqq"', "options of dvar train"]),
            ({"settings": {"a": {"stop": "dvar"}}, "seed": [1]}, ['"seed"', '"settings" and "grid"']),
            ({"output": "x"}, ['"output"', "itself"]),
            ({"resume": True}, ['"resume"', "itself"]),
            ({"learning-rate": -1}, ["--learning-rate", "more than 0", "-1"]),
            ({"learning-rate": "fast"}, ["--learning-rate", "fast"]),
            ({"stop": ["dvar", "nothing"]}, ["setting stop=nothing", "--stop nothing"]),
            ({"center-crop": "yes"}, ['"center-crop"', "true or false", "yes"]),
            ({"seed": True}, ['"seed"', "text or a number", "true"]),
            ({"seed": []}, ['"seed"', "a list of values"]),
            ({"seed": {"a": 1}}, ['"seed"', "text or a number"]),
            ({"settings": {"a": {"seed": 1}}, "grid": {"seed": [1, 2]}}, ['"seed"', "settings do not have"]),
            ({"settings": {"a b": {"seed": 1}, "a/b": {"seed": 2}}}, ["a_b", "differ"]),
            ({"settings": {}}, ['"settings"', "not empty"]),
            ({"seed": list(range(200)), "batch": list(range(1, 200))}, ["10000"]),
            ({}, ["JSON object"]),
            ([], ["JSON object"]),
            ('{"seed": 1, "seed": 2}', ["grid.json", "seed"]),
            ("{", ["grid.json"]),
        ]:
            with self.subTest(grid):
                expect_refusal(self, self.sweep(grid), *words)
                self.assertFalse(self.out.exists())

    def test_names_that_tables_would_take_for_something_else(self):
        names = ["=cmd|' !A0", "+1", "-1+1", "@x", "a|b", "c\nd"]
        for name in names:
            shutil.copytree(CONCEPTS / "frog", self.concepts / name)
        grid = {"grid": {**QUICK, "stop": "steps:1", "token": "<thing>"}}
        result = self.sweep(grid, "--quiet")
        self.assertEqual(result.returncode, 0, result.stderr)
        with (self.out / "sweep.csv").open(newline="") as file:
            self.assertEqual([row["concept"] for row in csv.DictReader(file)],
                             sorted(["'=cmd|' !A0", "'+1", "'-1+1", "'@x", "a|b", "c\nd"], key=lambda name: name.removeprefix("'")))
        table = (self.out / "sweep.md").read_text()
        self.assertEqual(table, result.stdout)
        (self.concepts / "c\nd" / "noto.png").write_bytes(b"no picture")
        result = self.sweep({"settings": {"other": {}}, **grid}, "--quiet")
        self.assertEqual(result.returncode, 1)
        rows = [line for line in (self.out / "sweep.md").read_text().splitlines() if "failed" in line]
        self.assertEqual(len(rows), 1, rows)
        self.assertTrue(rows[0].startswith("| c d | other | failed | "), rows[0])

    def test_folders(self):
        expect_refusal(self, self.sweep(QUICK), "--concepts", self.concepts)
        self.take("frog")
        missing = self.command(QUICK)
        missing[missing.index("--grid") + 1] = str(self.folder / "no.json")
        expect_refusal(self, subprocess.run(missing, capture_output=True, text=True), self.folder / "no.json")
        shutil.move(self.concepts, self.folder / "moved")
        expect_refusal(self, self.sweep(QUICK), "--concepts", self.concepts)

    def test_an_output_that_is_something_else(self):
        self.take("frog")
        self.out.mkdir()
        (self.out / "thesis.txt").write_text("years of work")
        expect_refusal(self, self.sweep(QUICK), "--output", self.out, "thesis.txt")
        self.assertEqual([path.name for path in self.out.iterdir()], ["thesis.txt"])
        shutil.rmtree(self.out)
        self.out.write_text("in the way")
        expect_refusal(self, self.sweep(QUICK), "--output", self.out)
        self.assertEqual(self.out.read_text(), "in the way")

    def test_results_of_other_options_are_not_touched(self):
        self.take("frog")
        grid = {"settings": {"a": {**QUICK, "stop": "steps:1"}}}
        self.assertEqual(self.sweep(grid).returncode, 0)
        everything = {path: path.read_bytes() for path in self.out.rglob("*") if path.is_file()}
        grid["settings"]["a"]["stop"] = "steps:2"
        expect_refusal(self, self.sweep(grid), self.out / "frog" / "a", "--stop=steps:2", "--stop=steps:1")
        (self.out / "frog" / "a" / "run.json").unlink()
        del everything[self.out / "frog" / "a" / "run.json"]
        expect_refusal(self, self.sweep(grid), self.out / "frog" / "a", "no sweep has begun")
        self.assertEqual(everything, {path: path.read_bytes() for path in self.out.rglob("*") if path.is_file()})

    def test_an_output_that_cannot_be_written(self):
        self.take("frog")
        self.assertEqual(self.sweep({**QUICK, "stop": "steps:1"}).returncode, 0)
        before = {path: path.read_bytes() for path in self.out.rglob("*") if path.is_file()}
        # Root may write where nobody may: not where the file system itself says no.
        command = self.command({**QUICK, "stop": ["steps:1", "steps:2"]})
        if os.geteuid() == 0:
            script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
            command = ["unshare", "--mount", "sh", "-c", script, str(self.out), *command]
            if subprocess.run([*command[:5], str(self.out), "true"], capture_output=True).returncode != 0:
                self.skipTest("root may not mount here, and may write everywhere")
        else:
            for path in [*self.out.rglob("*"), self.out]:
                path.chmod(0o555 if path.is_dir() else 0o444)
        try:
            expect_refusal(self, subprocess.run(command, capture_output=True, text=True), self.out)
        finally:
            if os.geteuid() != 0:
                for path in [self.out, *self.out.rglob("*")]:
                    path.chmod(0o755 if path.is_dir() else 0o644)
        self.assertEqual(before, {path: path.read_bytes() for path in self.out.rglob("*") if path.is_file()})


if __name__ == "__main__":
    unittest.main()
