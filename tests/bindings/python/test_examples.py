"""The programs that docs/python.md quotes, as they stand."""

import pathlib
import re
import runpy
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[3] / "docs" / "examples"
# JAX leaves threads running, and a process with threads should not fork, as tests after this one do.
ALONE = {"jax_stopping.py"}


@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.glob("*.py"))])
@pytest.mark.filterwarnings("ignore")
def test_example(name, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    if name in ALONE:
        printed = subprocess.run([sys.executable, EXAMPLES / name], check=True, stdout=subprocess.PIPE, text=True).stdout
    else:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        printed = capsys.readouterr().out
    assert re.search(r"by variance_ratio: the variance of the last \d+ observations", printed)
