"""The program dvar as a user runs it: the main job, its files, interruption, and bad input."""

import json
import pathlib
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

import refusals
from program import DEMO, FROG, PROGRAM

SHORT = {"--max-steps": "3", "--samples": "1", "--sample-steps": "2", "--threads": "1"}


def run(*arguments):
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def header(file):
    data = pathlib.Path(file).read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length])


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out"

    def train(self, *more, images=FROG, token="<thing>", model="demo"):
        short = [word for option, value in SHORT.items() if option not in more for word in (option, value)]
        return run("train", "--model", model, "--images", images, "--token", token, "--output", self.out, *short, *more)

    def copy_of_demo(self):
        model = self.folder / "model"
        shutil.copytree(DEMO / "model", model)
        return model

    def expect_refusal(self, result, *words):
        refusals.expect_refusal(self, result, *words)
        left = [path for path in self.out.rglob("*") if path.is_file()] if self.out.is_dir() else []
        self.assertEqual(left, [], "a refused run leaves no files")


class MainJob(CommandLine):
    def test_leaves_everything_that_it_names(self):
        result = self.train("--held-out", FROG / "held-out", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        summary = json.loads(result.stdout)
        self.assertEqual(summary["stop_rule"], "step_limit")
        self.assertEqual(summary["step"], 3)
        self.assertEqual(summary["clip_image_similarity"]["references"], 2)
        self.assertTrue(summary["clip_image_similarity"]["held_out"])
        embedding = header(self.out / "learned_embeds.safetensors")
        self.assertEqual(embedding["<thing>"]["dtype"], "F32")
        self.assertEqual(header(self.out / "learned_embeds_a1111.safetensors")["emb_params"]["shape"][0], 1)
        for name in ["report.html", "curves.svg", "config.json", "samples/before.png", "samples/after.png",
                     "sheet.png"]:
            self.assertGreater((self.out / name).stat().st_size, 0, name)
        lines = (self.out / "trace.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["step"] for line in lines], [1, 2, 3])

    def test_a_seed_gives_the_same_embedding_again(self):
        self.assertEqual(self.train().returncode, 0)
        first = (self.out / "learned_embeds.safetensors").read_bytes()
        self.assertEqual(self.train("--overwrite").returncode, 0)
        self.assertEqual(first, (self.out / "learned_embeds.safetensors").read_bytes())

    def test_samples_from_the_embedding(self):
        self.assertEqual(self.train().returncode, 0)
        pictures = self.folder / "pictures"
        result = run("sample", "--embedding", self.out / "learned_embeds.safetensors", "--count", 2, "--steps", 2,
                     "--output", pictures)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(path.name for path in pictures.iterdir()), ["000.png", "001.png", "dvar.json", "grid.png"])

    def test_inspects_models_and_files(self):
        result = run("inspect", "demo")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Complete", result.stdout)
        self.assertEqual(run("inspect", DEMO / "model" / "vae" / "diffusion_pytorch_model.safetensors").returncode, 0)

    def begin(self, *more):
        """A run in the background that has begun to train."""
        process = subprocess.Popen(
            [PROGRAM, "train", "--images", str(FROG), "--token", "<thing>", "--output", str(self.out),
             "--init", "token:green", "--samples", "0", "--threads", "1", *more],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)  # fmt: skip
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 120
        while process.poll() is None and not (self.out / "checkpoint" / "checkpoint.safetensors").exists():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        time.sleep(0.1)  # the first step has begun
        return process

    def interrupt(self, process):
        process.send_signal(signal.SIGINT)
        _, messages = process.communicate(timeout=120)
        return messages

    def go_on(self, *more):
        images = [] if "--images" in more else ["--images", FROG]
        return run("train", *images, "--token", "<thing>", "--output", self.out, "--init", "token:green",
                   "--samples", "0", "--threads", "1", "--resume", *more)  # fmt: skip

    def test_an_interrupted_run_goes_on(self):
        options = ["--batch", "1", "--probe-batch", "1", "--max-steps", "120"]
        process = self.begin(*options)
        time.sleep(1.0)
        messages = self.interrupt(process)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn("same command with --resume goes on", messages)
        self.assertFalse((self.out / "learned_embeds.safetensors").exists())
        trace = self.out / "trace.jsonl"
        taken = len(trace.read_text().splitlines())
        self.assertTrue(0 < taken < 120, taken)
        configuration = (self.out / "config.json").read_text()
        other = self.go_on("--batch", "2", *options[2:])
        self.assertEqual(other.returncode, 1)
        self.assertIn(f"--resume: --batch was 1 in the run in {self.out} and is 2 now", other.stderr)
        # Every concept's pictures have the same names.
        other = self.go_on(*options, "--images", FROG.parent / "panda")
        self.assertEqual(other.returncode, 1)
        self.assertIn(f'--resume: --images: since the run in {self.out}, "fluent-flat.png" has changed', other.stderr)
        self.assertEqual(len(trace.read_text().splitlines()), taken)
        self.assertEqual((self.out / "config.json").read_text(), configuration)
        result = self.go_on(*options)
        self.assertEqual(result.returncode, 0, result.stderr)
        names = ["learned_embeds.safetensors", "learned_embeds_best.safetensors", "trace.jsonl", "config.json"]
        resumed = {name: (self.out / name).read_bytes() for name in names}
        result = run("train", "--images", FROG, "--token", "<thing>", "--output", self.out, "--init", "token:green",
                     "--samples", "0", "--threads", "1", "--overwrite", *options)  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in names:
            self.assertEqual(resumed[name], (self.out / name).read_bytes(), name)

    def test_a_terminal_that_is_closed_leaves_a_checkpoint(self):
        process = self.begin("--batch", "1", "--probe-batch", "1", "--max-steps", "100000")
        process.send_signal(signal.SIGHUP)
        _, messages = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 130, messages)

    # One step of several seconds.
    def test_an_interruption_of_the_last_step_is_noticed_and_a_second_one_ends_it(self):
        options = ["--max-steps", "1", "--accumulation", "60", "--probe-every", "0", "--stop", "steps:1"]
        process = self.begin(*options, "--overwrite")
        messages = self.interrupt(process)
        self.assertEqual(process.returncode, 130, messages)
        self.assertIn("step 1; the same command with --resume in place of --overwrite", messages)
        self.assertFalse((self.out / "learned_embeds.safetensors").exists())
        result = self.go_on(*options)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue((self.out / "learned_embeds.safetensors").exists())
        shutil.rmtree(self.out)
        # Long enough for two signals, however fast the machine is.
        process = self.begin("--max-steps", "1", "--accumulation", "2000", "--probe-every", "0", "--stop", "steps:1")
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        self.assertIsNone(process.poll(), "the first one waits for the step")
        self.interrupt(process)
        self.assertEqual(process.returncode, -signal.SIGINT)


