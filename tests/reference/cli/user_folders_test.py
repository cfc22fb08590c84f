"""Folders of users: what is written into, what is read from, and what becomes of every file in them."""

import json
import shutil
import signal
import subprocess
import time
import unittest

from methods_test import Methods
from program import FROG, PROGRAM
from refusals import expect_refusal

SHORT = ["--token", "<thing>", "--batch", 1, "--probe-batch", 1, "--max-steps", 2, "--threads", 1,
         "--quiet"]  # fmt: skip


class Folders(Methods):
    def learn(self, *more, images=FROG, samples=0, output=None):
        begin = [] if "--init" in more else ["--init", "token:green"]
        return self.run_program("train", "--images", images, "--output", self.out if output is None else output, *SHORT, *begin,
                                "--samples", samples, *more)  # fmt: skip

    def expect_success(self, result):
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def everything_in(self, folder):
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Output(Folders):
    def test_files_of_others_are_never_touched(self):
        for name in ["config.json", "report.html", "curves.svg", "sheet.png", "trace.jsonl", "samples/before.png",
                     "diffusion_pytorch_model.safetensors"]:  # fmt: skip
            with self.subTest(name):
                shutil.rmtree(self.out, ignore_errors=True)
                (self.out / name).parent.mkdir(parents=True)
                (self.out / name).write_text("mine")
                before = self.everything_in(self.out)
                for more in [[], ["--overwrite"], ["--resume"]]:
                    result = self.learn(*more)
                    expect_refusal(self, result, self.out, name.split("/")[0])
                sample = self.run_program("sample", "--prompt", "a frog", "--count", 1, "--steps", 1, "--output", self.out)
                expect_refusal(self, sample, self.out, name.split("/")[0])
                self.assertEqual(self.everything_in(self.out), before)

    def test_no_folder_is_not_the_current_one(self):
        expect_refusal(self, self.learn(output=""), "--output", "a folder", "''")

    def test_pictures_are_not_written_among(self):
        self.out.mkdir()
        shutil.copy(FROG / "noto.png", self.out)
        expect_refusal(self, self.learn(images=self.out), self.out, "noto.png")

    def test_samples_do_not_mix(self):
        draw = ["sample", "--prompt", "a frog", "--steps", 1, "--quiet", "--output", self.out]
        self.expect_success(self.run_program(*draw, "--count", 3))
        expect_refusal(self, self.run_program(*draw, "--count", 2), self.out, "--overwrite")
        self.expect_success(self.run_program(*draw, "--count", 2, "--overwrite"))
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), ["000.png", "001.png", "dvar.json", "grid.png"])
        expect_refusal(self, self.learn(), self.out, "dvar sample")

    def test_a_sweep_does_not_begin_in_a_run(self):
        self.expect_success(self.learn())
        grid = self.folder / "grid.json"
        grid.write_text('{"seed": 0}')
        result = self.run_program("sweep", "--concepts", FROG.parent, "--grid", grid, "--output", self.out)
        expect_refusal(self, result, self.out, "dvar train")


class Together(Folders):
    def test_two_runs_do_not_share_a_folder_and_the_first_goes_on(self):
        options = [option if option != 2 else 100000 for option in SHORT]
        process = subprocess.Popen(list(map(str, [PROGRAM, "train", "--images", FROG, "--output", self.out, *options, "--init", "token:green", "--samples", 0])),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        deadline = time.monotonic() + 120
        while not (self.out / "trace.jsonl").exists():
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        for more in [[], ["--overwrite"], ["--resume"]]:
            expect_refusal(self, self.learn(*more), self.out, "another dvar train is writing")
        self.assertIsNone(process.poll(), "the first is not disturbed")
        # The trace stands on disk while it goes on, a second behind at most.
        time.sleep(2.5)
        taken = len((self.out / "trace.jsonl").read_text().splitlines())
        self.assertGreater(taken, 0, "a line a step, not at the next checkpoint alone")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.expect_success(self.learn("--overwrite"))


class Pictures(Folders):
    def pictures(self, *names):
        folder = self.folder / "photos"
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copy(FROG / "noto.png", folder / name)
        return folder

    def test_every_file_is_used_or_named(self):
        photos = self.pictures("a.png", "b.jfif", "c.JPE", "d")
        (photos / "film.mov").write_text("no picture")
        (photos / "a.txt").write_text("a {}")
        result = self.expect_success(self.learn(images=photos))
        self.assertIn('"film.mov" (no picture)', result.stderr, "also with --quiet")
        self.assertIn('"a.txt" (captions, which --captions reads)', result.stderr)
        configuration = json.loads((self.out / "config.json").read_text())
        self.assertEqual(configuration["images"]["names"], ["a.png", "b.jfif", "c.JPE", "d"])
        self.assertEqual(sorted(configuration["unused_files"]), ["a.txt", "film.mov"])
        self.assertIn("film.mov", (self.out / "report.html").read_text())
        # What is not used does not hinder from going on.
        (photos / "film.mov").unlink()
        self.expect_success(self.learn("--resume", images=photos))

    def test_a_picture_that_cannot_be_read_is_no_picture_less(self):
        photos = self.pictures("a.png")
        for name, content in [("b.heic", b"\0\0\0\x18ftypheic, and then nothing"), ("b.jpg", b"<html>"), ("b.svg", b"<svg/>")]:
            (photos / name).write_bytes(content)
            expect_refusal(self, self.learn(images=photos), photos / name)
            (photos / name).unlink()
        (photos / "b.webp").symlink_to(photos / "nowhere")
        expect_refusal(self, self.learn(images=photos), photos / "b.webp", "No such file")

    def test_captions_in_another_encoding_are_refused_with_the_byte(self):
        photos = self.pictures("a.png")
        for content, words in [(b"it\x92s a {}", ["0x92 at 2"]), ("café {}".encode("latin-1"), ["0xe9 at 3"]),
                               ("a {}".encode("utf-16"), ["0xff at 0", "UTF-16"])]:  # fmt: skip
            (photos / "a.txt").write_bytes(content)
            expect_refusal(self, self.learn("--captions", images=photos), photos / "a.txt", "UTF-8", *words)

    def test_a_run_is_understood_by_what_reads_pictures(self):
        self.expect_success(self.learn("--sample-steps", 1, samples=2))
        scores = [json.loads(self.expect_success(self.run_program("score", "--images", FROG, "--samples", folder, "--json")).stdout)
                  for folder in [self.out, self.out / "samples"]]  # fmt: skip
        self.assertEqual(scores[0], scores[1])
        self.assertEqual(scores[0]["samples"], 2, "without the sheets, and those before")
        result = self.learn(images=self.out, output=self.folder / "other")
        expect_refusal(self, result, self.out, "that of a run")


if __name__ == "__main__":
    unittest.main()
