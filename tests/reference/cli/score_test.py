"""`dvar score`, and the scores in a run's trace, with real samples of the bundled model and a second encoder with random
weights. tests/parity/test_scores.py compares the numbers with those of the peers."""

import array
import json
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import unittest

from program import DEMO, FROG, PROGRAM
from refusals import expect_refusal

NAMES = ["clip_score", "text_score", "clip_diversity", "identity_score", "identity_diversity"]
WIDTH, FEED_FORWARD, EDGE, PATCH = 12, 24, 32, 8


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def encoder_shapes():
    shapes = {
        "embeddings.cls_token": [1, 1, WIDTH],
        "embeddings.position_embeddings": [1, 1 + (EDGE // PATCH) ** 2, WIDTH],
        "embeddings.patch_embeddings.projection.weight": [WIDTH, 3, PATCH, PATCH],
        "embeddings.patch_embeddings.projection.bias": [WIDTH],
        "layernorm.weight": [WIDTH],
        "layernorm.bias": [WIDTH],
    }
    layer = {"layernorm_before.weight": [WIDTH], "layernorm_before.bias": [WIDTH], "layernorm_after.weight": [WIDTH],
             "layernorm_after.bias": [WIDTH], "attention.output.dense.weight": [WIDTH, WIDTH],
             "attention.output.dense.bias": [WIDTH], "intermediate.dense.weight": [FEED_FORWARD, WIDTH],
             "intermediate.dense.bias": [FEED_FORWARD], "output.dense.weight": [WIDTH, FEED_FORWARD],
             "output.dense.bias": [WIDTH]}  # fmt: skip
    for name in ["query", "key", "value"]:
        layer[f"attention.attention.{name}.weight"] = [WIDTH, WIDTH]
        layer[f"attention.attention.{name}.bias"] = [WIDTH]
    return shapes | {f"encoder.layer.0.{name}": shape for name, shape in layer.items()}


def put_encoder(folder, leave_out=(), **config):
    """A ViTModel's directory as transformers saves it."""
    folder.mkdir(parents=True, exist_ok=True)
    draws = random.Random(5)
    header, data = {}, b""
    for name, shape in encoder_shapes().items():
        if name in leave_out:
            continue
        count = 1
        for size in shape:
            count *= size
        values = array.array("f", (draws.gauss(0, 0.3) for _ in range(count)))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * count]}
        data += values.tobytes()
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(
        {"model_type": "vit", "hidden_size": WIDTH, "intermediate_size": FEED_FORWARD, "num_attention_heads": 2,
         "num_hidden_layers": 1, "image_size": EDGE, "patch_size": PATCH, **config}))  # fmt: skip
    (folder / "preprocessor_config.json").write_text(json.dumps(
        {"size": 40, "resample": 3, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}))  # fmt: skip
    return folder


class Score(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.shared)
        cls.encoder = put_encoder(cls.shared / "encoder")
        cls.run_folder = cls.shared / "run"
        trained = run("train", "--images", FROG, "--token", "<thing>", "--output", cls.run_folder, "--init", "token:green+apple",
                      "--max-steps", 6, "--batch", 1, "--probe-batch", 1, "--threads", 1, "--samples", 2, "--sample-steps", 2,
                      "--score-every", 3, "--score-samples", 2, "--score-steps", 2, "--identity", cls.encoder,
                      "--json")  # fmt: skip
        assert trained.returncode == 0, trained.stderr
        cls.summary = json.loads(trained.stdout)
        cls.embedding = cls.run_folder / "learned_embeds.safetensors"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def score(self, *arguments, images=FROG):
        result = run("score", "--images", images, "--threads", 1, "--json", *arguments)
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def copy_of_demo_without_clip(self):
        model = self.folder / "model"
        shutil.copytree(DEMO / "model", model)
        shutil.rmtree(model / "image_encoder")
        return model

    def refuse(self, *arguments, words):
        expect_refusal(self, run("score", *arguments), *words)


