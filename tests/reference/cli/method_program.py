"""What the tests of methods that learn weights share: the program on the bundled model, and what holds for each of them."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from png_pixels import pixels_of
from program import FROG, PROGRAM
from refusals import expect_refusal


def header_of(file):
    data = file.read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


class LearnedWeights:
    """Goes before `unittest.TestCase` among the bases of a class that says what `method` it tests, what `files` it writes beside the
    embedding, by which option `sample` reads one, the option of its `rate`, and what it calls the `norm` in the trace."""

    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.environment = {**os.environ, "XDG_CACHE_HOME": str(cls.shared / "cache")}
        cls.run_folder = cls.shared / "run"
        result = cls.train(cls.run_folder, *cls.options_of_run, "--max-steps", 4)
        assert result.returncode == 0, result.stderr
        cls.summary = json.loads(result.stdout)
        cls.weights = cls.run_folder / cls.files[0]

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    @classmethod
    def run_program(cls, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env=cls.environment)  # fmt: skip

    @classmethod
    def train(cls, output, *more, method=None, samples=0, init="token:green"):
        return cls.run_program("train", "--method", method or cls.method, "--images", FROG, "--token", "<thing>", "--output", output,
                               "--init", init, "--batch", 1, "--probe-batch", 1, "--samples", samples, "--threads", 1,
                               "--sample-steps", 2, "--json", *more)  # fmt: skip

    def sample(self, *more, name="samples"):
        """The bytes of the first picture."""
        output = self.folder / name
        result = self.run_program("sample", "--prompt", "a green frog", "--count", 1, "--steps", 2, "--threads", 1,
                                  "--overwrite", "--output", output, *more)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        return pixels_of(output / "000.png")

    def refuse(self, *words, arguments):
        expect_refusal(self, self.run_program(*arguments), *words)

    def refuse_training(self, *arguments, words, method=None):
        expect_refusal(self, self.train(self.folder / "out", *arguments, method=method), *words)
        self.assertFalse((self.folder / "out").exists(), "nothing is written before everything is checked")

    def check_metadata(self, file, architecture):
        """What every file of a run says of it; returns all that this one says."""
        metadata = header_of(file)["__metadata__"]
        self.assertEqual(metadata["ss_steps"], "4")
        self.assertEqual(metadata["modelspec.trigger_phrase"], "<thing>")
        self.assertEqual(metadata["dvar.stopped"], "step 4: the limit of 4 steps is reached")
        self.assertEqual(metadata["modelspec.architecture"], f"latent-diffusion/{architecture}")
        return metadata

    def test_a_run_leaves_its_files(self):
        files = [pathlib.Path(file) for file in self.summary[self.key_of_files]]
        self.assertEqual([file.name for file in files], self.files)
        self.assertTrue((self.run_folder / "learned_embeds.safetensors").exists())

    def test_the_trace_has_the_norm(self):
        lines = [json.loads(line) for line in (self.run_folder / "trace.jsonl").read_text().splitlines()]
        norms = [line[self.norm] for line in lines]
        self.assertEqual(len(set(norms)), 4)
        self.assertTrue(all(norm > 0 for norm in norms))

    def test_overwriting_removes_the_files(self):
        output = self.folder / "out"
        self.assertEqual(self.train(output, "--max-steps", 1).returncode, 0)
        self.assertTrue(list(output.glob("pytorch_*")))
        self.assertEqual(self.train(output, "--max-steps", 1, "--overwrite", method="textual-inversion").returncode, 0)
        self.assertFalse(list(output.glob("pytorch_*")))

    def test_samples_and_scores_are_of_it(self):
        self.assertNotEqual(self.sample(), self.sample(self.option, self.weights))

        def score(*more):
            result = self.run_program("score", "--images", FROG, "--embedding", self.run_folder / "learned_embeds.safetensors",
                                      "--count", 1, "--steps", 2, "--threads", 1, "--json", *more)  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr)
            return json.loads(result.stdout)["clip_score"]

        self.assertNotEqual(score(), score(self.option, self.weights))

    def test_the_run_s_own_samples_and_scores_are_with_it(self):
        output = self.folder / "out"
        result = self.train(output, self.rate, 0.02, "--freeze-token", "--max-steps", 2,
                            "--score-every", 2, "--score-samples", 1, "--score-steps", 2, samples=1)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        before, after = (pixels_of(output / "samples" / f"{side}-000.png") for side in ["before", "after"])
        self.assertNotEqual(before, after, "the token alone stays as it was")
        self.assertIn("clip_score", (output / "trace.jsonl").read_text().splitlines()[1])
