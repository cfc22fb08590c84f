"""dvar sample: several prompts, and what pictures are to be unlike."""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

import refusals
from program import PROGRAM


class Sample(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def sample(self, *more, name="out"):
        return subprocess.run([PROGRAM, "sample", "--output", self.folder / name, "--steps", "3", "--threads", "1",
                               *map(str, more)], capture_output=True, text=True, timeout=300)  # fmt: skip

    def pictures(self, *more, name="out"):
        result = self.sample(*more, name=name)
        self.assertEqual(result.returncode, 0, result.stderr)
        return [file.read_bytes() for file in sorted((self.folder / name).glob("[0-9]*.png"))]

    def prompts(self, text):
        file = self.folder / "prompts.txt"
        file.write_bytes(text)
        return file

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


if __name__ == "__main__":
    unittest.main()