class Scores(Score):
    def test_what_an_embedding_draws_scores_as_what_sample_writes(self):
        drawing = ["--count", 2, "--steps", 2, "--seed", 3]
        drawn = run("sample", "--embedding", self.embedding, "--output", self.folder / "drawn", "--threads", 1, *drawing)
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        own = self.score("--embedding", self.embedding, "--identity", self.encoder, *drawing)
        read = self.score("--samples", self.folder / "drawn", "--identity", self.encoder, "--class-word", "green apple")
        self.assertEqual(own, read)
        self.assertEqual(own["prompt"], "a photo of a green apple", "what the run's token began as")
        self.assertEqual((own["samples"], own["pictures"]), (2, 4))
        for name in NAMES:
            self.assertIsInstance(own[name], float, name)
            self.assertTrue(0 < abs(own[name]) < 1, own)
        other = self.score("--embedding", self.embedding, "--count", 2, "--steps", 2, "--seed", 4)
        self.assertNotEqual(other["clip_score"], own["clip_score"])

    def test_of_a_run_the_samples_after_training(self):
        found = self.score("--samples", self.run_folder / "samples", "--identity", self.encoder)
        self.assertEqual(found["samples"], 2)
        # Those were scored before they were rounded to the levels of a file.
        self.assertAlmostEqual(found["clip_score"], self.summary["clip_image_similarity"]["after"], delta=2e-3)
        self.assertAlmostEqual(found["identity_score"], self.summary["identity_score"]["after"], delta=1e-6)
        self.assertIsNone(found["text_score"])
        self.assertIsNone(found["prompt"])

    def test_pictures_are_as_they_are_like_each_other(self):
        same = self.folder / "same"
        same.mkdir()
        for name in ["a.png", "b.png"]:
            shutil.copy(FROG / "noto.png", same / name)
        found = self.score("--samples", same, "--identity", self.encoder, images=same)
        self.assertAlmostEqual(found["clip_score"], 1, places=6)
        self.assertAlmostEqual(found["identity_score"], 1, places=6)
        self.assertEqual((found["clip_diversity"], found["identity_diversity"]), (0, 0))

    def test_what_there_is_nothing_to_measure_with_is_null(self):
        one = self.folder / "one"
        one.mkdir()
        shutil.copy(FROG / "noto.png", one / "a.png")
        found = self.score("--samples", one, "--prompt", "a green frog")
        self.assertIsInstance(found["clip_score"], float)
        self.assertIsInstance(found["text_score"], float)
        for name in ["clip_diversity", "identity_score", "identity_diversity"]:
            self.assertIsNone(found[name], name)
        found = self.score("--samples", one, "--identity", self.encoder, "--model", self.copy_of_demo_without_clip())
        self.assertEqual([name for name in NAMES if found[name] is not None], ["identity_score"])

    def test_as_a_table(self):
        result = run("score", "--images", FROG, "--samples", self.run_folder / "samples", "--threads", 1)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        self.assertIn("2 samples", lines[0])
        self.assertRegex(lines[1], r"^CLIP image +\d\.\d{4}  ")
        self.assertRegex(lines[2], r"^CLIP text +-  .*--class-word")
        self.assertRegex(lines[4], r"^Identity +-  .*--identity")

    def test_a_prompt_by_the_token_or_by_its_place(self):
        few = ["--embedding", self.embedding, "--count", 1, "--steps", 1, "--class-word", "frog"]
        by_token = self.score(*few, "--prompt", "a drawing of a <thing>")
        self.assertEqual(by_token, self.score(*few, "--prompt", "a drawing of a {}"))
        self.assertEqual(by_token["prompt"], "a drawing of a frog")


