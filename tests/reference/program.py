"""The program that the tests run, as CMake has built it, and the bundled model and concepts."""

import os
import pathlib

PROGRAM = pathlib.Path(os.environ["DVAR_PROGRAM"])
DEMO = pathlib.Path(__file__).resolve().parents[2] / "reference" / "demo"
CONCEPTS = DEMO / "concepts"
FROG = CONCEPTS / "frog"
