"""Custom Diffusion from the command line: what a run leaves, sampling with it, and what is refused."""

import json
import unittest

from method_program import LearnedWeights, header_of
from refusals import expect_refusal

NAME = "pytorch_custom_diffusion_weights.safetensors"
LAYER = "mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_custom_diffusion.weight"


class CustomDiffusion(LearnedWeights, unittest.TestCase):
    method, key_of_files, norm = "custom-diffusion", "custom_diffusion", "unet_kv_norm"
    files = [NAME, NAME.replace(".", "_best.")]
    option, rate = "--custom-diffusion", "--kv-learning-rate"
    # At this rate a few steps are seen in a picture.
    options_of_run = ["--kv-learning-rate", 0.01]

    def test_a_file_has_keys_and_values(self):
        header = header_of(self.weights)
        self.assertEqual(len(header[LAYER]["shape"]), 2)
        self.assertEqual(header[LAYER.split(".to_k")[0].replace("attn2", "attn1")]["shape"], [0])
        self.assertEqual(self.check_metadata(self.weights, "custom-diffusion")["ss_unet_lr"], "0.01")

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

    def test_rescaled_pictures_make_another_run(self):
        def learned(name, *more):
            result = self.train(self.folder / name, "--max-steps", 1, *more)
            self.assertEqual(result.returncode, 0, result.stderr)
            return (self.folder / name / NAME).read_bytes()

        first = learned("first")
        self.assertEqual(first, learned("again"))
        self.assertNotEqual(first, learned("as they are", "--no-rescale"))
        self.assertNotEqual(first, learned("with a class", "--class-prompt", "a photo of an apple", "--class-count", 2))

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
