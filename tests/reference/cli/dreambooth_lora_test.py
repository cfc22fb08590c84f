"""DreamBooth-LoRA from the command line: what a run leaves, sampling with it, class pictures, and what is refused."""

import json
import shutil
import unittest

from method_program import LearnedWeights, header_of
from png_pixels import pixels_of
from program import FROG
from refusals import expect_refusal
from tensor_bytes import tensor_bytes


class DreamboothLora(LearnedWeights, unittest.TestCase):
    method, key_of_files, norm = "dreambooth-lora", "loras", "unet_lora_norm"
    files = ["pytorch_lora_weights.safetensors", "pytorch_lora_weights_kohya.safetensors",
             "pytorch_lora_weights_best.safetensors", "pytorch_lora_weights_best_kohya.safetensors"]  # fmt: skip
    option, rate = "--lora", "--lora-learning-rate"
    # At this rate a few steps are seen in a picture.
    options_of_run = ["--lora-learning-rate", 0.02, "--alpha", 8]

    def test_files_are_in_both_layouts(self):
        layer = "mid_block.attentions.0.transformer_blocks.0.attn1.to_out.0"
        diffusers, kohya = (self.run_folder / file for file in self.files[:2])
        self.assertEqual(header_of(diffusers)[f"unet.{layer}.lora_A.weight"]["shape"][0], 4)
        self.assertEqual(header_of(kohya)[f"lora_unet_{layer.replace('.', '_')}.alpha"]["shape"], [])
        for file in [diffusers, kohya]:
            metadata = self.check_metadata(file, "lora")
            self.assertEqual(metadata["ss_network_dim"], "4")
            self.assertEqual(metadata["ss_network_alpha"], "8")
            self.assertEqual(json.loads(metadata["ss_tag_frequency"])["pictures"], {"<thing>": 4})

    def test_the_paper_s_numbers_hold_where_none_are_given(self):
        dry = self.train(self.folder / "out", "--dry-run")
        self.assertEqual(dry.returncode, 0, dry.stderr)
        self.assertGreater(json.loads(dry.stdout)["parameters"], 100_000)
        config = json.loads((self.run_folder / "config.json").read_text())
        self.assertEqual((config["window"], config["threshold"], config["max_steps"]), (440, 0.4, 4))
        self.assertEqual(self.train(self.folder / "ti", "--max-steps", 1, method="textual-inversion").returncode, 0)
        config = json.loads((self.folder / "ti" / "config.json").read_text())
        self.assertEqual((config["window"], config["threshold"]), (310, 0.15))
        self.assertFalse(list((self.folder / "ti").glob("pytorch_lora*")))

    def test_pictures_held_out_have_a_loss_of_their_own(self):
        options = ["--held-out", FROG / "held-out", "--held-out-every", 2, "--max-steps", 2]
        result = self.train(self.folder / "run", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        first, second = (json.loads(line) for line in (self.folder / "run" / "trace.jsonl").read_text().splitlines())
        self.assertNotIn("held_out_probe_loss", first)
        self.assertGreater(second["held_out_probe_loss"], 0)
        self.assertNotEqual(second["held_out_probe_loss"], second["probe_loss"])
        copy = self.folder / "copy"
        copy.mkdir()
        shutil.copy(sorted((FROG / "held-out").glob("*.png"))[0], copy)
        result = self.train(self.folder / "run", "--held-out", copy, *options[2:], "--resume")
        expect_refusal(self, result, "--held-out")
        self.refuse_training("--held-out-every", 2, words=["--held-out-every", "--held-out"])

    def test_one_layout_can_be_chosen(self):
        for layout, name in [("diffusers", "pytorch_lora_weights.safetensors"), ("kohya", "pytorch_lora_weights_kohya.safetensors")]:
            self.assertEqual(self.train(self.folder / layout, "--lora-format", layout, "--max-steps", 1, "--probe-every", 0,
                                        "--stop", "steps:1").returncode, 0)  # fmt: skip
            self.assertEqual([file.name for file in (self.folder / layout).glob("pytorch_lora*")], [name])

    def test_all_networks_and_convolutions_are_learned_and_drawn_with(self):
        output = self.folder / "out"
        result = self.train(output, "--lora-layers", "full", "--conv-rank", 2, "--conv-alpha", 1, "--lora-text-encoder",
                            "--lora-text-learning-rate", 0.03, "--lora-dropout", 0.25, "--lora-learning-rate", 0.02,
                            "--freeze-token", "--max-steps", 2, samples=1)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        files = [output / f"pytorch_lora_weights{layout}.safetensors" for layout in ["", "_kohya"]]
        diffusers, kohya = map(header_of, files)
        conv = "unet.mid_block.resnets.0.conv1"
        self.assertEqual(diffusers[f"{conv}.lora_A.weight"]["shape"][0::2], [2, 3])
        self.assertEqual(diffusers[f"{conv}.lora_B.weight"]["shape"][1:], [2, 1, 1])
        self.assertIn("text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_B.weight", diffusers)
        self.assertIn("lora_te_text_model_encoder_layers_0_self_attn_q_proj.alpha", kohya)
        for metadata in [header["__metadata__"] for header in [diffusers, kohya]]:
            self.assertEqual(json.loads(metadata["ss_network_args"]), {"conv_dim": "2", "conv_alpha": "1"})
            self.assertEqual(metadata["ss_text_encoder_lr"], "0.03")
        line = json.loads((output / "trace.jsonl").read_text().splitlines()[-1])
        self.assertGreater(line["text_lora_norm"], 0)
        # What was learned in the text encoder is in the run's own samples, and in those of its file.
        drawn = [pixels_of(output / "samples" / f"{side}-000.png") for side in ["before", "after"]]
        self.assertNotEqual(*drawn)
        of_text_alone = self.folder / "text.safetensors"
        self.keep(files[0], of_text_alone, "text_encoder.")
        self.assertNotEqual(self.sample(), self.sample("--lora", of_text_alone))
        self.assertNotEqual(self.sample("--lora", files[0]), self.sample("--lora", of_text_alone))

    @staticmethod
    def keep(file, copy, prefix):
        """Copies the tensors whose names begin so."""
        data = file.read_bytes()
        length = int.from_bytes(data[:8], "little")
        kept, bytes_ = {}, b""
        for name, tensor in json.loads(data[8 : 8 + length]).items():
            if name.startswith(prefix):
                first, last = tensor["data_offsets"]
                kept[name] = {**tensor, "data_offsets": [len(bytes_), len(bytes_) + last - first]}
                bytes_ += data[8 + length + first : 8 + length + last]
        header = json.dumps(kept).encode()
        copy.write_bytes(len(header).to_bytes(8, "little") + header + bytes_)

    def test_dropout_is_decided_by_the_seed(self):
        def train(name, *more):
            result = self.train(self.folder / name, "--max-steps", 2, *more)
            self.assertEqual(result.returncode, 0, result.stderr)
            return (self.folder / name / "pytorch_lora_weights.safetensors").read_bytes()

        dropping = train("dropping", "--lora-dropout", 0.5)
        self.assertNotEqual(dropping, train("plain"))
        self.assertNotEqual(dropping, train("less", "--lora-dropout", 0.4))
        self.assertEqual(dropping, train("dropping", "--lora-dropout", 0.5, "--overwrite"))

    def test_samples_are_drawn_with_it(self):
        lora = self.run_folder / "pytorch_lora_weights.safetensors"
        kohya = self.run_folder / "pytorch_lora_weights_kohya.safetensors"
        plain, learned = self.sample(), self.sample("--lora", lora)
        self.assertNotEqual(plain, learned)
        self.assertEqual(plain, self.sample("--lora", f"{lora}:0"))
        self.assertEqual(learned, self.sample("--lora", f"{lora}:1.0"))
        self.assertEqual(learned, self.sample("--lora", lora, "--lora", f"{kohya}:0"))
        self.assertNotEqual(plain, self.sample("--lora", kohya))
        self.assertNotEqual(learned, self.sample("--lora", lora, "--lora", lora))
        self.assertNotEqual(learned, self.sample("--lora", f"{lora}:0.5"))

    def test_a_file_with_a_colon_in_its_name_is_read(self):
        named = self.folder / "a:b.safetensors"
        shutil.copy(self.run_folder / "pytorch_lora_weights.safetensors", named)
        self.assertNotEqual(self.sample(), self.sample("--lora", named))

    def test_class_pictures_are_drawn_once(self):
        cache = self.folder / "cache"

        def learned(name):
            """The factors: the token stands in no prompt of the class."""
            return (self.folder / name / "pytorch_lora_weights.safetensors").read_bytes()

        def train(name, *more):
            result = self.train(self.folder / name, "--class-prompt", "a photo of an apple", "--class-count", 9,
                                "--cache", cache, "--max-steps", 2, "--overwrite", *more)  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr)
            return learned(name)

        first = train("first")
        pictures = sorted(cache.glob("class-pictures/*/*.png"))
        self.assertEqual(len(pictures), 9)
        drawn = {picture: picture.read_bytes() for picture in pictures}
        times = [picture.stat().st_mtime_ns for picture in pictures]
        self.assertEqual(first, train("again"))
        self.assertEqual(times, [picture.stat().st_mtime_ns for picture in pictures], "none is drawn again")
        # What an interruption has left out or broken is drawn as it was.
        pictures[8].unlink()
        pictures[5].write_bytes(drawn[pictures[5]][:100])
        self.assertEqual(first, train("after an interruption"))
        self.assertEqual(drawn, {picture: picture.read_bytes() for picture in pictures})
        self.assertEqual(first, train("without a cache", "--no-cache"))
        # The same pictures brought by the user.
        brought = self.folder / "brought"
        brought.mkdir()
        for picture in pictures:
            shutil.copy(picture, brought)
        result = self.train(self.folder / "own", "--class-prompt", "a photo of an apple", "--class-pictures", brought,
                            "--max-steps", 2)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(first, learned("own"))
        self.assertNotEqual(first, train("weighed", "--prior-weight", 0.5))

    def test_a_resumed_run_has_the_same_class_pictures(self):
        brought = self.folder / "brought"
        brought.mkdir()
        pictures = sorted(FROG.glob("*.png"))
        shutil.copy(pictures[0], brought)
        options = ["--class-prompt", "a photo of an apple", "--class-pictures", brought, "--max-steps", 1]
        self.assertEqual(self.train(self.folder / "out", *options).returncode, 0)
        shutil.copy(pictures[1], brought)
        expect_refusal(self, self.train(self.folder / "out", *options, "--resume"), "--class-pictures")

    def test_pivotal_tuning_is_two_runs_in_one(self):
        token, rest, whole = (self.folder / name for name in ["token", "rest", "whole"])
        of_rest = [*self.options_of_run, "--max-steps", 2]
        result = self.train(token, "--stop", "steps:3", "--token-update", "norm-preserving", method="textual-inversion")
        self.assertEqual(result.returncode, 0, result.stderr)
        result = self.train(rest, *of_rest, "--freeze-token", init=f"file:{token / 'learned_embeds.safetensors'}")
        self.assertEqual(result.returncode, 0, result.stderr)
        pivotal = ["--pivotal", "steps:3", "--token-update", "norm-preserving", *of_rest]
        result = self.train(whole, *pivotal)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(json.loads(result.stdout)["step"], 2)  # one document, that of the second run

        def learned(folder):
            return [tensor_bytes(folder / file) for file in ["learned_embeds.safetensors", *self.files]]

        embedding = "token/learned_embeds.safetensors"
        self.assertEqual(tensor_bytes(whole / embedding), tensor_bytes(token / "learned_embeds.safetensors"))
        self.assertEqual(learned(whole), learned(rest))
        config = json.loads((whole / "config.json").read_text())
        self.assertEqual((config["pivotal"], config["freeze_token"], config["init"]), (["steps:3"], True, "token:green"))

        # The first run has ended, the second has not begun; then both have ended.
        before = learned(whole)
        shutil.rmtree(whole / "checkpoint")
        for _ in range(2):
            for file in ["learned_embeds.safetensors", *self.files]:
                (whole / file).unlink()
            result = self.train(whole, *pivotal, "--resume")
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(learned(whole), before)
        expect_refusal(self, self.train(whole, *pivotal), "--output", "holds a run already")
        expect_refusal(self, self.train(self.folder / "none", *pivotal, "--resume"), "--resume", "token", "found none")
        self.assertFalse((self.folder / "none").exists())

    def test_another_model_s_file_is_refused(self):
        other = self.folder / "other.safetensors"
        name = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight"
        header = json.dumps({
            name: {"dtype": "F32", "shape": [1, 768], "data_offsets": [0, 3072]},
            name.replace("_A", "_B"): {"dtype": "F32", "shape": [320, 1], "data_offsets": [3072, 4352]},
        }).encode()  # fmt: skip
        other.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4352))
        sample = ["sample", "--prompt", "a frog", "--output", self.folder / "samples", "--lora"]
        self.refuse(other, name, "[rank, 160]", "[1, 768]", arguments=[*sample, other])
        self.refuse("learned_embeds.safetensors", "<thing>",
                    arguments=[*sample, self.run_folder / "learned_embeds.safetensors"])  # fmt: skip
        self.refuse("missing.safetensors", arguments=[*sample, self.folder / "missing.safetensors"])
        self.refuse("--lora", "FILE:SCALE", "much", arguments=[*sample, f"{other}:much"])
        self.assertFalse((self.folder / "samples").exists())

    def test_options_without_effect_are_refused(self):
        for options, words in {
            ("--rank", 8): ["--rank", "--method dreambooth-lora"],
            ("--freeze-token",): ["--freeze-token", "--method dreambooth-lora"],
            ("--pivotal", "dvar"): ["--pivotal", "--method dreambooth-lora"],
            ("--lora-dropout", 0.1): ["--lora-dropout", "--method dreambooth-lora"],
            ("--lora-text-encoder",): ["--lora-text-encoder", "--method dreambooth-lora"],
            ("--class-prompt", "a frog"): ["--class-prompt", "--method dreambooth-lora"],
        }.items():
            self.refuse_training(*options, words=words, method="textual-inversion")
        self.refuse_training("--prior-weight", 2, words=["--prior-weight", "--class-prompt"])
        self.refuse_training("--conv-rank", 2, words=["--conv-rank", "--lora-layers full"])
        self.refuse_training("--conv-alpha", 2, "--lora-layers", "transformer", words=["--conv-alpha", "--lora-layers full"])
        self.refuse_training("--lora-text-learning-rate", 2, words=["--lora-text-learning-rate", "--lora-text-encoder"])
        self.refuse_training("--class-pictures", FROG, words=["--class-pictures", "--class-prompt"])
        self.refuse_training("--class-prompt", "a frog", "--class-pictures", FROG, "--class-count", 3,
                             words=["--class-count", "--class-pictures"])  # fmt: skip

    def test_wrong_values_are_refused(self):
        self.refuse_training("--rank", 0, words=["--rank", "0"])
        self.refuse_training("--pivotal", "dvarr", words=["--pivotal", "dvarr"])
        self.refuse_training("--alpha", 0, words=["--alpha", "0"])
        self.refuse_training("--conv-rank", 0, "--lora-layers", "full", words=["--conv-rank", "0"])
        self.refuse_training("--lora-dropout", 1, words=["--lora-dropout", "1"])
        self.refuse_training("--lora-dropout", "-0.1", words=["--lora-dropout", "-0.1"])
        self.refuse_training("--lora-layers", "everything", words=["--lora-layers", "full"])
        self.refuse_training("--lora-learning-rate", "-1", words=["--lora-learning-rate", "-1"])
        self.refuse_training("--class-prompt", "a photo of <thing>", words=["--class-prompt", "without the token"])
        empty = self.folder / "empty"
        empty.mkdir()
        self.refuse_training("--class-prompt", "a frog", "--class-pictures", empty, words=[empty])
        self.refuse_training("--class-prompt", "a frog", "--class-pictures", self.folder / "none", words=["none"])
        self.refuse_training(words=["--method", "textual-inversion", "dreambooth-lora", "lora"], method="lora")


if __name__ == "__main__":
    unittest.main()
