"""Custom Diffusion from the command line: what a run leaves, sampling with it, and what is refused."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from png_pixels import pixels_of
from program import FROG, PROGRAM
from refusals import expect_refusal

NAME = "pytorch_custom_diffusion_weights.safetensors"
LAYER = "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_custom_diffusion.weight"


def header_of(file):
    data = file.read_bytes()
    return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])


class CustomDiffusion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.environment = {**os.environ, "XDG_CACHE_HOME": str(cls.shared / "cache")}
        cls.run_folder = cls.shared / "run"
        # At this rate a few steps are seen in a picture.
        result = cls.train(cls.run_folder, "--kv-learning-rate", 0.01, "--max-steps", 4)
        assert result.returncode == 0, result.stderr
        cls.summary = json.loads(result.stdout)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    @classmethod
    def run_program(cls, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env=cls.environment)  # fmt: skip

    @classmethod
    def train(cls, output, *more, method="custom-diffusion", samples=0):
        return cls.run_program("train", "--method", method, "--images", FROG, "--token", "<thing>", "--output", output,
                               "--init", "token:green", "--batch", 1, "--probe-batch", 1, "--samples", samples, "--threads", 1,
                               "--sample-steps", 2, "--json", *more)  # fmt: skip

    def sample(self, *more):
        """The bytes of the first picture."""
        result = self.run_program("sample", "--prompt", "a green frog", "--count", 1, "--steps", 2, "--threads", 1,
                                  "--overwrite", "--output", self.folder / "samples", *more)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        return pixels_of(self.folder / "samples" / "000.png")

    def refuse_training(self, *arguments, words, method="custom-diffusion"):
        expect_refusal(self, self.train(self.folder / "out", *arguments, method=method), *words)
        self.assertFalse((self.folder / "out").exists(), "nothing is written before everything is checked")

    def test_a_run_leaves_embeddings_and_weights(self):
        files = [pathlib.Path(file) for file in self.summary["custom_diffusion"]]
        self.assertEqual([file.name for file in files], [NAME, NAME.replace(".", "_best.")])
        self.assertTrue((self.run_folder / "learned_embeds.safetensors").exists())
        header = header_of(files[0])
        self.assertEqual(len(header[LAYER]["shape"]), 2)
        self.assertEqual(header[LAYER.split(".to_k")[0].replace("attn2", "attn1")]["shape"], [0])
        metadata = header["__metadata__"]
        self.assertEqual(metadata["ss_steps"], "4")
        self.assertEqual(metadata["ss_unet_lr"], "0.01")
        self.assertEqual(metadata["modelspec.trigger_phrase"], "<thing>")
        self.assertEqual(metadata["dvar.stopped"], "step 4: the limit of 4 steps is reached")
        self.assertEqual(metadata["modelspec.architecture"], "latent-diffusion/custom-diffusion")

    def test_the_paper_s_numbers_hold_where_none_are_given(self):
        config = json.loads((self.run_folder / "config.json").read_text())
        numbers = [config[key] for key in ["window", "threshold", "max_gradient_norm"]]
        self.assertEqual(numbers, [180, 0.15, 1])
        options = ["--max-gradient-norm", 2, "--window", 7, "--no-rescale", "--max-steps", 1]
        self.assertEqual(self.train(self.folder / "own", *options).returncode, 0)
        config = json.loads((self.folder / "own" / "config.json").read_text())
        self.assertEqual([config[key] for key in ["window", "threshold", "max_gradient_norm", "no_rescale"]],
                         [7, 0.15, 2, True])  # fmt: skip
        other = self.train(self.folder / "own", "--max-gradient-norm", 3, *options[2:], "--resume")
        expect_refusal(self, other, "--max-gradient-norm")

    def test_the_trace_has_the_weights_norm(self):
        lines = [json.loads(line) for line in (self.run_folder / "trace.jsonl").read_text().splitlines()]
        norms = [line["unet_kv_norm"] for line in lines]
        self.assertEqual(len(set(norms)), 4)

    def test_rescaled_pictures_make_another_run(self):
        def learned(name, *more):
            result = self.train(self.folder / name, "--max-steps", 1, *more)
            self.assertEqual(result.returncode, 0, result.stderr)
            return (self.folder / name / NAME).read_bytes()

        first = learned("first")
        self.assertEqual(first, learned("again"))
        self.assertNotEqual(first, learned("as they are", "--no-rescale"))
        self.assertNotEqual(first, learned("with a class", "--class-prompt", "a photo of an apple", "--class-count", 2))

    def test_overwriting_removes_the_weights(self):
        output = self.folder / "out"
        self.assertEqual(self.train(output, "--max-steps", 1).returncode, 0)
        self.assertEqual(self.train(output, "--max-steps", 1, "--overwrite", method="textual-inversion").returncode, 0)
        self.assertFalse(list(output.glob("pytorch_*")))

    def test_samples_and_scores_are_of_it(self):
        weights = self.run_folder / NAME
        plain, learned = self.sample(), self.sample("--custom-diffusion", weights)
        self.assertNotEqual(plain, learned)

        def score(*more):
            result = self.run_program("score", "--images", FROG, "--embedding", self.run_folder / "learned_embeds.safetensors",
                                      "--count", 1, "--steps", 2, "--threads", 1, "--json", *more)  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr)
            return json.loads(result.stdout)["clip_score"]

        self.assertNotEqual(score(), score("--custom-diffusion", weights))

    def test_the_run_s_own_samples_are_with_it(self):
        output = self.folder / "out"
        result = self.train(output, "--kv-learning-rate", 0.02, "--freeze-token", "--max-steps", 2, samples=1)
        self.assertEqual(result.returncode, 0, result.stderr)
        before, after = (pixels_of(output / "samples" / f"{side}-000.png") for side in ["before", "after"])
        self.assertNotEqual(before, after, "the token alone stays as it was")

    def test_a_lora_goes_beside_it(self):
        lora = self.folder / "lora"
        options = ["--lora-learning-rate", 0.05, "--lora-format", "diffusers", "--max-steps", 2]
        self.assertEqual(self.train(lora, *options, method="dreambooth-lora").returncode, 0)
        factors, weights = lora / "pytorch_lora_weights.safetensors", self.run_folder / NAME
        both = self.sample("--custom-diffusion", weights, "--lora", factors)
        self.assertNotIn(both, [self.sample("--custom-diffusion", weights), self.sample("--lora", factors)])
        sample = ["sample", "--prompt", "a frog", "--output", self.folder / "none"]
        expect_refusal(self, self.run_program(*sample, "--lora", weights), NAME, "--custom-diffusion")
        expect_refusal(self, self.run_program(*sample, "--custom-diffusion", factors), factors.name, "--lora")
        self.assertFalse((self.folder / "none").exists())

    def test_other_files_are_refused(self):
        other = self.folder / "other.safetensors"
        header = json.dumps({LAYER: {"dtype": "F32", "shape": [1, 768], "data_offsets": [0, 3072]}}).encode()
        other.write_bytes(len(header).to_bytes(8, "little") + header + bytes(3072))
        sample = ["sample", "--prompt", "a frog", "--output", self.folder / "none", "--custom-diffusion"]
        expect_refusal(self, self.run_program(*sample, other), other.name, "to_k_custom_diffusion")
        embedding = self.run_folder / "learned_embeds.safetensors"
        expect_refusal(self, self.run_program(*sample, embedding), embedding.name, "<thing>")
        expect_refusal(self, self.run_program(*sample, self.folder / "missing"), "missing")
        self.assertFalse((self.folder / "none").exists())

    def test_options_without_effect_are_refused(self):
        for options, word in {("--kv-learning-rate", 0.1): "--kv-learning-rate", ("--no-rescale",): "--no-rescale"}.items():
            for method in ["textual-inversion", "dreambooth-lora"]:
                self.refuse_training(*options, words=[word, "--method custom-diffusion"], method=method)
        self.refuse_training("--rank", 2, words=["--rank", "--method dreambooth-lora"])
        self.refuse_training("--masks", "beside", words=["--masks", "--no-rescale"])
        self.refuse_training("--max-gradient-norm", 0, words=["--max-gradient-norm", "0"])
        self.refuse_training("--kv-learning-rate", 0, words=["--kv-learning-rate", "0"])


if __name__ == "__main__":
    unittest.main()
