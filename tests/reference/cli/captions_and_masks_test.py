"""Captions, templates of a kind, and masks from the command line."""

import json
import shutil
import unittest

from methods_test import Methods
from pictures import size_of, write_gray
from program import FROG


class Pictures(Methods):
    """Frogs in a folder of the test's own."""

    def setUp(self):
        super().setUp()
        self.pictures = self.folder / "pictures"
        self.pictures.mkdir()
        for picture in sorted(FROG.glob("*.png"))[:2]:
            shutil.copy(picture, self.pictures)
        self.names = sorted(picture.name for picture in self.pictures.iterdir())

    def caption(self, text, which=(0, 1)):
        for i in which:
            (self.pictures / self.names[i]).with_suffix(".txt").write_text(text)

    def mask(self, level, folder=None, suffix=".mask.png", which=(0, 1)):
        for name in (self.names[i] for i in which):
            width, height = size_of(self.pictures / name)
            write_gray((folder or self.pictures) / name.replace(".png", suffix), width, height, level)

    def learn(self, *more, steps=3):
        return self.train(*more, steps=steps, images=self.pictures)

    def refuse_learning(self, *arguments, words):
        self.refuse(*words, arguments=["train", "--images", self.pictures, "--token", "<thing>", "--output", self.out,
                                       "--init", "token:green", "--samples", 0, *arguments])  # fmt: skip

    def configuration(self):
        return json.loads((self.out / "config.json").read_text())

    def go_on(self, *more):
        return self.run_program("train", "--images", self.pictures, "--token", "<thing>", "--output", self.out, "--batch", 1,
                                "--probe-batch", 1, "--samples", 0, "--threads", 1, "--init", "token:green", "--resume",
                                "--max-steps", 3, *more)  # fmt: skip


class Captions(Pictures):
    def test_are_what_is_learned_with(self):
        self.learn()
        by_templates = self.embedding()
        self.assertNotIn("captions", self.configuration())
        self.caption("a {} in the rain\na <thing> asleep\n")
        self.learn("--captions")
        by_captions = self.embedding()
        self.assertNotEqual(by_captions, by_templates)
        self.assertEqual(self.configuration()["captions"], [["a {} in the rain", "a <thing> asleep"]] * 2)
        self.learn("--captions")
        self.assertEqual(self.embedding(), by_captions, "the same seed, the same lines")
        self.caption("a <thing> in the rain\na {} asleep\n")
        self.learn("--captions")
        self.assertEqual(self.embedding(), by_captions, "{} is the token")

    def test_a_resumed_run_must_have_the_same(self):
        self.caption("a {} in the rain\n")
        self.learn("--captions")
        again = self.go_on("--captions")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.caption("a {} in the sun\n", which=[1])
        other = self.go_on("--captions")
        self.assertEqual(other.returncode, 1)
        self.assertIn(f'--resume: --captions: since the run in {self.out}, "{self.names[1]}" has other captions', other.stderr)

    def test_a_probe_can_draw_them_anew(self):
        self.caption("a {} in the rain\nthe blue sea with a {}\n")
        self.learn("--captions", "--probe-fixed", "11101", "--learning-rate", "1e-30", "--weight-decay", 0, steps=12)
        self.assertEqual(len({round(line["probe_loss"], 6) for line in self.trace()}), 2)

    def test_warns_of_what_is_cut_or_lacks_the_token(self):
        self.caption("a {} " + "and so on " * 60, which=[0])
        self.caption("a {}\njust a frog\n", which=[1])
        self.learn("--captions")
        self.assertIn("1 of 3 captions are longer than the model reads", self.messages)
        self.assertIn("1 of 3 captions lack the token", self.messages)
        self.assertIn('"just a frog"', self.messages)

    def test_refusals(self):
        self.caption("a {}\n", which=[0])
        missing = (self.pictures / self.names[1]).with_suffix(".txt")
        self.refuse_learning("--captions", words=[self.names[1], str(missing), "no such file"])
        missing.write_text("\n")
        self.refuse_learning("--captions", words=[str(missing), "found none"])
        self.caption("just a frog\n")
        self.refuse_learning("--captions", words=["--captions", "<thing>", "none of 2", "just a frog"])
        # The token stands where nothing is read any more.
        self.caption("and so on " * 60 + "{}")
        self.refuse_learning("--captions", words=[self.names[0].replace(".png", ".txt"), "<thing>", "within the 14 tokens"])
        self.refuse_learning("--captions", "--learnable-property", "style", words=["--learnable-property", "--captions"])


