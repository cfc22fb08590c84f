"""dvar sample: several prompts, several embeddings, what pictures are to be unlike, and what their files say."""

import json
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest

import refusals
from png_pixels import chunks_of, pixels_of
from program import CONCEPTS, PROGRAM


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def sample(self, *more, name="out"):
        return subprocess.run([PROGRAM, "sample", "--output", self.folder / name, "--steps", "3", "--threads", "1",
                               *map(str, more)], capture_output=True, text=True, timeout=300)  # fmt: skip

    def pictures(self, *more, name="out"):
        result = self.sample(*more, name=name)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [pixels_of(file) for file in sorted((self.folder / name).glob("[0-9]*.png"))]

    def prompts(self, text):
        file = self.folder / "prompts.txt"
        file.write_bytes(text)
        return file


class Prompts(Folder):
    def test_a_file_of_prompts_gives_what_they_give_one_by_one(self):
        file = self.prompts(b"\xef\xbb\xbfa red apple\r\n\n  a green leaf  \n")
        together = self.pictures("--prompts", file, "--count", 2)
        apart = [picture for i, prompt in enumerate(["a red apple", "a green leaf"])
                 for picture in self.pictures("--prompt", prompt, "--count", 2, name=f"apart-{i}")]  # fmt: skip
        self.assertEqual(together, apart)
        self.assertEqual(len(set(together)), 4)
        self.assertEqual(len(self.pictures("--prompts", file, name="one of each")), 2)

    def test_a_negative_prompt_leads_away_from_it(self):
        plain = self.pictures("--prompt", "a red apple", "--count", 1, name="plain")
        unlike = self.pictures("--prompt", "a red apple", "--count", 1, "--negative-prompt", "a leaf", name="unlike")
        self.assertNotEqual(plain, unlike)

    def test_what_would_change_nothing_is_refused(self):
        result = self.sample("--prompt", "a red apple", "--negative-prompt", "a leaf", "--guidance", 1)
        refusals.expect_refusal(self, result, "--negative-prompt", "--guidance other than 1")
        result = self.sample("--prompt", "a red apple", "--prompts", self.prompts(b"a leaf\n"))
        refusals.expect_refusal(self, result, "--prompts", "no --prompt")

    def test_a_file_without_prompts_is_refused(self):
        refusals.expect_refusal(self, self.sample("--prompts", self.prompts(b"\n\n")), "prompts.txt", "a line with a prompt")
        refusals.expect_refusal(self, self.sample("--prompts", self.prompts(b"\xff\xfea\0")), "prompts.txt", "UTF-8")
        refusals.expect_refusal(self, self.sample("--prompts", self.folder / "none.txt"), "none.txt")
        refusals.expect_refusal(self, self.sample("--prompts", self.prompts(b"a {}\n")), "--prompts", "--embedding")
        self.assertFalse((self.folder / "out").exists())