class Training(Score):
    def test_scores_in_the_trace(self):
        lines = [json.loads(line) for line in (self.run_folder / "trace.jsonl").read_text().splitlines()]
        for line in lines:
            self.assertEqual({name for name in NAMES if name in line}, set(NAMES) if line["step"] in (3, 6) else set(), line)
        # The same samples again, from the embedding: the noise is always the same.
        last = self.score("--embedding", self.embedding, "--count", 2, "--steps", 2, "--identity", self.encoder)
        for name in NAMES:
            self.assertAlmostEqual(lines[5][name], last[name], delta=2e-3, msg=name)
        self.assertNotEqual(lines[2]["identity_score"], lines[5]["identity_score"])

    def test_what_nothing_would_read_is_refused(self):
        for arguments, words in [(["--class-word", "frog"], ["--class-word", "--score-every"]),
                                 (["--identity", self.encoder, "--samples", 0], ["--identity", "--score-every"]),
                                 (["--identity", self.folder, "--score-every", 2], [self.folder / "config.json"])]:  # fmt: skip
            result = run("train", "--images", FROG, "--token", "<thing>", "--output", self.folder / "out", *arguments)
            self.assertEqual(result.returncode, 1, result.stdout)
            for word in words:
                self.assertIn(str(word), result.stderr)
            self.assertFalse((self.folder / "out").exists())


class Refusals(Score):
    def test_samples_that_cannot_be_used(self):
        empty = self.folder / "empty"
        empty.mkdir()
        self.refuse("--images", FROG, "--samples", empty, words=[empty, "it is empty"])
        self.refuse("--images", FROG, "--samples", self.folder / "none", words=[self.folder / "none", "does not exist"])
        self.refuse("--images", empty, "--samples", FROG, words=[empty, "no pictures"])
        shutil.copy(FROG / "noto.png", empty / "grid.png")
        self.refuse("--images", FROG, "--samples", empty, words=[empty, "grid.png alone"])
        (empty / "broken.png").write_bytes((FROG / "noto.png").read_bytes()[:100])
        self.refuse("--images", FROG, "--samples", empty, words=[empty / "broken.png"])

    def test_options_that_do_not_go_together(self):
        samples = ["--images", FROG, "--samples", FROG]
        drawn = ["--images", FROG, "--embedding", self.embedding]
        self.refuse("--images", FROG, words=["--samples", "--embedding", "none"])
        self.refuse(*samples, "--embedding", self.embedding, words=["--samples", "--embedding", "both"])
        for option in [["--steps", 3], ["--count", 3], ["--seed", 3], ["--precision", "bf16"]]:
            self.refuse(*samples, *option, words=[option[0], "--embedding"])
        self.refuse(*samples, "--prompt", "a {}", words=["--prompt", "--class-word"])
        self.refuse(*samples, "--prompt", "a frog", "--class-word", "frog", words=["--class-word", "a frog"])
        self.refuse(*drawn, "--prompt", "a frog", words=["--prompt", "<thing>", "a frog"])
        self.refuse(*drawn, "--count", 0, words=["--count", "at least 1"])

    def test_nothing_to_score_with(self):
        model = self.copy_of_demo_without_clip()
        self.refuse("--images", FROG, "--samples", FROG, "--model", model, words=["--clip", "--identity", model])

    def test_encoders_that_cannot_be_used(self):
        def refuse(*words):
            self.refuse("--images", FROG, "--samples", FROG, "--identity", self.folder, words=words)

        refuse(self.folder / "config.json")
        put_encoder(self.folder, model_type="dinov2")
        refuse(self.folder / "config.json", "model_type", "vit", "dinov2")
        put_encoder(self.folder, leave_out=["encoder.layer.0.layernorm_after.bias"])
        refuse("model.safetensors", "encoder.layer.0.layernorm_after.bias")
        put_encoder(self.folder)
        (self.folder / "model.safetensors").unlink()
        refuse("expected diffusion_pytorch_model.safetensors, model.safetensors or pytorch_model.bin")


if __name__ == "__main__":
    unittest.main()
