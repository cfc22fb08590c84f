"""`dvar train` on several ranks, started by MPI's launcher as a user starts it: what they learn together, how they end."""

import array
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from pictures import write_gray
from program import FROG, PROGRAM

MPIEXEC = os.environ["DVAR_MPIEXEC"]
TRAINING = ["--token", "<thing>", "--samples", "0", "--json"]


def vectors(output):
    """The learned embedding's numbers."""
    data = (output / "learned_embeds.safetensors").read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    first, last = json.loads(data[8:begin])["<thing>"]["data_offsets"]
    return array.array("f", data[begin + first : begin + last])


def trace(output):
    return [json.loads(line) for line in (output / "trace.jsonl").read_text().splitlines()]


def ranks_of(launcher):
    """Process ids of the launcher's children, by their rank."""
    found = {}
    for process in pathlib.Path("/proc").iterdir():
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == launcher.pid:
                variables = (process / "environ").read_bytes().split(b"\0")
                rank = next(v for v in variables if v.startswith(b"OMPI_COMM_WORLD_RANK=")).partition(b"=")[2]
                found[int(rank)] = int(process.name)
        except (OSError, ValueError, StopIteration):
            pass  # it is no process, it has ended, or it is no rank
    return found


class Ranks(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def output(self, name):
        return self.folder / name

    def training(self, name, *more, images=FROG, threads=1, init="token:green"):
        return [PROGRAM, "train", "--images", images, "--output", self.output(name), "--threads", threads, "--init", init,
                *TRAINING, *more]  # fmt: skip

    def start(self, *command):
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process):
        output, errors = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def run_ranks(self, count, name, *more, **others):
        launcher = [] if count == 1 else [MPIEXEC, "-n", count]
        return self.finish(self.start(*launcher, *self.training(name, *more, **others)))

    def train(self, count, name, *more, **others):
        result = self.run_ranks(count, name, *more, **others)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def wait_for_checkpoint(self, process, name, step):
        """Returns when the trace, which is written with each checkpoint, has the step."""
        for _ in range(600):
            self.assertIsNone(process.poll(), "it ended early")
            try:
                if trace(self.output(name))[-1]["step"] >= step:
                    return
            except (OSError, IndexError, ValueError):
                pass  # not there yet, or half a line
            time.sleep(0.1)
        self.fail("no checkpoint within a minute")

    def expect_equal_files(self, one, other):
        for file in ["learned_embeds.safetensors", "learned_embeds_best.safetensors", "trace.jsonl"]:
            self.assertEqual((self.output(one) / file).read_bytes(), (self.output(other) / file).read_bytes(), file)


