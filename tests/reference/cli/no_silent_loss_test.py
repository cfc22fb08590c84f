"""Nothing is lost in silence: parts of prompts, numbers that are not finite, bytes of checkpoints, runs that came to nothing."""

import json
import os
import pathlib
import resource
import shutil
import struct
import subprocess
import unittest

from png_pixels import pixels_of
from program import DEMO, FROG, PROGRAM
from refusals import expect_refusal
from tensor_bytes import tensor_bytes
from user_folders_test import Folders

NAN = struct.pack("<f", float("nan"))


def write_safetensors(file, name, shape, data, dtype="F32"):
    header = json.dumps({name: {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}).encode()
    header += b" " * (-len(header) % 8)
    pathlib.Path(file).write_bytes(struct.pack("<Q", len(header)) + header + data)


def flip(file, place):
    data = bytearray(file.read_bytes())
    data[place] ^= 0x40
    file.write_bytes(data)


class Prompts(Folders):
    def sample(self, *more):
        return self.run_program("sample", "--embedding", self.out / "learned_embeds.safetensors", "--count", 1, "--steps", 1,
                                "--output", self.folder / "drawn", "--overwrite", *more)  # fmt: skip

    def test_vectors_that_no_prompt_has_room_for_are_refused(self):
        for vectors in [12, 20, 100, 1000000000000]:
            result = self.learn("--vectors", vectors)
            expect_refusal(self, result, "<thing>", "14")
            self.assertFalse(self.out.exists())
        self.expect_success(self.learn("--vectors", 7))

    def test_a_token_that_is_cut_off_is_refused(self):
        self.expect_success(self.learn())
        words = "and so on " * 6
        expect_refusal(self, self.sample("--prompt", words + "<thing>"), "the prompt", "<thing>", "14 tokens", "found it at")
        result = self.run_program("score", "--images", FROG, "--embedding", self.out / "learned_embeds.safetensors", "--prompt",
                                  words + "{}")  # fmt: skip
        expect_refusal(self, result, "the prompt", "14 tokens")
        expect_refusal(self, self.learn("--prompt", words + "{}", samples=1, output=self.folder / "other"), "--prompt", "14 tokens")
        photos = self.folder / "photos"
        photos.mkdir()
        shutil.copy(FROG / "noto.png", photos)
        (photos / "noto.txt").write_text("a {}\n" + words + "{}")
        expect_refusal(self, self.learn("--captions", images=photos, output=self.folder / "other"), photos / "noto.txt", "14 tokens")

    def test_an_end_that_is_cut_off_is_said(self):
        self.expect_success(self.learn())
        result = self.expect_success(self.sample("--prompt", "a <thing> " + "and so on " * 6, "--quiet"))
        self.assertIn("is longer than the model reads and loses its end", result.stderr)

    def test_initial_words_are_not_taken_for_pieces_of_one(self):
        for words in ["frog,toad", "green frog", "frog;toad"]:
            expect_refusal(self, self.learn("--init", f"token:{words}"), "--init", "+ between them", words)

    def test_a_token_inside_of_words_is_refused(self):
        result = self.run_program("train", "--images", FROG, "--output", self.out, "--token", "oto", "--init", "token:green")
        expect_refusal(self, result, "oto", '"photo"', "<oto>")

    def test_hole_and_token_are_the_same_everywhere(self):
        self.expect_success(self.learn("--prompt", "a drawing of <thing>", "--sample-steps", 1, samples=1))
        drawn = []
        for prompt in ["a drawing of <thing>", "a drawing of {}"]:
            self.expect_success(self.sample("--prompt", prompt))
            drawn.append(pixels_of(self.folder / "drawn" / "000.png"))
        self.assertEqual(drawn[0], drawn[1])
        self.expect_success(self.sample("--prompt", "a drawing of <other>", "--token", "<other>"))
        self.assertEqual(pixels_of(self.folder / "drawn" / "000.png"), drawn[0])
        expect_refusal(self, self.sample("--prompt", "a drawing"), "--prompt", "<thing>")

    def test_a_name_that_cannot_be_a_token_can_be_given_anew(self):
        self.expect_success(self.learn())
        file = self.folder / "my frog.safetensors"
        shutil.copy(self.out / "learned_embeds_a1111.safetensors", file)
        draw = ["sample", "--embedding", file, "--count", 1, "--steps", 1, "--output", self.folder / "drawn"]
        expect_refusal(self, self.run_program(*draw), file, "--token")
        self.expect_success(self.run_program(*draw, "--token", "<frog>"))


class Finiteness(Folders):
    def test_embeddings(self):
        self.expect_success(self.learn())
        width = len((self.out / "learned_embeds.safetensors").read_bytes().split(b"}}")[1].lstrip()) // 4
        for number in [NAN, struct.pack("<f", float("inf"))]:
            file = self.folder / "bad.safetensors"
            write_safetensors(file, "<bad>", [width], b"\0" * (4 * width - 4) + number)
            drawn = self.folder / "drawn"
            result = self.run_program("sample", "--embedding", file, "--count", 1, "--steps", 1, "--output", drawn)
            expect_refusal(self, result, file, "finite")
            self.assertFalse(drawn.exists())
            result = self.run_program("train", "--images", FROG, "--token", "<thing>", "--output", self.folder / "other", "--init",
                                      f"file:{file}")  # fmt: skip
            expect_refusal(self, result, file, "finite")

    def test_weights(self):
        model = self.folder / "model"
        shutil.copytree(DEMO / "model", model)
        file = next((model / "vae").glob("*.safetensors"))
        data = bytearray(file.read_bytes())
        data[-2:] = b"\x00\x7e"  # fp16's NaN
        file.write_bytes(data)
        expect_refusal(self, self.learn("--model", model), file, "finite")


class Divergence(Folders):
    def test_has_a_status_of_its_own_and_keeps_the_last_good_embedding(self):
        self.expect_success(self.learn("--stop", "steps:1", "--learning-rate", 1e-30, "--weight-decay", 0))
        untouched = tensor_bytes(self.out / "learned_embeds.safetensors")
        for rate in ["1e30", "1e4"]:
            shutil.rmtree(self.out)
            result = self.learn("--learning-rate", rate, "--weight-decay", 0, "--json")
            self.assertEqual(result.returncode, 4, result.stderr)
            summary = json.loads(result.stdout)
            self.assertTrue(summary["diverged"])
            self.assertIn("the embedding is that of step 0", summary["stop_sentence"])
            self.assertEqual(tensor_bytes(self.out / "learned_embeds.safetensors"), untouched)
            self.assertEqual(self.learn("--learning-rate", rate, "--weight-decay", 0, "--resume").returncode, 4)

    def test_is_outside_of_the_comparison_of_a_sweep(self):
        concepts = self.folder / "concepts"
        shutil.copytree(FROG, concepts / "frog")
        grid = self.folder / "grid.json"
        common = {"init": "token:green", "batch": 1, "probe-batch": 1, "max-steps": 2, "threads": 1, "samples": 0}
        grid.write_text(json.dumps({"settings": {"good": {}, "wild": {"learning-rate": 1e30}}, "grid": common}))
        sweep = ["sweep", "--concepts", concepts, "--grid", grid, "--output", self.out, "--json"]
        result = self.expect_success(self.run_program(*sweep))
        summary = json.loads(result.stdout)
        self.assertEqual({run["setting"]: run["state"] for run in summary["runs"]}, {"good": "done", "wild": "diverged"})
        wild = next(setting for setting in summary["settings"] if setting["setting"] == "wild")
        self.assertEqual(wild["done"], 0)
        self.assertNotIn("step", wild)
        self.assertIn("diverged", (self.out / "sweep.md").read_text())
        self.expect_success(self.run_program(*sweep))
        self.assertEqual(json.loads((self.out / "frog" / "wild" / "run.json").read_text())["attempts"], 1)


class Resuming(Folders):
    def test_goes_back_to_the_checkpoint_before_a_damaged_one_with_a_word(self):
        self.expect_success(self.learn("--checkpoint-every", 1))
        expected = {name: (self.out / name).read_bytes() for name in ["learned_embeds.safetensors", "trace.jsonl"]}
        checkpoint = self.out / "checkpoint" / "checkpoint.safetensors"
        size = checkpoint.stat().st_size
        for place in [size - 1, size // 2, 20]:
            flip(checkpoint, place)
            result = self.expect_success(self.learn("--checkpoint-every", 1, "--resume"))
            self.assertIn("Going on from the checkpoint before the last", result.stderr)
            self.assertEqual(expected, {name: (self.out / name).read_bytes() for name in expected})

    def test_compares_what_is_in_the_model_and_in_what_the_token_begins_as(self):
        model = self.folder / "model"
        shutil.copytree(DEMO / "model", model)
        self.expect_success(self.learn())
        begin = self.folder / "begin.safetensors"
        shutil.copy(self.out / "learned_embeds.safetensors", begin)
        shutil.rmtree(self.out)
        options = ["--model", model, "--init", f"file:{begin}"]
        self.expect_success(self.learn(*options))
        self.expect_success(self.learn(*options, "--resume"))
        unet = next((model / "unet").glob("*.safetensors"))
        whole = unet.read_bytes()
        flip(unet, unet.stat().st_size // 2)
        expect_refusal(self, self.learn(*options, "--resume"), "--resume", "the content of --model")
        unet.write_bytes(whole)
        flip(begin, begin.stat().st_size - 2)
        expect_refusal(self, self.learn(*options, "--resume"), "--resume", "the vectors that the token begins as")


class Streams(Folders):
    def test_a_full_disk_behind_standard_output_is_a_failure(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([PROGRAM, "inspect", "demo"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(result.returncode, 1)
        self.assertIn("standard output cannot be written", result.stderr)

    def test_closed_standard_error_does_not_end_a_run(self):
        command = [PROGRAM, "train", "--images", FROG, "--output", self.out, "--token", "<t>", "--init", "token:green", "--max-steps", "2",
                   "--samples", "0", "--batch", "1", "--probe-batch", "1"]  # fmt: skip
        result = subprocess.run(command, preexec_fn=lambda: os.close(2), stdout=subprocess.PIPE, timeout=120)
        self.assertEqual(result.returncode, 0)
        self.assertTrue((self.out / "report.html").exists())

    def test_a_limit_on_files_and_memory_ends_with_one_line(self):
        command = [PROGRAM, "train", "--images", FROG, "--output", self.out, "--token", "<t>", "--init", "token:green", "--max-steps", "2",
                   "--samples", "0", "--batch", "1", "--probe-batch", "1", "--quiet"]  # fmt: skip
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
        result = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, timeout=120)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("File too large", result.stderr)
        result = self.run_program("replay", __file__, "--stop", "dvar:window=18446744073709551615")
        expect_refusal(self, result, "fits into memory")

    def test_a_pipe_that_nobody_writes_into_is_not_waited_for(self):
        os.mkfifo(self.folder / "pipe")
        expect_refusal(self, self.run_program("replay", self.folder / "pipe"), self.folder / "pipe", "no file that can be read")


if __name__ == "__main__":
    unittest.main()
