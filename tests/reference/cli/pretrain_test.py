"""`dvar pretrain` on a few made-up drawings: from nothing, and on from a model that is there."""

import itertools
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from pictures import write_gray
from program import PROGRAM

EDGE = 16
PARTS = ["vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors", "image_encoder/model.safetensors"]
UNET = "unet/diffusion_pytorch_model.safetensors"
# A hundred names are what the small CLIP is judged by.
NAMES = [f"{first} {second}" for first, second in itertools.product(["red", "old", "tall", "odd", "new"], "abcdefghijklmnopqrstuv")]


def stage(**more):
    return {"rounds": [2], "batches": [4], "peak_rates": [0.01], "warm_up": 1} | more


def tower(**more):
    return {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1, "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5, "projection_dim": 16} | more  # fmt: skip


RECIPE = {
    "resolution": EDGE,
    "vocabulary_size": 600,
    "text_length": 16,
    "scheduler_config": {"_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
                         "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": False, "steps_offset": 1,
                         "timestep_spacing": "leading", "clip_sample": False},
    "autoencoder": stage(
        config={"in_channels": 3, "out_channels": 3, "latent_channels": 4, "block_out_channels": [8, 8], "layers_per_block": 1,
                "down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2, "norm_num_groups": 4,
                "mid_block_add_attention": False, "act_fn": "silu"},
        crop=8,
    ),
    "clip": {
        "text_config": tower(),
        "vision_config": tower(image_size=EDGE, patch_size=8, num_channels=3),
        "captions": {},
        "vision_training": stage(),
        "text_training": stage(),
    },
    "unet": stage(
        config={"sample_size": EDGE // 2, "in_channels": 4, "out_channels": 4, "block_out_channels": [8, 16], "layers_per_block": 1,
                "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"], "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
                "attention_head_dim": [1, 2], "cross_attention_dim": 16, "norm_num_groups": 4, "act_fn": "silu"},
        captions={}, rounds=[2, 4], batches=[4, 8], peak_rates=[0.01, 0.01], average_decay=0.9,
    ),
}  # fmt: skip


class Pretrain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.drawings = cls.write_drawings("drawings", NAMES)
        cls.first = cls.shared / "first"
        cls.printed = cls.pretrain(cls.first).stdout

    @classmethod
    def write_drawings(cls, folder, names, splits=("pretrain", "table")):
        folder = cls.shared / folder
        folder.mkdir()
        rows = ["split\tcode_points\tname\tgroup\tstyle\ttags\tfile"]
        for number, name in enumerate(names):
            write_gray(folder / f"{number}.png", EDGE, EDGE, lambda x, y: (number * (x + 3) + 7 * y) % 256)
            rows.append(f"{splits[0]}\t{number:x}\t{name}\tobjects\tnoto\tthing\t{number}.png")
        if len(splits) > 1:
            rows.append(f"{splits[1]}\tffff\tfar away\tobjects\tnoto\tthing\t0.png")
        (folder / "manifest.tsv").write_text("\n".join([*rows, ""]))
        return folder

    @classmethod
    def pretrain(cls, output, *more, drawings=None, status=0, **changed):
        recipe = cls.shared / f"{output.name}.json"
        recipe.write_text(json.dumps(RECIPE | changed))
        words = [PROGRAM, "pretrain", "--recipe", recipe, "--drawings", drawings or cls.drawings, "--output", output, "--threads", 1, *more]
        result = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300)
        assert result.returncode == status, result.stderr
        return result

    def refuse(self, *more, words, **others):
        result = self.pretrain(self.shared / "refused", *more, status=1, **others)
        for word in words:
            self.assertIn(word, result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)

    def test_what_it_writes_is_a_model(self):
        pictures = self.shared / "pictures"
        words = ["sample", "--model", self.first, "--prompt", "a drawing of a red a", "--count", 1, "--steps", 2, "--output", pictures]
        result = subprocess.run([str(word) for word in [PROGRAM, *words]], capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(len(list(pictures.glob("0*.png"))), 1)

    def test_it_says_how_it_does_on_drawings_never_seen(self):
        self.assertRegex(self.printed, r"unet: step 4, error without a caption: \d\.\d{4} on drawings trained on, \d\.\d{4} on drawings never seen")
        alone = self.write_drawings("alone", NAMES, splits=("pretrain",))
        self.assertNotIn("never seen", self.pretrain(self.shared / "of-alone", drawings=alone).stdout)

    def test_a_model_is_trained_on(self):
        kept = {name: (self.first / name).read_bytes() for name in [*PARTS, UNET]}
        for precision in ("fp32", "bf16"):
            second = self.shared / f"second-{precision}"
            printed = self.pretrain(second, "--from", self.first, "--precision", precision).stdout
            for name in PARTS:
                self.assertEqual((second / name).read_bytes(), kept[name], f"{name} is no part of the UNet")
            self.assertNotEqual((second / UNET).read_bytes(), kept[UNET])
            self.assertEqual(re.findall(r"^(unet|autoencoder|image encoder|text encoder) \d", printed, re.M), ["unet"], printed)
        self.assertNotEqual((self.shared / "second-bf16" / UNET).read_bytes(), (self.shared / "second-fp32" / UNET).read_bytes())
        self.assertEqual((self.first / UNET).read_bytes(), kept[UNET])

    def test_a_second_call_finds_everything_done(self):
        again = self.shared / "again"
        shutil.copytree(self.first, again)
        self.pretrain(again)
        for name in [*PARTS, UNET]:
            self.assertEqual((again / name).read_bytes(), (self.first / name).read_bytes(), name)

    def test_refusals(self):
        other = self.write_drawings("other", [name.replace("odd", "wide") for name in NAMES])
        self.refuse("--from", self.first, drawings=other, words=["merges.txt", "not what these drawings give"])
        unet = json.loads(json.dumps(RECIPE["unet"]))
        unet["config"]["block_out_channels"] = [8, 24]
        self.refuse("--from", self.first, unet=unet, words=[str(self.first / "unet"), "expected shape"])
        self.refuse("--from", self.shared / "missing", words=["missing"])
        self.refuse("--precision", "fp8", words=["--precision", "fp32", "bf16", "fp8"])
        self.refuse(unet=RECIPE["unet"] | {"batches": [4]}, words=["refused.json", "batches", "one for every round"])


if __name__ == "__main__":
    unittest.main()
