"""What a run makes of pictures that are held out, and the snapshots that it leaves on its way."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import refusals
from program import FROG, PROGRAM
from tensor_bytes import tensor_bytes


def dvar(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def train(self, *more):
        return dvar("train", "--images", FROG, "--token", "<frog>", "--init", "token:green", "--output", self.out, "--samples", 0,
                    "--threads", 1, "--no-tensorboard", *more)  # fmt: skip

    def trained(self, *more):
        result = self.train(*more)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [json.loads(line) for line in (self.out / "trace.jsonl").read_text().splitlines()]


class PicturesHeldOut(Case):
    def test_a_rule_on_their_loss_stops_the_run_and_its_replay_at_the_same_step(self):
        # No loss improves by 1: the second value is the last.
        rule = "held_out:patience:patience=1,min_delta=1"
        records = self.trained("--held-out", FROG / "held-out", "--held-out-every", 3, "--stop", rule, "--max-steps", 20)
        self.assertEqual(records[-1]["step"], 6)
        self.assertIn("held_out_probe_loss", (self.out / "trace.jsonl").read_text())
        outcome = json.loads((self.out / "config.json").read_text())["outcome"]
        self.assertEqual(outcome["stop_rule"], "patience")
        self.assertEqual(outcome["best"]["measure"], "held-out probe loss")
        replayed = json.loads(dvar("replay", self.out / "trace.jsonl", "--stop", rule, "--json").stdout)
        self.assertEqual(replayed[0]["stopped_at"], 6)

    def test_a_rule_on_their_loss_needs_them(self):
        rule = ["--stop", "held_out:patience:patience=3"]
        refusals.expect_refusal(self, self.train(*rule), "--stop held_out", "--held-out")
        held_out = ["--held-out", FROG / "held-out"]
        refusals.expect_refusal(self, self.train(*rule, *held_out, "--held-out-every", 0), "--held-out-every 0")
        refusals.expect_refusal(self, self.train("--stop", "held_out:clip", *held_out), "held_out:clip", "rules on a loss")

    def test_a_split_can_be_made_of_the_pictures_themselves(self):
        names = sorted(file.name for file in FROG.glob("*.png"))
        split = self.folder / "split"
        for folder, part in [(split, names[:-1]), (split / "held-out", names[-1:])]:
            folder.mkdir()
            for name in part:
                shutil.copy(FROG / name, folder)
        options = ["--max-steps", 2, "--held-out-every", 1]
        records = self.trained(*options, "--hold-out", 1)
        apart = dvar("train", "--images", split, "--held-out", split / "held-out", "--token", "<frog>", "--init", "token:green",
                     "--output", self.folder / "apart", "--samples", 0, "--threads", 1, *options)  # fmt: skip
        self.assertEqual(apart.returncode, 0, apart.stderr)
        lines = (self.folder / "apart" / "trace.jsonl").read_text().splitlines()
        self.assertEqual(records, [json.loads(line) for line in lines])
        config = json.loads((self.out / "config.json").read_text())
        self.assertEqual((config["hold_out"], config["images"]["names"]), (1, names[:-1]))

    def test_something_has_to_be_left_to_learn_from(self):
        count = len(list(FROG.glob("*.png")))
        refusals.expect_refusal(self, self.train("--hold-out", count), f"{count} pictures", str(FROG))
        refusals.expect_refusal(self, self.train("--hold-out", 1, "--held-out", FROG / "held-out"), "--hold-out", "no --held-out")

    def test_samples_are_scored_against_them_too(self):
        options = ["--max-steps", 2, "--score-every", 2, "--score-samples", 2, "--score-steps", 2]
        records = self.trained(*options, "--held-out", FROG / "held-out")
        self.assertNotIn("held_out_clip_score", records[0])
        self.assertNotEqual(records[1]["held_out_clip_score"], records[1]["clip_score"])
        # What those pictures are decides what is recorded.
        other = self.folder / "other"
        other.mkdir()
        shutil.copy(sorted((FROG / "held-out").glob("*.png"))[0], other)
        held_out = ["--held-out", other, "--held-out-every", 0]
        self.trained(*options, *held_out, "--overwrite")
        resumed = self.train(*options, "--held-out", FROG / "held-out", "--held-out-every", 0, "--resume")
        refusals.expect_refusal(self, resumed, "--held-out")


class Snapshots(Case):
    def test_are_what_was_learned_at_their_steps(self):
        self.trained("--max-steps", 4, "--snapshot-every", 2)
        snapshots = self.out / "snapshots"
        names = sorted(file.name for file in snapshots.iterdir())
        self.assertEqual(names, ["learned_embeds-steps-2.safetensors", "learned_embeds-steps-2_a1111.safetensors",
                                 "learned_embeds-steps-4.safetensors", "learned_embeds-steps-4_a1111.safetensors"])  # fmt: skip
        last = tensor_bytes(self.out / "learned_embeds.safetensors")
        self.assertEqual(tensor_bytes(snapshots / "learned_embeds-steps-4.safetensors"), last)
        early = tensor_bytes(snapshots / "learned_embeds-steps-2.safetensors")
        self.assertNotEqual(early, last)
        self.trained("--max-steps", 2, "--overwrite")
        self.assertEqual(list(snapshots.iterdir()), [], "those of a run that was replaced")
        self.assertEqual(tensor_bytes(self.out / "learned_embeds.safetensors"), early)

    def test_are_there_for_what_is_learned_beside_the_token(self):
        self.trained("--method", "dreambooth-lora", "--rank", 1, "--max-steps", 1, "--snapshot-every", 1, "--lora-format", "diffusers")
        self.assertEqual(tensor_bytes(self.out / "snapshots" / "pytorch_lora_weights-steps-1.safetensors"),
                         tensor_bytes(self.out / "pytorch_lora_weights.safetensors"))  # fmt: skip


if __name__ == "__main__":
    unittest.main()
