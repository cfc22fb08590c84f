"""Starts the program dvar on the LibTorch of the installed torch."""

import importlib.metadata
import importlib.util
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent


def _wanted_torch() -> str:
    """Returns the version of torch that the program was built with, such as ``2.13``: what this package requires."""
    for requirement in importlib.metadata.requires("dvar-trainer") or []:
        if found := re.fullmatch(r"torch==([0-9.]+)\.\*", requirement):
            return found[1]
    sys.exit("dvar: expected this package's metadata to require a version of torch, found none: install dvar-trainer again")


def _libraries() -> pathlib.Path:
    """Returns the folder of torch's libraries, without importing torch."""
    wanted = _wanted_torch()
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        sys.exit(f"dvar: expected torch {wanted} in this Python, found none: pip install 'torch=={wanted}.*'")
    version = importlib.metadata.version("torch")
    if not f"{version}.".startswith(f"{wanted}."):
        sys.exit(f"dvar: expected torch {wanted}, found {version}: pip install 'torch=={wanted}.*'")
    libraries = pathlib.Path(spec.origin).resolve().parent / "lib"
    if not (libraries / "libtorch_cpu.so").is_file():
        sys.exit(f"dvar: expected LibTorch in {libraries}, found no libtorch_cpu.so there")
    return libraries


def main() -> None:
    """Becomes the program, with the arguments that there are."""
    libraries = _libraries()
    environment = dict(os.environ)
    # The program looks beside this package by itself; torch may lie elsewhere, as in an environment on top of another.
    if libraries != HERE.parent / "torch" / "lib":
        environment["LD_LIBRARY_PATH"] = ":".join(filter(None, [str(libraries), environment.get("LD_LIBRARY_PATH")]))
    program = HERE / "bin" / "dvar"
    try:
        os.execve(program, ["dvar", *sys.argv[1:]], environment)
    except OSError as error:
        sys.exit(f"dvar: expected to start {program}, found: {error.strerror}")