class Templates(Pictures):
    def test_of_a_style(self):
        self.refuse_training("--learnable-property", "thing", words=["--learnable-property", "object or style", "thing"])
        self.learn()
        of_an_object = self.embedding()
        self.learn("--learnable-property", "object")
        self.assertEqual(self.embedding(), of_an_object)
        self.learn("--learnable-property", "style")
        self.assertNotEqual(self.embedding(), of_an_object)
        self.assertEqual(self.configuration()["learnable_property"], "style")

    def test_center_crop_by_either_name(self):
        for option in ["--centre-crop", "--center-crop"]:
            self.learn(option, steps=1)
            self.assertTrue(self.configuration()["center_crop"])


class Crops(Pictures):
    def setUp(self):
        super().setUp()
        for name in self.names:
            write_gray(self.pictures / name, 70, 150, lambda x, y: (x * y) % 251)

    def test_another_square_in_every_step(self):
        learned = {}
        for how in ["--random-crop", "--center-crop", "--flip"]:
            self.learn(how, *([0.5] if how == "--flip" else []))
            learned[how] = self.embedding()
            self.assertEqual(self.configuration().get("random_crop", False), how == "--random-crop")
        self.assertEqual(len(set(learned.values())), 3)
        self.learn("--random-crop")
        self.assertEqual(self.embedding(), learned["--random-crop"], "the same seed, the same squares")
        self.learn("--random-crop", "--micro-batch", 1)
        self.mask(lambda x, y: 255 if y < 100 else 0)
        self.learn("--random-crop", "--masks", "beside")
        self.assertNotEqual(self.embedding(), learned["--random-crop"])

    def test_what_is_beside_the_middle_counts_when_it_goes_on(self):
        self.learn("--random-crop")
        self.assertEqual(self.go_on("--random-crop").returncode, 0)
        write_gray(self.pictures / self.names[1], 70, 150, lambda x, y: 0 if y < 5 else (x * y) % 251)
        other = self.go_on("--random-crop")
        self.assertEqual(other.returncode, 1)
        self.assertIn(f'"{self.names[1]}" has changed', other.stderr)

    def test_refusals(self):
        self.refuse_learning("--random-crop", "--center-crop", words=["--random-crop", "no --center-crop"])
        self.refuse_learning("--random-crop", "--method", "custom-diffusion", words=["--random-crop", "--no-rescale"])
        self.mask(lambda x, y: 255 if y < 5 else 0)
        self.refuse_learning("--random-crop", "--masks", "beside", words=[self.names[0].replace(".png", ".mask.png"), "centered square"])


class Buckets(Pictures):
    def setUp(self):
        super().setUp()
        self.shapes = [(150, 70), (64, 64)]
        for name, (width, height) in zip(self.names, self.shapes):
            write_gray(self.pictures / name, width, height, lambda x, y: (x * y) % 251)

    def test_pictures_keep_their_shapes(self):
        self.learn("--buckets")
        by_buckets = self.embedding()
        self.assertIn("Buckets: 1 picture of 80 x 48, 1 picture of 64 x 64.", self.messages)
        self.assertTrue(self.configuration()["buckets"])
        self.learn("--buckets")
        self.assertEqual(self.embedding(), by_buckets, "the same seed, the same batches")
        self.learn("--flip", 0.5)
        self.assertNotEqual(self.embedding(), by_buckets)

    def test_pictures_of_the_models_shape_are_learned_as_without(self):
        write_gray(self.pictures / self.names[0], 64, 64, lambda x, y: (x + y) % 251)
        self.learn()
        squeezed = self.embedding()
        self.learn("--buckets")
        self.assertEqual(self.embedding(), squeezed)

    def test_sizes_can_be_given(self):
        self.learn("--buckets", "--bucket-size", "64x64", "--bucket-size", "96x48")
        self.assertIn("Buckets: 1 picture of 96 x 48, 1 picture of 64 x 64.", self.messages)
        self.assertEqual(self.configuration()["bucket_size"], ["64x64", "96x48"])

    def test_held_out_pictures_and_masks_are_in_buckets_too(self):
        self.mask(lambda x, y: 255 if x < 40 else 0)
        self.learn("--buckets", "--masks", "beside", "--held-out", self.pictures, "--held-out-every", 1, steps=2)
        self.assertTrue(all(line["held_out_probe_loss"] > 0 for line in self.trace()))

    def test_refusals(self):
        self.refuse_learning("--bucket-size", "64x64", words=["--bucket-size", "--buckets"])
        for size in ("64", "64x", "x64", "64x60", "0x64", "-64x64", "64x64.0", "64 x 64"):
            self.refuse_learning("--buckets", f"--bucket-size={size}", words=["--bucket-size", "WIDTHxHEIGHT in multiples of 16", f"found '{size}'"])
        self.refuse_learning("--buckets", "--bucket-size", "64x64", "--bucket-size", "32x64", "--bucket-size", "64x64", words=["--bucket-size", "each size once", "64x64"])
        self.refuse_learning("--buckets", "--bucket-size", "64x64", words=[self.names[0], "150 x 70", "64x64, shows 47 %"])
        self.refuse_learning("--buckets", "--random-crop", words=["--buckets", "no --center-crop, --random-crop"])
        self.refuse_learning("--buckets", "--center-crop", words=["--buckets", "no --center-crop"])
        self.refuse_learning("--buckets", "--method", "custom-diffusion", words=["--buckets", "--no-rescale"])
        self.refuse_learning("--buckets", "--method", "dreambooth-lora", "--class-prompt", "a cat", words=["--buckets", "--class-prompt"])
        self.mask(lambda x, y: 255 if x == 0 else 0)
        self.refuse_learning("--buckets", "--masks", "beside", words=[self.names[0].replace(".png", ".mask.png"), "80 x 48"])


