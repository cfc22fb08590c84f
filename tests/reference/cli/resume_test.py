"""What --resume says of a run that differs, and how a run goes on behind its end."""

import json
import pathlib
import resource
import shutil
import subprocess
import tempfile
import unittest

import refusals
from captions_and_masks_test import write_gray
from program import FROG, PROGRAM

# What a run leaves that hangs on nothing but its steps.
FILES = ["learned_embeds.safetensors", "learned_embeds_a1111.safetensors", "learned_embeds_best.safetensors",
         "learned_embeds_best_a1111.safetensors", "trace.jsonl", "config.json", "curves.svg", "samples/before.png",
         "samples/after.png", "samples/after-000.png", "sheet.png"]  # fmt: skip


class Resume(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.pictures = self.folder / "pictures"
        self.pictures.mkdir()
        for picture in sorted(FROG.glob("*.png")):
            shutil.copy(picture, self.pictures)

    def train(self, output, *more, **how):
        options = ["--images", self.pictures, "--token", "<thing>", "--output", output, "--init", "token:green", "--batch", 1,
                   "--probe-batch", 1, "--samples", 1, "--sample-steps", 2, "--threads", 1, "--checkpoint-every", 5, *more]  # fmt: skip
        return subprocess.run([PROGRAM, "train", *map(str, options)], capture_output=True, text=True, timeout=300, **how)

    def learn(self, name, *more):
        result = self.train(self.folder / name, *more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def left(self, name):
        return {file: (self.folder / name / file).read_bytes() for file in FILES}

    def refuse(self, name, *more, words):
        before = self.left(name)
        refusals.expect_refusal(self, self.train(self.folder / name, "--resume", "--quiet", *more), *words)
        self.assertEqual(self.left(name), before)


class Differences(Resume):
    def test_name_the_picture(self):
        self.learn("out", "--max-steps", 2)
        first, second, third, fourth = sorted(picture.name for picture in self.pictures.iterdir())
        (self.pictures / third).rename(self.pictures / "new.png")
        shutil.copy(self.pictures / second, self.pictures / first)
        self.refuse("out", "--max-steps", 2,
                    words=[f'--images: since the run in {self.folder / "out"}, "{first}" has changed, "new.png" is new, "{third}" is missing'])

    def test_name_the_picture_whose_captions_differ(self):
        for picture in list(self.pictures.iterdir()):
            picture.with_suffix(".txt").write_text("a {}\n")
        self.learn("out", "--max-steps", 2, "--captions")
        (self.pictures / "noto.txt").write_text("a green {}\n")
        self.refuse("out", "--max-steps", 2, "--captions", words=['--captions: since the run', '"noto.png" has other captions'])

    def test_name_options_and_pictures_together(self):
        self.learn("out", "--max-steps", 2)
        (self.pictures / "noto.png").unlink()
        self.refuse("out", "--max-steps", 2, "--seed", 1, words=["--seed was 0 in the run", '"noto.png" is missing'])


class Extension(Resume):
    def expect_the_same(self, extended, whole):
        left, expected = self.left(extended), self.left(whole)
        for file in FILES:
            self.assertEqual(left[file], expected[file], file)
        # The seconds in the report are each run's own.
        self.assertIn(f"step {json.loads(left['config.json'])['outcome']['step']}", (self.folder / extended / "report.html").read_text())

    def test_by_more_steps(self):
        self.learn("whole", "--max-steps", 18)
        self.learn("out", "--max-steps", 7)
        result = self.learn("out", "--max-steps", 18, "--resume")
        self.assertIn("Going on from step 7 with another stop", result.stderr)
        self.expect_the_same("out", "whole")

    def test_of_squares_that_are_cut_at_random(self):
        for number, picture in enumerate(sorted(self.pictures.iterdir())):
            write_gray(picture, 150, 70, lambda x, y, number=number: (x * y + 40 * number) % 251)
        crops = ["--random-crop", "--accumulation", 2]
        self.learn("once", "--max-steps", 12, *crops)
        self.learn("twice", "--max-steps", 7, *crops)
        self.learn("twice", "--max-steps", 12, "--resume", *crops)
        self.expect_the_same("twice", "once")

    def test_of_pictures_in_buckets(self):
        for number, picture in enumerate(sorted(self.pictures.iterdir())):
            write_gray(picture, 150 - 40 * number, 70, lambda x, y, number=number: (x * y + 40 * number) % 251)
        self.learn("once", "--max-steps", 12, "--buckets")
        self.learn("twice", "--max-steps", 7, "--buckets")
        self.learn("twice", "--max-steps", 12, "--resume", "--buckets")
        self.expect_the_same("twice", "once")

    def test_by_another_rule(self):
        rules = ["--stop", "threshold:limit=1000,after=16", "--stop", "dvar:window=5,threshold=1e-9"]
        self.learn("whole", *rules)
        self.learn("out", "--stop", "steps:7")
        self.learn("out", *rules, "--resume")
        self.expect_the_same("out", "whole")
        self.assertEqual(json.loads((self.folder / "out" / "config.json").read_text())["outcome"]["stop_rule"], "threshold")

    def test_of_a_run_that_is_scored(self):
        scored = ["--score-every", 4, "--score-samples", 1, "--score-steps", 1]
        self.learn("whole", *scored, "--stop", "clip:every=4,patience=30", "--max-steps", 12)
        self.learn("out", *scored, "--stop", "steps:6")
        self.learn("out", *scored, "--stop", "clip:every=4,patience=30", "--max-steps", 12, "--resume")
        self.expect_the_same("out", "whole")
        self.refuse("out", "--stop", "steps:20", words=["samples were scored every 4 steps", "never now"])

    def test_is_refused_where_the_steps_would_have_been_others(self):
        falling = ["--schedule", "cosine"]
        self.learn("out", "--max-steps", 7, *falling)
        self.refuse("out", "--max-steps", 18, *falling, words=["the last step was 7", "18 now", "--schedule cosine"])
        # Nothing changes by a rule.
        self.learn("out", "--max-steps", 7, *falling, "--stop", "patience:patience=90", "--resume")

    def test_is_refused_where_the_run_would_have_ended(self):
        self.learn("out", "--max-steps", 7)
        self.refuse("out", "--max-steps", 5, words=["is at step 7", "would have stopped at step 5"])
        self.refuse("out", "--max-steps", 18, "--stop", "threshold:limit=1000", words=["would have stopped at step 1"])

    def test_that_fails_loses_nothing(self):
        self.learn("out", "--max-steps", 7)
        before = self.left("out")
        before.pop("trace.jsonl")

        def limit():
            # Checkpoints no longer fit: as on a full disk.
            resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

        result = self.train(self.folder / "out", "--max-steps", 18, "--resume", "--quiet", preexec_fn=limit)
        refusals.expect_refusal(self, result)
        self.assertEqual({file: self.left("out")[file] for file in before}, before)
        # It is what it was, and can still go on.
        self.learn("whole", "--max-steps", 7)
        self.learn("out", "--max-steps", 7, "--resume")
        self.expect_the_same("out", "whole")
        self.learn("whole", "--max-steps", 18, "--overwrite")
        self.learn("out", "--max-steps", 18, "--resume")
        self.expect_the_same("out", "whole")


if __name__ == "__main__":
    unittest.main()