class Computing(CommandLine):
    def embedding_of(self, *options):
        result = self.train(*options, "--overwrite")
        self.assertEqual(result.returncode, 0, result.stderr)
        return (self.out / "learned_embeds.safetensors").read_bytes()

    def test_networks_in_half_the_bytes(self):
        exact = self.embedding_of()
        rounded = self.embedding_of("--precision", "bf16")
        self.assertNotEqual(exact, rounded)
        self.assertEqual(header(self.out / "learned_embeds.safetensors")["<thing>"]["dtype"], "F32")
        configuration = json.loads((self.out / "config.json").read_text())
        self.assertEqual((configuration["precision"], configuration["device"]), ("bf16", "cpu"))

    def test_checkpointing_changes_nothing(self):
        self.assertEqual(self.embedding_of(), self.embedding_of("--gradient-checkpointing"))

    def test_what_cannot_compute_is_refused(self):
        self.expect_refusal(self.train("--precision", "fp8"), "--precision", "bf16", "fp8")
        self.expect_refusal(self.train("--attention", "none"), "--attention", "sliced", "none")
        self.expect_refusal(self.train("--device", "gpu"), "--device", "cuda:N", "gpu")
        self.expect_refusal(self.train("--device", "cuda:1x"), "--device", "cuda:N", "cuda:1x")
        self.expect_refusal(self.train("--device", "cuda:250"), "--device cuda:250")