def write_embedding(file, token, numbers):
    """An embedding of one vector in the layout of diffusers."""
    header = json.dumps({token: {"dtype": "F32", "shape": [len(numbers)], "data_offsets": [0, 4 * len(numbers)]}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(numbers)}f", *numbers))
    return file


WIDTH = 160  # of the bundled model's text encoder


class Embeddings(Folder):
    def setUp(self):
        super().setUp()
        self.first = write_embedding(self.folder / "a.safetensors", "<a>", [0.05 * (-1) ** i for i in range(WIDTH)])
        self.second = write_embedding(self.folder / "b.safetensors", "<b>", [0.05 * (-1) ** (i // 2) for i in range(WIDTH)])
        self.both = ["--embedding", self.first, "--embedding", self.second, "--count", 1]

    def test_each_brings_its_token(self):
        prompt = "a red <a> and a <b>"
        together = self.pictures(*self.both, "--prompt", prompt, name="together")
        swapped = ["--embedding", self.second, "--embedding", self.first, "--count", 1]
        self.assertEqual(together, self.pictures(*swapped, "--prompt", prompt, name="swapped"))
        self.assertNotEqual(together, self.pictures(*self.both, "--prompt", "a red <b> and a <a>", name="exchanged"))
        # One of the two alone is drawn as if there was no other.
        other = ["--embedding", self.second, "--count", 1, "--prompt", "a red <b>"]
        unused = self.prompts(b"a red <b>\na red <a>\n")
        self.assertEqual(self.pictures(*self.both, "--prompts", unused, name="two prompts")[0],
                         self.pictures(*other, name="alone")[0])  # fmt: skip

    def test_a_token_may_stand_in_the_negative_prompt(self):
        self.pictures(*self.both, "--prompt", "a red <a>", "--negative-prompt", "<b>", name="negative")
        self.pictures("--embedding", self.first, "--count", 1, "--prompt", "an apple", "--negative-prompt", "a {}", name="one")

    def test_they_are_named_anew_in_their_order(self):
        prompt = ["--prompt", "a red <a> and a <b>"]
        names = ["--token", "<x>", "--token", "<y>"]
        self.assertEqual(self.pictures(*self.both, *prompt),
                         self.pictures(*self.both, *names, "--prompt", "a red <x> and a <y>", name="named"))  # fmt: skip
        refusals.expect_refusal(self, self.sample(*self.both, "--token", "<x>", *prompt, name="none"), "--token", "1 for 2")
        refusals.expect_refusal(self, self.sample("--token", "<x>", *prompt, name="none"), "--token", "--embedding")

    def test_two_of_one_token_are_refused_by_both_their_files(self):
        same = write_embedding(self.folder / "c.safetensors", "<a>", [0.1] * WIDTH)
        capital = write_embedding(self.folder / "d.safetensors", "<A>", [0.1] * WIDTH)
        for other in [same, capital]:
            twice = ["--embedding", self.first, "--embedding", self.second, "--embedding", other]
            refusals.expect_refusal(self, self.sample(*twice, "--prompt", "<a> <b>"), self.first, other, "<a>", "--token")
            self.assertFalse((self.folder / "out").exists())
        names = ["--token", "<a>", "--token", "<b>", "--token", "<c>"]
        self.pictures(*twice, *names, "--prompt", "<a> <b> <c>", "--count", 1)
        known = write_embedding(self.folder / "known.safetensors", "apple", [0.1] * WIDTH)
        result = self.sample("--embedding", self.first, "--embedding", known, "--prompt", "<a> apple", name="none")
        refusals.expect_refusal(self, result, known, "a word of the model", "--token")
        self.assertNotIn(str(self.first), result.stderr)

    def test_what_would_not_be_used_is_refused(self):
        refusals.expect_refusal(self, self.sample(*self.both, "--prompt", "a {}"), "--prompt", "<a>, <b>", "{}")
        refusals.expect_refusal(self, self.sample(*self.both), "--prompt", "<a>, <b>")
        refusals.expect_refusal(self, self.sample(*self.both, "--prompt", "a red <a>"), self.second, "<b>", "in none")
        file = self.prompts(b"a <a> and a <b>\na leaf\n")
        refusals.expect_refusal(self, self.sample(*self.both, "--prompts", file), "--prompts", "<a>, <b>", "a leaf")
        self.assertFalse((self.folder / "out").exists())


class Texts(Folder):
    """What the files say of themselves."""

    def texts(self, name="out", file="000.png"):
        """Kind and text of `parameters`, by hand: tEXt is Latin-1, iTXt is UTF-8."""
        found = []
        for kind, data in chunks_of((self.folder / name / file).read_bytes()):
            if kind in [b"tEXt", b"iTXt"]:
                keyword, text = data.split(b"\0", 1)
                self.assertEqual(keyword, b"parameters")
                found.append((kind, text.decode("latin-1") if kind == b"tEXt" else text[4:].decode()))
        (only,) = found
        return only

    def test_how_a_picture_was_drawn(self):
        embedding = write_embedding(self.folder / "a, b.safetensors", "<a>", [0.05] * WIDTH)
        self.pictures("--embedding", embedding, "--prompt", "a red {}", "--negative-prompt", "blue, green", "--count", 2,
                      "--guidance", 5, "--sampler", "euler-a", "--seed", 7)  # fmt: skip
        settings = "Steps: 3, Sampler: Euler a, CFG scale: 5, Seed: 7, {}Size: 64x64, Model: demo, Embeddings: {}, Version: dvar "
        name = json.dumps("a, b.safetensors: <a>")
        for file, number in [("000.png", "Picture: 0, "), ("001.png", "Picture: 1, "), ("grid.png", "")]:
            kind, text = self.texts(file=file)
            lines = text.split("\n")
            self.assertEqual(kind, b"tEXt")
            self.assertEqual(lines[:2], ["a red <a>", "Negative prompt: blue, green"])
            self.assertTrue(lines[2].startswith(settings.format(number, name)), lines[2])
            self.assertEqual(len(lines), 3)
        self.assertNotIn(str(self.folder), text)

    def test_the_same_command_gives_the_same_bytes(self):
        drawn = []
        for name in ["one", "two"]:
            self.pictures("--prompt", "a red apple", "--count", 1, name=name)
            drawn.append([(self.folder / name / file).read_bytes() for file in ["000.png", "grid.png"]])
        self.assertEqual(*drawn)

    def test_other_characters(self):
        for prompt, kind in [("Äpfel für Zoë", b"tEXt"), ("красное 苹果 🍎", b"iTXt"), ("tab\tand\rreturn", b"iTXt")]:
            self.pictures("--prompt", prompt, "--count", 1, "--overwrite")
            self.assertEqual((self.texts()[0], self.texts()[1].split("\n")[0]), (kind, prompt))

    def test_every_prompt_of_a_file(self):
        self.pictures("--prompts", self.prompts(b"a red apple\na green leaf\n"))
        self.assertTrue(self.texts(file="001.png")[1].startswith("a green leaf\nSteps: 3, "))
        self.assertTrue(self.texts(file="grid.png")[1].startswith("a red apple\na green leaf\nSteps: 3, "))

    def test_latents_in_place_of_the_seed(self):
        latents = self.folder / "start: 1.safetensors"
        self.pictures("--prompt", "a leaf", "--count", 1, "--latents", latents, name="written")
        self.assertIn(", Seed: 0, ", self.texts("written")[1])
        self.assertNotIn("Latents", self.texts("written")[1])
        self.pictures("--prompt", "a leaf", "--latents", latents, name="read")
        self.assertIn(', Latents: "start: 1.safetensors", ', self.texts("read")[1])
        self.assertNotIn("Seed", self.texts("read")[1])
        self.pictures("--prompt", "a leaf", "--latents", latents, "--sampler", "euler-a", "--seed", 3, name="noisy")
        self.assertIn(', Seed: 3, Picture: 0, Latents: "start: 1.safetensors", ', self.texts("noisy")[1])

    def test_names_that_would_break_the_line(self):
        hostile = 'x\ny: "1", Seed: 9\\.safetensors'
        embedding = write_embedding(self.folder / hostile, "<a>", [0.05] * WIDTH)
        self.pictures("--embedding", embedding, "--count", 1)
        text = self.texts()[1]
        self.assertEqual(text.count("\n"), 1)
        start = text.index("Embeddings: ") + len("Embeddings: ")
        value, _ = json.JSONDecoder().raw_decode(text, start)
        self.assertEqual(value, hostile + ": <a>")

    def test_inspect_shows_them(self):
        self.pictures("--prompt", "a red apple\x1b[31m", "--count", 1)
        result = subprocess.run([PROGRAM, "inspect", self.folder / "out" / "000.png"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.split("\n")
        self.assertEqual(lines[0], "parameters")
        self.assertIn("a red apple", lines[1])
        self.assertNotIn("\x1b", result.stdout)
        self.assertTrue(lines[2].startswith("  Steps: 3, "), lines[2])
        plain = subprocess.run([PROGRAM, "inspect", CONCEPTS / "frog" / "noto.png"], capture_output=True, text=True)
        self.assertEqual(plain.returncode, 0, plain.stderr)
        broken = self.folder / "broken.png"
        broken.write_bytes((self.folder / "out" / "000.png").read_bytes()[:60])
        refusals.expect_refusal(self, subprocess.run([PROGRAM, "inspect", broken], capture_output=True, text=True), broken)


if __name__ == "__main__":
    unittest.main()