class Together(Ranks):
    def expect_the_same(self, of_ranks, of_one):
        """Embeddings to 1e-5 of the largest number, losses to 1e-5, and the same end."""
        found, expected = vectors(self.output(of_ranks)), vectors(self.output(of_one))
        self.assertEqual(len(found), len(expected))
        size = max(map(abs, expected))
        self.assertLess(max(abs(a - b) for a, b in zip(found, expected)), 1e-5 * size)
        lines = list(zip(trace(self.output(of_ranks)), trace(self.output(of_one)), strict=True))
        for ours, theirs in lines:
            self.assertEqual(ours.keys(), theirs.keys())
            self.assertEqual(ours["step"], theirs["step"])
            for name in ["loss", "probe_loss"]:
                self.assertLess(abs(ours[name] - theirs[name]), 1e-5 * theirs[name], (ours["step"], name))
        outcomes = [json.loads((self.output(name) / "config.json").read_text())["outcome"] for name in (of_ranks, of_one)]
        self.assertEqual(outcomes[0]["step"], outcomes[1]["step"])
        self.assertEqual(outcomes[0]["stop_rule"], outcomes[1]["stop_rule"])
        return lines

    def test_micro_batches_equal_whatever_evaluates_them(self):
        options = ["--micro-batch", 1, "--max-steps", 20]
        self.train(1, "one", "--batch", 4, *options)
        for ranks, threads in [(2, 1), (4, 1), (2, 2), (1, 3)]:
            with self.subTest(ranks=ranks, threads=threads):
                name = f"{ranks}-{threads}"
                self.train(ranks, name, "--batch", 4 // ranks, *options, threads=threads)
                self.expect_the_same(name, "one")

    # Two threads of one process evaluate halves of the batch too. One thread evaluates all of it at once; the last digits
    # are others then, and AdamW's first steps make much of those, with two threads of one process as with two ranks.
    def test_two_ranks_of_batch_2_equal_one_of_batch_4(self):
        rule = ["--stop", "dvar:window=20,threshold=0.9", "--max-steps", 60]
        two = self.train(2, "two", "--batch", 2, *rule)
        one = self.train(1, "one", "--batch", 4, *rule, threads=2)
        self.assertEqual(two["stop_rule"], "variance_ratio")
        self.assertGreaterEqual(two["step"], 20)
        self.assertEqual(two["step"], one["step"])
        self.expect_the_same("two", "one")

    # SGD does not; its rate is such that the vectors move by more than a hundredth of their size.
    def test_two_ranks_equal_one_thread_by_gradients_that_are_not_normalized(self):
        options = ["--optimizer", "sgd", "--learning-rate", "1e-3", "--max-steps", 20]
        self.train(2, "two", "--batch", 2, *options)
        self.train(1, "one", "--batch", 4, *options)
        self.expect_the_same("two", "one")
        self.train(1, "first", "--batch", 4, "--optimizer", "sgd", "--learning-rate", "1e-30", "--max-steps", 1)
        last, first = vectors(self.output("one")), vectors(self.output("first"))
        self.assertGreater(max(abs(a - b) for a, b in zip(last, first)), 1e-2 * max(map(abs, first)))

    # Sharpness-aware minimization on AdamW, accumulation, a rate that is scaled, several vectors, a probe that does not
    # divide by three, and scores, which one rank alone computes.
    def test_three_ranks_with_everything(self):
        options = ["--optimizer", "sam", "--accumulation", 2, "--scale-lr", "--micro-batch", 1, "--vectors", 2,
                   "--probe-batch", 2, "--probe-accumulation", 2, "--probe-thirds", "--score-every", 4, "--score-samples", 1,
                   "--score-steps", 1, "--max-steps", 8]  # fmt: skip
        self.train(3, "three", "--batch", 1, *options)
        self.train(1, "one", "--batch", 3, *options)
        lines = self.expect_the_same("three", "one")
        self.assertEqual([ours["step"] for ours, _ in lines if "clip_score" in ours], [4, 8])

    # A batch has one shape: that of all ranks together, or the ranks would learn from other pictures than one process does.
    def test_batches_of_one_shape_are_divided(self):
        pictures = self.folder / "pictures"
        pictures.mkdir()
        for number, (width, height) in enumerate([(80, 48), (64, 64), (48, 80), (80, 48)]):
            write_gray(pictures / f"{number}.png", width, height, lambda x, y: (x * y + 60 * number) % 251)
        options = ["--buckets", "--micro-batch", 1, "--max-steps", 12]
        self.train(2, "two", "--batch", 2, *options, images=pictures)
        self.train(1, "one", "--batch", 4, *options, images=pictures)
        self.expect_the_same("two", "one")

    def test_chooses_the_initial_word_once(self):
        options = ["--seed", 3, "--max-steps", 1]
        two = self.train(2, "two", "--batch", 1, *options, init="random")
        one = self.train(1, "one", "--batch", 2, *options, init="random", threads=2)
        self.assertEqual(two["initial"], one["initial"])
        self.expect_the_same("two", "one")

    def test_one_rank_of_a_launcher_is_a_run_of_its_own(self):
        result = self.finish(self.start(MPIEXEC, "-n", 1, *self.training("launched", "--batch", 1, "--max-steps", 3)))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.train(1, "alone", "--batch", 1, "--max-steps", 3)
        self.expect_equal_files("launched", "alone")


class Ends(Ranks):
    STEPS = ["--batch", 1, "--probe-batch", 1, "--checkpoint-every", 2, "--max-steps", 30]

    def test_a_killed_rank_ends_the_run_which_can_be_resumed(self):
        for rank in (0, 1):
            with self.subTest(rank=rank):
                name = f"killed-{rank}"
                process = self.start(MPIEXEC, "-n", 2, *self.training(name, *self.STEPS))
                self.wait_for_checkpoint(process, name, 4)
                os.kill(ranks_of(process)[rank], signal.SIGKILL)
                killed = time.monotonic()
                result = self.finish(process)
                self.assertNotEqual(result.returncode, 0)
                self.assertLess(time.monotonic() - killed, 30)
                self.assertFalse((self.output(name) / "learned_embeds.safetensors").exists())
        self.train(2, "killed-1", *self.STEPS, "--resume")
        self.train(2, "whole", *self.STEPS)
        self.expect_equal_files("killed-1", "whole")

    # Open MPI's waits that long before it tells the ranks, and again before it kills them.
    def test_a_signal_to_the_launcher_leaves_a_checkpoint(self):
        endless = [*self.STEPS[:-1], 100000]
        process = self.start(MPIEXEC, "--mca", "odls_base_sigkill_timeout", 3, "-n", 2, *self.training("stopped", *endless))
        self.wait_for_checkpoint(process, "stopped", 2)
        process.send_signal(signal.SIGTERM)
        result = self.finish(process)
        self.assertNotEqual(result.returncode, 0)
        last = trace(self.output("stopped"))[-1]["step"]
        self.assertEqual(result.stderr.count("Interrupted after step"), 1, result.stderr)
        self.assertIn(f"Interrupted after step {last}; the same command with --resume goes on from there", result.stderr)

    def test_a_signal_to_one_rank_ends_all_at_the_same_step(self):
        process = self.start(MPIEXEC, "-n", 2, *self.training("noted", *self.STEPS))
        self.wait_for_checkpoint(process, "noted", 4)
        os.kill(ranks_of(process)[1], signal.SIGINT)
        result = self.finish(process)
        self.assertEqual(result.returncode, 130, result.stderr)
        self.assertEqual(result.stderr.count("Interrupted after step"), 1, result.stderr)

    def test_an_error_of_one_rank_ends_all(self):
        good = self.training("out", *self.STEPS)
        bad = self.training("out", *self.STEPS, images=self.folder / "missing")
        result = self.finish(self.start(MPIEXEC, "-n", 1, *good, ":", "-n", 1, *bad))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("dvar: rank 1 of 2: expected a folder with pictures", result.stderr)
        self.assertFalse(self.output("out").exists(), "nothing is written before all ranks are ready")

    # The first rank can no longer write its checkpoint while the second waits for its gradient.
    def test_an_error_in_the_middle_ends_all(self):
        process = self.start(MPIEXEC, "-n", 2, *self.training("torn", *self.STEPS))
        self.wait_for_checkpoint(process, "torn", 4)
        checkpoints = self.output("torn") / "checkpoint"
        checkpoints.rename(self.folder / "moved")
        checkpoints.write_text("no folder")
        result = self.finish(process)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("dvar: rank 0 of 2: ", result.stderr)
        self.assertIn("checkpoint", result.stderr)


class Refusals(Ranks):
    def refuse(self, result, *words):
        self.assertEqual(result.returncode, 1, result.stderr)
        messages = [line for line in result.stderr.splitlines() if line.startswith("dvar: ")]
        self.assertEqual(len(messages), 1, result.stderr)
        for word in words:
            self.assertIn(word, messages[0])

    def test_a_mistake_of_all_is_said_once(self):
        self.refuse(self.run_ranks(2, "out", "--batch", 0), "rank 0 of 2", "--batch: expected at least 1, found 0")

    def test_ranks_with_other_options(self):
        result = self.finish(self.start(MPIEXEC, "-n", 1, *self.training("out"), ":", "-n", 1, *self.training("out", "--seed", 1)))
        self.refuse(result, "rank 1 has other options or pictures than rank 0")
        self.assertFalse(self.output("out").exists())

    def test_another_number_of_ranks_does_not_resume(self):
        self.train(2, "out", "--batch", 1, "--max-steps", 2)
        self.refuse(self.run_ranks(3, "out", "--batch", 1, "--max-steps", 2, "--resume"), "--resume: the number of ranks was 2", "and is 3 now")

    def test_a_launcher_of_another_kind(self):
        result = subprocess.run([str(word) for word in self.training("out")], capture_output=True, text=True, timeout=120,
                                env={**os.environ, "PMI_SIZE": "2"})  # fmt: skip
        self.refuse(result, "PMI_SIZE=2: expected a group of as many processes, found one of 1", "Open MPI")
        self.assertFalse(self.output("out").exists())


if __name__ == "__main__":
    unittest.main()