class BadInput(CommandLine):
    def test_a_dry_run_says_what_memory_it_would_take_and_writes_nothing(self):
        said = self.train("--dry-run", "--quiet")
        self.assertEqual((said.returncode, said.stderr), (0, ""))
        self.assertRegex(said.stdout, r"^Memory on cpu: about \d+ MB \(networks 35 MB, .*; .* are free\.\n$")
        counted = json.loads(self.train("--dry-run", "--json").stdout)
        half = json.loads(self.train("--dry-run", "--json", "--precision", "bf16").stdout)
        self.assertAlmostEqual(half["networks"] / counted["networks"], 0.5, places=2)
        self.assertGreaterEqual(counted["most"], counted["networks"] + max(counted["step"], counted["samples"]))
        self.assertFalse(self.out.exists())

    def test_a_run_that_no_memory_holds_is_refused_at_once(self):
        refused = self.train("--batch", "1000000000000")
        refusals.expect_refusal(self, refused, "--batch 1000000000000", "of it free", "a smaller --batch", "--micro-batch 1")
        refusals.expect_refusal(self, self.train("--batch", "1000000000000000000"), "more bytes than can be counted")
        self.assertFalse(self.out.exists())

    def test_missing_folder(self):
        self.expect_refusal(self.train(images=self.folder / "nowhere"), self.folder / "nowhere")

    def test_no_pictures(self):
        (self.folder / "empty").mkdir()
        (self.folder / "empty" / "notes.txt").write_text("no picture")
        self.expect_refusal(self.train(images=self.folder / "empty"), self.folder / "empty")

    def test_broken_picture(self):
        images = self.folder / "images"
        shutil.copytree(FROG, images)
        (images / "broken.png").write_bytes((FROG / "noto.png").read_bytes()[:300])
        self.expect_refusal(self.train(images=images), "broken.png")

    def test_token_that_exists(self):
        self.expect_refusal(self.train(token="green"), "green")
        self.expect_refusal(self.train(token="<|endoftext|>"), "<|endoftext|>")

    def test_missing_model(self):
        self.expect_refusal(self.train(model=self.folder / "no-model"), self.folder / "no-model")

    def test_model_with_a_missing_file(self):
        model = self.copy_of_demo()
        (model / "unet" / "diffusion_pytorch_model.safetensors").unlink()
        self.expect_refusal(self.train(model=model), "unet")

    def test_model_with_a_truncated_file(self):
        model = self.copy_of_demo()
        weights = model / "vae" / "diffusion_pytorch_model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-1000])
        self.expect_refusal(self.train(model=model), weights)

    def test_output_that_is_a_file(self):
        self.out.write_text("in the way")
        result = self.train()
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn(str(self.out), result.stderr)
        self.assertEqual(self.out.read_text(), "in the way")

    def test_output_in_use(self):
        self.assertEqual(self.train().returncode, 0)
        before = (self.out / "learned_embeds.safetensors").read_bytes()
        result = self.train()
        self.assertEqual(result.returncode, 1)
        self.assertIn("--overwrite", result.stderr)
        self.assertEqual(before, (self.out / "learned_embeds.safetensors").read_bytes())

    def test_nothing_of_a_replaced_run_is_left(self):
        self.assertEqual(self.train().returncode, 0)
        own = self.out / "samples" / "notes.txt"
        own.write_text("kept")
        result = self.train("--overwrite", "--init", f"file:{self.out / 'learned_embeds.safetensors'}")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--init", result.stderr)
        result = self.train("--overwrite", "--samples", "0", "--probe-every", "0", "--stop", "steps:1",
                            "--no-tensorboard")  # fmt: skip
        self.assertEqual(result.returncode, 0, result.stderr)
        left = sorted(str(path.relative_to(self.out)) for path in self.out.rglob("*") if path.is_file())
        self.assertEqual(left, ["checkpoint/checkpoint.previous.safetensors", "checkpoint/checkpoint.safetensors",
                                "config.json", "curves.svg", "dvar.json", "learned_embeds.safetensors", "learned_embeds_a1111.safetensors", "report.html",
                                "samples/notes.txt", "trace.jsonl"])  # fmt: skip

    def test_what_only_the_samples_would_show_is_known_at_once(self):
        broken = self.folder / "held-out"
        broken.mkdir()
        (broken / "broken.png").write_bytes((FROG / "noto.png").read_bytes()[:300])
        self.expect_refusal(self.train("--held-out", broken), "broken.png")
        self.expect_refusal(self.train("--sample-steps", "2000"), "--sample-steps 2000", "1000")
        self.expect_refusal(self.train("--stop", "clip", "--score-steps", "2000"), "--score-steps 2000", "1000")

    def test_a_refused_sample_leaves_nothing(self):
        latents = self.folder / "latents.safetensors"
        for option, value in [("--steps", "2000"), ("--sampler", "heun"), ("--eta", "-1")]:
            result = run("sample", "--prompt", "a frog", "--output", self.out, "--latents", latents, option, value)
            self.expect_refusal(result)
            self.assertFalse(self.out.exists())
            self.assertFalse(latents.exists())
        sampled = ["sample", "--prompt", "a frog", "--output", self.folder / "drawn", "--latents", latents, "--steps", 1]
        self.assertEqual(run(*sampled, "--count", 1).returncode, 0)
        self.expect_refusal(run(*sampled, "--count", 1), "--count", latents)
        self.assertEqual(run(*sampled, "--overwrite").returncode, 0)

    def test_nothing_to_resume(self):
        self.expect_refusal(self.train("--resume"), "--resume")

    def test_options_out_of_range(self):
        self.expect_refusal(self.train("--threshold", "1.5"), "--threshold")
        self.expect_refusal(self.train("--batch", "0"), "--batch")
        self.expect_refusal(self.train("--micro-batch", "0"), "--micro-batch")
        self.expect_refusal(self.train("--init", "words"), "--init")
        self.expect_refusal(self.train("--prompt", "no place"), "--prompt")

    def test_what_is_misspelt_may_be_meant(self):
        for words, meant in [(["train", "--imges", "x"], "--images"), (["trian"], "train"), (["replay", "x", "--stopp=y"], "--stop"),
                             (["train", "--learningrate", "1"], "--learning-rate")]:  # fmt: skip
            result = run(*words)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"is it {meant}?", result.stderr)
        self.assertEqual(run("train", "--zebra", "x").returncode, 2)

    def test_help_and_version(self):
        self.assertEqual(run("help", "train").stdout, run("train", "--help").stdout)
        self.assertEqual(run("help").stdout, run("--help").stdout)
        self.assertRegex(run("--version").stdout, r"^dvar \d+\.\d+\.\d+, LibTorch \d+\.\d+\S*, \w+")

    def test_numbers_are_decimal_or_refused(self):
        self.assertEqual(self.train("--batch", "010", "--max-steps", "1").returncode, 0)
        self.assertEqual(json.loads((self.out / "config.json").read_text())["batch"], 10)
        for option, value in [("--batch", "0x10"), ("--seed", "-1"), ("--seed", "18446744073709551616"), ("--batch", "4.0"),
                              ("--flip", "0,5"), ("--batch", "1e1")]:  # fmt: skip
            self.assertEqual(self.train(option, value, "--overwrite").returncode, 2, value)

    def test_numbers_that_cannot_be_computed_with(self):
        for option, value in [("--learning-rate", "1e38"), ("--window", "18446744073709551615"), ("--vectors", "1000000000000")]:
            self.expect_refusal(self.train(option, value), value if option != "--learning-rate" else option)
        self.expect_refusal(self.train("--optimizer", "sam", "--sam-radius", "1e300"), "--sam-radius")

    def test_models_that_cannot_be_computed_with(self):
        for file, key, value in [("unet", "sample_size", 0), ("vae", "scaling_factor", 0), ("vae", "scaling_factor", -1)]:
            model = self.copy_of_demo()
            config = model / file / "config.json"
            config.write_text(json.dumps({**json.loads(config.read_text()), key: value}))
            self.expect_refusal(self.train(model=model), config, key)
            shutil.rmtree(model)

    def test_tokens_that_are_taken_come_with_one_that_is_free(self):
        self.expect_refusal(self.train(token="green"), "'<green>' is free")
        for token in ["__metadata__", "emb_params", "my frog", ""]:
            self.expect_refusal(self.train(token=token), "--token", "one word")

    def test_what_does_not_fit_into_memory_is_known_at_once(self):
        for option in ["--batch", "--probe-batch", "--probe-accumulation", "--samples"]:
            self.expect_refusal(self.train(option, "1000000000000"), option, "memory")
        result = run("sample", "--prompt", "a frog", "--count", "1000000000000", "--output", self.out)
        self.expect_refusal(result, "--count", "memory")

    def test_inspects_the_folder_of_a_run(self):
        self.assertEqual(self.train().returncode, 0)
        result = run("inspect", self.out)
        self.assertEqual(result.returncode, 0, result.stderr)
        for words in ["is a folder of dvar train", "token          <thing>", "the limit of 3 steps is reached", "F32"]:
            self.assertIn(words, result.stdout)

    def test_what_stands_in_the_place_of_a_model_is_named(self):
        result = run("train", "--model", "runwayml/stable-diffusion-v1-5", "--images", FROG, "--token", "<t>", "--output", self.out)
        self.expect_refusal(result, "hf download runwayml/stable-diffusion-v1-5")
        model = self.copy_of_demo()
        (model / "text_encoder_2").mkdir()
        (model / "model_index.json").write_text('{"_class_name": "KolorsPipeline"}')
        self.expect_refusal(self.train(model=model), model, "KolorsPipeline")
        (model / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
        self.expect_refusal(self.train(model=model), model / "text_encoder_2" / "config.json")
        (model / "text_encoder").rename(model / "other")
        self.expect_refusal(self.train(model=model), model, "refiner of Stable Diffusion XL")
        weights = self.folder / "page.safetensors"
        weights.write_text("<!DOCTYPE html><title>404</title>")
        self.expect_refusal(self.train(model=weights), weights, "an HTML page")
        for name, content in {"style.PT": b"PK\x03\x04", "style.Bin": b"\x80\x04N." + bytes(8)}.items():
            (self.folder / name).write_bytes(content)
            self.expect_refusal(self.train("--init", f"file:{self.folder / name}"), name, "torch.save")

    def test_a_model_in_the_cache_of_the_hub_is_found_from_its_root(self):
        root = self.folder / "models--me--demo"
        shutil.copytree(DEMO / "model", root / "snapshots" / "0123abcd")
        self.assertEqual(run("inspect", root).returncode, 0)
        shutil.copytree(DEMO / "model", root / "snapshots" / "4567")
        self.expect_refusal(run("inspect", root), root / "snapshots", "0123abcd, 4567")
        (root / "refs").mkdir()
        (root / "refs" / "main").write_text("4567")
        self.assertEqual(run("inspect", root).returncode, 0)

    def test_an_embedding_for_two_encoders_is_named(self):
        file = self.folder / "xl.safetensors"
        entries = {name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]} for i, name in enumerate(["clip_g", "clip_l"])}
        text = json.dumps(entries).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
        result = run("sample", "--embedding", file, "--output", self.out)
        self.expect_refusal(result, file, "expected vectors of 160 numbers for this model, found 1 and 1")

    def test_names_of_files_do_not_break_the_line_of_an_error(self):
        images = self.folder / "pictures\nof \x1b[31mmine"
        images.mkdir()
        self.expect_refusal(self.train(images=images), "pictures\\nof \\x1b[31mmine")

    def test_names_in_files_do_not_reach_the_terminal_as_they_are(self):
        file = self.folder / "names.safetensors"
        entries = {"a\u001b[31mb\u009b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
        text = json.dumps(entries, ensure_ascii=False).encode()
        file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(4))
        result = run("inspect", file)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"a\\u001b[31mb\\u009b"', result.stdout)

    def test_steps_of_a_trace_must_rise(self):
        trace = self.folder / "trace.csv"
        trace.write_text("step,probe_loss\n5,1\n4,2\n")
        self.expect_refusal(run("replay", trace), trace, "4", "5", "rise")

    def test_a_damaged_picture_says_how(self):
        images = self.folder / "images"
        images.mkdir()
        data = bytearray((FROG / "noto.png").read_bytes())
        data[-5] ^= 1
        data[60] ^= 1
        (images / "a.png").write_bytes(data)
        result = self.train(images=images)
        self.expect_refusal(result, "a.png")
        self.assertNotIn("unknown", result.stderr)


if __name__ == "__main__":
    unittest.main()