class Masks(Pictures):
    def test_change_what_is_learned(self):
        self.learn()
        whole, losses = self.embedding(), [(line["loss"], line["probe_loss"]) for line in self.trace()]
        self.mask(lambda x, y: 255)
        self.learn()
        self.assertEqual(self.embedding(), whole, "a mask in the folder is no picture")
        self.learn("--masks", "beside")
        self.assertEqual(self.embedding(), whole, "a white mask changes no bit")
        self.mask(lambda x, y: 255 if y < 20 else 0)
        self.learn("--masks", "beside")
        self.assertNotEqual(self.embedding(), whole)
        for masked, unmasked in zip(self.trace(), losses):
            self.assertNotEqual(masked["loss"], unmasked[0])
            self.assertNotEqual(masked["probe_loss"], unmasked[1])
        beside = self.embedding()
        folder = self.folder / "masks"
        folder.mkdir()
        self.mask(lambda x, y: 255 if y < 20 else 0, folder, ".png")
        self.learn("--masks", folder)
        self.assertEqual(self.embedding(), beside)
        self.learn("--masks", folder, "--mask-background", 0.5)
        self.assertNotEqual(self.embedding(), beside)
        self.learn("--masks", folder, "--mask-background", 1)
        self.assertEqual(self.embedding(), whole)

    def test_a_resumed_run_must_have_the_same(self):
        self.mask(lambda x, y: 255 if y < 20 else 0)
        self.learn("--masks", "beside")
        self.assertEqual(self.go_on("--masks", "beside").returncode, 0)
        self.assertIn("--mask-background was 0.0 in the run", self.go_on("--masks", "beside", "--mask-background", 0.1).stderr)
        self.assertIn("--masks is not what it was in the run", self.go_on().stderr)
        self.mask(lambda x, y: 255 if y < 30 else 0, which=[1])
        self.assertIn(f'--masks: since the run in {self.out}, "{self.names[1]}" has another mask\n', self.go_on("--masks", "beside").stderr)

    def test_refusals(self):
        first = self.pictures / self.names[0].replace(".png", ".mask.png")
        self.refuse_learning("--masks", "beside", words=[self.names[0], str(first), "no such file"])
        self.mask(lambda x, y: 0)
        self.refuse_learning("--masks", "beside", words=[str(first), "not black"])
        self.mask(lambda x, y: 255)
        write_gray(first, 20, 10, lambda x, y: 255)
        self.refuse_learning("--masks", "beside", words=[str(first), "found 20 x 10", self.names[0]])
        first.write_bytes((FROG / "twemoji.png").read_bytes())
        self.refuse_learning("--masks", "beside", words=[str(first), "grays"])
        self.refuse_learning("--masks", self.pictures, words=["--masks", "--masks beside"])
        self.refuse_learning("--masks", self.folder / "no", words=[str(self.folder / "no" / self.names[0]), "no such file"])
        self.refuse_learning("--mask-background", 0.5, words=["--mask-background", "--masks"])
        for weight in [-0.1, 1.5, "nan"]:
            self.refuse_learning("--masks", "beside", "--mask-background", weight, words=["--mask-background", "0 to 1"])


if __name__ == "__main__":
    unittest.main()
