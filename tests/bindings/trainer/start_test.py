"""How the package dvar-trainer starts its program, with a shell script in the program's place and a torch that is empty."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "bindings" / "trainer" / "dvar_trainer"
PROGRAM = '#!/bin/sh\necho "$0 $* [$LD_LIBRARY_PATH]"\nexit 7\n'


def requirement():
    pyproject = (ROOT / "bindings" / "trainer" / "pyproject.toml").read_text(encoding="utf-8")
    return re.search(r'^dependencies = \["(.*)"\]$', pyproject, re.MULTILINE)[1]


def put(path, text=""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


class StartTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.site = pathlib.Path(folder.name).resolve() / "site"
        self.other = self.site.parent / "other"
        shutil.copytree(PACKAGE, self.site / "dvar_trainer", ignore=shutil.ignore_patterns("__pycache__"))
        put(self.site / "dvar_trainer" / "bin" / "dvar", PROGRAM)
        (self.site / "dvar_trainer" / "bin" / "dvar").chmod(0o755)
        self.require(requirement())

    def require(self, text):
        metadata = f"Metadata-Version: 2.1\nName: dvar-trainer\nVersion: 1\nRequires-Dist: {text}\n"
        put(self.site / "dvar_trainer-1.dist-info" / "METADATA", metadata)

    def put_torch(self, site, version="2.13.0+cpu"):
        put(site / "torch" / "__init__.py", "raise SystemExit('torch is imported')")
        put(site / "torch" / "lib" / "libtorch_cpu.so")
        put(site / f"torch-{version}.dist-info" / "METADATA", f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n")

    def start(self, *arguments, **environment):
        # Without the packages of this Python, among which there may be a torch.
        code = "import sys; sys.path[:0] = sys.argv.pop(1).split(':'); from dvar_trainer import main; main()"
        command = [sys.executable, "-I", "-S", "-c", code, f"{self.site}:{self.other}", *arguments]
        clean = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        return subprocess.run(command, capture_output=True, text=True, env=clean | environment)

    def refuses(self, message):
        ended = self.start("train")
        self.assertEqual((ended.returncode, ended.stdout), (1, ""))
        self.assertEqual(ended.stderr, f"dvar: {message}\n")

    def test_the_program_gets_the_arguments_and_gives_the_status(self):
        self.put_torch(self.site)
        ended = self.start("train", "--token", "<a b>")
        self.assertEqual((ended.returncode, ended.stderr), (7, ""))
        self.assertEqual(ended.stdout, f"{self.site}/dvar_trainer/bin/dvar train --token <a b> []\n")

    def test_a_torch_elsewhere_is_found_by_the_loader(self):
        self.put_torch(self.other)
        self.assertIn(f"[{self.other}/torch/lib]", self.start().stdout)
        self.assertIn(f"[{self.other}/torch/lib:/mine]", self.start(LD_LIBRARY_PATH="/mine").stdout)

    def test_without_torch_it_says_what_to_install(self):
        self.refuses("expected torch 2.13 in this Python, found none: pip install 'torch==2.13.*'")

    def test_another_torch_is_refused(self):
        for version in ("2.12.1", "2.130.0"):
            with self.subTest(version):
                self.put_torch(self.site, version)
                self.refuses(f"expected torch 2.13, found {version}: pip install 'torch==2.13.*'")
                shutil.rmtree(self.site / f"torch-{version}.dist-info")

    def test_a_torch_without_libraries_is_refused(self):
        self.put_torch(self.site)
        (self.site / "torch" / "lib" / "libtorch_cpu.so").unlink()
        self.refuses(f"expected LibTorch in {self.site}/torch/lib, found no libtorch_cpu.so there")

    def test_a_program_that_cannot_start_is_named(self):
        self.put_torch(self.site)
        program = self.site / "dvar_trainer" / "bin" / "dvar"
        program.unlink()
        self.refuses(f"expected to start {program}, found: No such file or directory")

    def test_a_package_that_asks_for_no_torch_is_refused(self):
        self.require("numpy")
        self.refuses("expected this package's metadata to require a version of torch, found none: install dvar-trainer again")

    def test_the_torch_that_is_required_is_the_one_that_it_is_built_with(self):
        script = (ROOT / "scripts" / "libtorch.bash").read_text(encoding="utf-8")
        built = re.search(r"^torch_version=(\d+\.\d+)\.\d+$", script, re.MULTILINE)[1]
        self.assertEqual(requirement(), f"torch=={built}.*")


if __name__ == "__main__":
    unittest.main()
