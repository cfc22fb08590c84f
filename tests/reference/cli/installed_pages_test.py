"""The manual pages and the shells' scripts as they are installed: one page a command, and all as the program prints them."""

import os
import pathlib
import re
import subprocess
import unittest

from program import PROGRAM

SHARE = pathlib.Path(os.environ["DVAR_PREFIX"]) / "share"


def printed(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


class Installed(unittest.TestCase):
    def test_every_command_has_its_page(self):
        commands = re.findall(r"^  ([a-z]+) {3}", printed("--help").partition("Subcommands:")[2], re.M)
        expected = {"dvar.1": printed("manual"), **{f"dvar-{name}.1": printed("manual", name) for name in commands}}
        found = {page.name: page.read_text() for page in (SHARE / "man" / "man1").iterdir()}
        self.assertEqual(found, expected)

    def test_every_shell_has_its_script(self):
        for shell, file in {"bash": "bash-completion/completions/dvar", "zsh": "zsh/site-functions/_dvar",
                            "fish": "fish/vendor_completions.d/dvar.fish"}.items():
            self.assertEqual((SHARE / file).read_text(), printed("completion", shell))


if __name__ == "__main__":
    unittest.main()
