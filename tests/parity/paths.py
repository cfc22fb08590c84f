"""Where CMake has built what the tests compare, and the bundled model."""

import os
import pathlib

BUILD = pathlib.Path(os.environ["DVAR_BUILD_DIR"])
BIN = BUILD / "bin"
DVAR = BIN / "dvar"
DEMO = pathlib.Path(__file__).resolve().parents[2] / "reference" / "demo"
FROG = DEMO / "concepts" / "frog"
