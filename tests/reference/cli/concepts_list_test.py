"""Several concepts that are learned together from the command line: what a run leaves, going on with it, and what is refused."""

import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from pictures import size_of, write_gray
from png_pixels import pixels_of
from program import CONCEPTS, PROGRAM
from refusals import expect_refusal
from tensor_bytes import tensor_bytes

WEIGHTS = "pytorch_custom_diffusion_weights.safetensors"
EMBEDDINGS = [f"<new{i}>{part}.safetensors" for i in [1, 2] for part in ["", "_a1111", "_best", "_best_a1111"]]


class ConceptsList(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        for name, pictures in {"panda": 4, "cherries": 2}.items():
            (cls.shared / name).mkdir()
            for file in sorted((CONCEPTS / name).glob("*.png"))[:pictures]:
                shutil.copy(file, cls.shared / name)
        cls.list = cls.shared / "concepts.json"
        cls.entries = [
            {"instance_data_dir": "panda", "modifier_token": "<new1>", "initializer_token": "black"},
            {"instance_data_dir": "cherries", "modifier_token": "<new2>", "initializer_token": "red"},
        ]
        cls.list.write_text(json.dumps(cls.entries))
        cls.out = cls.shared / "out"
        result = cls.train(cls.out, "--max-steps", 4, "--snapshot-every", 2, samples=1)
        assert result.returncode == 0, result.stderr
        cls.said = result.stderr
        cls.summary = json.loads(result.stdout)

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    @classmethod
    def run_program(cls, *arguments):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)

    @classmethod
    def train(cls, output, *more, samples=0, of=None):
        return cls.run_program("train", "--method", "custom-diffusion", "--concepts-list", of or cls.list, "--output", output,
                               "--batch", 2, "--probe-batch", 2, "--kv-learning-rate", 0.01, "--learning-rate", 0.02,
                               "--samples", samples, "--sample-steps", 2, "--threads", 1, "--json", "--cache", cls.shared / "cache",
                               *more)  # fmt: skip

    def listed(self, *changes):
        """A list whose entries have these keys besides, in the folder of the first."""
        file = self.shared / f"{self.id()}.json"
        file.write_text(json.dumps([entry | change for entry, change in zip(self.entries, changes)]))
        return file

    def test_a_run_leaves_the_weights_once_and_a_file_for_each_token(self):
        names = sorted(file.name for file in self.out.glob("*.safetensors"))
        self.assertEqual(names, sorted([*EMBEDDINGS, WEIGHTS, WEIGHTS.replace(".", "_best.")]))
        for concept, token in zip(self.summary["concepts"], ["<new1>", "<new2>"]):
            self.assertEqual(concept["token"], token)
            self.assertEqual(pathlib.Path(concept["embedding"]).name, f"{token}.safetensors")
            self.assertEqual(pathlib.Path(concept["best_embedding"]).name, f"{token}_best.safetensors")
            self.assertNotEqual(concept["clip_image_similarity"]["before"], concept["clip_image_similarity"]["after"])
            samples = {file.name for file in (self.out / "samples" / token).iterdir()}
            self.assertEqual(samples, {"before.png", "before-000.png", "after.png", "after-000.png"})
        self.assertEqual([concept["clip_image_similarity"]["references"] for concept in self.summary["concepts"]], [4, 2])
        self.assertEqual([pathlib.Path(file).name for file in self.summary["custom_diffusion"]][0], WEIGHTS)
        snapshots = {file.name for file in (self.out / "snapshots").iterdir()}
        self.assertIn("<new2>-steps-2.safetensors", snapshots)

    def test_files_and_report_name_their_tokens(self):
        def metadata(name):
            data = (self.out / name).read_bytes()
            return json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]

        one, all_of_them = metadata("<new2>.safetensors"), metadata(WEIGHTS)
        self.assertEqual([one["modelspec.trigger_phrase"], one["ss_num_train_images"], one["dvar.initial"]], ["<new2>", "2", "red"])
        self.assertEqual([all_of_them["modelspec.trigger_phrase"], all_of_them["ss_num_train_images"]], ["<new1>, <new2>", "6"])
        inspected = self.run_program("inspect", self.out)
        self.assertEqual(inspected.returncode, 0, inspected.stderr)
        for words in ["<new1>", "<new2>", "black", "red", "# dvar.chosen = that of step"]:
            self.assertIn(words, inspected.stdout)
        self.assertIn(r"CLIP image similarity of \u003cnew2>", (self.out / "report.html").read_text())
        config = json.loads((self.out / "config.json").read_text())
        self.assertEqual([entry["modifier_token"] for entry in config["concepts_list"]], ["<new1>", "<new2>"])
        self.assertEqual([len(entry["images"]["names"]) for entry in config["concepts_list"]], [4, 2])

    def test_samples_take_both_tokens_back(self):
        def sample(name, *tokens, prompt):
            options = [word for token in tokens for word in ["--embedding", self.out / f"{token}.safetensors"]]
            result = self.run_program("sample", *options, "--custom-diffusion", self.out / WEIGHTS, "--prompt", prompt, "--count", 1,
                                      "--steps", 2, "--threads", 1, "--output", self.folder / name)  # fmt: skip
            self.assertEqual(result.returncode, 0, result.stderr)
            return pixels_of(self.folder / name / "000.png")

        both = sample("both", "<new1>", "<new2>", prompt="a <new1> beside a <new2>")
        self.assertNotEqual(both, sample("turned", "<new1>", "<new2>", prompt="a <new2> beside a <new1>"))
        self.assertEqual(both, sample("in another order", "<new2>", "<new1>", prompt="a <new1> beside a <new2>"))
        score = self.run_program("score", "--images", self.shared / "cherries", "--samples", self.out / "samples" / "<new2>", "--json")
        self.assertEqual((score.returncode, score.stderr), (0, ""))
        expected = self.summary["concepts"][1]["clip_image_similarity"]["after"]
        self.assertAlmostEqual(json.loads(score.stdout)["clip_score"], expected, places=2)

    def test_both_tokens_learn_and_a_resumed_run_is_the_same(self):
        whole = self.folder / "whole"
        self.assertEqual(self.train(whole, "--max-steps", 3).returncode, 0)
        part = self.folder / "part"
        self.assertEqual(self.train(part, "--max-steps", 2).returncode, 0)
        begun = [tensor_bytes(part / f"<new{i}>.safetensors") for i in [1, 2]]
        self.assertEqual(self.train(part, "--max-steps", 3, "--resume").returncode, 0)
        for i in [1, 2]:
            learned = tensor_bytes(whole / f"<new{i}>.safetensors")
            self.assertEqual(tensor_bytes(part / f"<new{i}>.safetensors"), learned)
            self.assertNotEqual(begun[i - 1], learned)
        self.assertEqual(tensor_bytes(part / WEIGHTS), tensor_bytes(whole / WEIGHTS))

    def test_another_list_is_another_run(self):
        out = self.folder / "out"
        self.assertEqual(self.train(out, "--max-steps", 1).returncode, 0)
        saved = (out / WEIGHTS).read_bytes()
        for change, words in [
            ({"modifier_token": "<new3>"}, ["entry 2: modifier_token was <new2>", "is <new3> now"]),
            ({"initializer_token": "green"}, ["entry 2: the word that its token begins as was red"]),
            ({"instance_prompt": "my <new2>"}, ["entry 2: instance_prompt was not set"]),
            ({"instance_data_dir": "panda"}, ["entry 2: images: since the run in"]),
        ]:
            result = self.train(out, "--max-steps", 2, "--resume", of=self.listed({}, change))
            expect_refusal(self, result, "--resume: ", "--concepts-list: ", *words)
        self.assertEqual((out / WEIGHTS).read_bytes(), saved)

    def test_overwriting_removes_the_files_of_other_tokens(self):
        out = self.folder / "out"
        self.assertEqual(self.train(out, "--max-steps", 1, samples=1).returncode, 0)
        self.assertEqual(self.train(out, "--max-steps", 1, "--overwrite", of=self.listed({}, {"modifier_token": "<new3>"})).returncode, 0)
        self.assertEqual(list(out.glob("<new2>*")), [])
        self.assertTrue((out / "<new3>.safetensors").exists())
        self.assertEqual(list(out.glob("samples/*/*.png")), [])
        inside = self.folder / "inside.json"
        inside.write_text(json.dumps([self.entries[0] | {"instance_data_dir": str(self.out / "samples" / "<new1>")},
                                      self.entries[1] | {"instance_data_dir": str(self.shared / "cherries")}]))  # fmt: skip
        expect_refusal(self, self.train(self.out, "--overwrite", of=inside), "--concepts-list", "--overwrite")

    def test_classes_are_kept_by_their_own_pictures(self):
        kept = [{"class_prompt": "a photo of an animal"}, {"class_prompt": "a photo of a fruit", "class_data_dir": "cherries"}]
        result = self.train(self.folder / "out", "--max-steps", 1, "--class-count", 2, of=self.listed(*kept))
        self.assertEqual(result.returncode, 0, result.stderr)
        entries = json.loads((self.folder / "out" / "config.json").read_text())["concepts_list"]
        self.assertEqual([entry["class_prompt"] for entry in entries], [each["class_prompt"] for each in kept])
        self.assertNotEqual(*(entry["class_pictures"]["content"] for entry in entries))
        drawn = list((self.shared / "cache" / "class-pictures").glob("*/*.png"))
        self.assertEqual(len(drawn), 2, "of the class that has no folder")

    def test_captions_and_masks_are_of_each_picture(self):
        for name in ["panda", "cherries"]:
            shutil.copytree(self.shared / name, self.folder / name)
            for picture in sorted((self.folder / name).glob("*.png")):
                picture.with_suffix(".txt").write_text("a drawing of {}\n")
                width, height = size_of(picture)
                write_gray(picture.with_suffix(".mask.png"), width, height, lambda x, y: 255 if y < 20 else 0)
        file = self.folder / "concepts.json"
        file.write_text(json.dumps(self.entries))
        options = ["--captions", "--masks", "beside", "--no-rescale", "--max-steps", 1]
        result = self.train(self.folder / "out", *options, of=file)
        self.assertEqual(result.returncode, 0, result.stderr)
        entries = json.loads((self.folder / "out" / "config.json").read_text())["concepts_list"]
        self.assertEqual([len(entry["captions"]) for entry in entries], [4, 2])
        self.assertEqual([len(entry["masks"]["content"]) for entry in entries], [4, 2])
        for caption in (self.folder / "cherries").glob("*.txt"):
            caption.write_text("a drawing of <new1>\n")
        expect_refusal(self, self.train(self.folder / "none", *options, of=file), "--captions", "the token <new2>")
        self.assertFalse((self.folder / "none").exists())

    def test_what_cannot_be_used_is_refused_before_anything_is_written(self):
        out = self.folder / "out"
        for entry, words in [
            ({"modifier_token": "red"}, ["entry 2: ", "red"]),  # a word of the model
            ({"instance_data_dir": "."}, ["entry 2: ", "no pictures in the folder", str(self.shared)]),  # no pictures in it
        ]:
            expect_refusal(self, self.train(out, "--max-steps", 1, of=self.listed({}, entry)), *words)
        expect_refusal(self, self.train(out, "--images", self.shared / "panda"), "--images", "no --concepts-list")
        expect_refusal(self, self.train(out, of=self.shared / "missing.json"), "missing.json")
        self.assertFalse(out.exists())

    def test_a_sweep_has_no_list(self):
        grid = self.folder / "grid.json"
        grid.write_text(json.dumps({"method": "custom-diffusion", "concepts-list": str(self.list)}))
        result = self.run_program("sweep", "--grid", grid, "--concepts", self.shared, "--output", self.folder / "sweep")
        expect_refusal(self, result, "--concepts-list")


if __name__ == "__main__":
    unittest.main()
