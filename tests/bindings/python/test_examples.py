"""The programs that docs/python.md quotes, as they stand."""

import pathlib
import re
import runpy

import pytest

EXAMPLES = pathlib.Path(__file__).parents[3] / "docs" / "examples"


@pytest.mark.parametrize("name", [path.name for path in sorted(EXAMPLES.glob("*.py"))])
@pytest.mark.filterwarnings("ignore")
def test_example(name, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert re.search(r"by variance_ratio: the variance of the last \d+ observations", capsys.readouterr().out)
