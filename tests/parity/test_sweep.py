"""The statistics of `dvar sweep` against NumPy's quantiles and SciPy's bootstrap, on runs that are said to be done."""

import csv
import json
import shutil
import subprocess

import numpy
import pytest
import scipy.stats
from paths import DVAR

SETTINGS = ["first", "second", "third"]
CONCEPTS = [f"concept-{number:02}" for number in range(24)]
MEASURES = ["step", "seconds", "clip_gain"]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """What a sweep tells of 24 concepts with three settings, and its values by setting, measure and concept."""
    folder = tmp_path_factory.mktemp("sweep")
    for concept in CONCEPTS:
        (folder / "concepts" / concept).mkdir(parents=True)
    grid = folder / "grid.json"
    grid.write_text(json.dumps({"settings": {name: {"seed": number} for number, name in enumerate(SETTINGS)}}))
    command = [str(DVAR), "sweep", "--concepts", str(folder / "concepts"), "--grid", str(grid), "--output", str(folder / "out"),
               "--quiet", "--json"]  # fmt: skip

    def run():
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    (folder / "out").mkdir()
    (folder / "out" / "dvar.json").write_text(json.dumps({"program": "dvar", "command": "sweep"}))
    random = numpy.random.default_rng(7)
    values = {name: {measure: {} for measure in MEASURES} for name in SETTINGS}
    for number, concept in enumerate(CONCEPTS):
        common = random.lognormal(6, 0.5)
        for setting, name in enumerate(SETTINGS):
            file = folder / "out" / concept / name / "run.json"
            file.parent.mkdir(parents=True)
            images = folder / "concepts" / concept
            record = {"state": "failed", "failure": "killed", "attempts": 1, "seconds": 1.0, "summary": None,
                      "arguments": [f"--seed={setting}", f"--token=<{concept}>", f"--images={images}"]}  # fmt: skip
            if name == "third" and number % 5 == 0:
                file.write_text(json.dumps(record))
                continue  # no pair
            steps = int(common * (1 + 0.1 * setting) + random.exponential(50))
            before, after = random.uniform(0.4, 0.6, 2)
            record |= {"state": "done", "failure": "", "seconds": random.gamma(3.0) * 20,
                       "summary": {"step": steps, "stop_rule": "variance_ratio",
                                   "clip_image_similarity": {"before": before, "after": after}}}  # fmt: skip
            file.write_text(json.dumps(record))
            for measure, value in zip(MEASURES, [steps, record["seconds"], after - before]):
                values[name][measure][concept] = value
    result = run()
    assert result.stderr == "dvar: 5 of 72 runs failed; --retry-failed tries them again\n"
    return folder / "out", json.loads(result.stdout), values, run


def test_medians_and_quartiles(sweep):
    _, told, values, _ = sweep
    assert [summary["setting"] for summary in told["settings"]] == SETTINGS
    assert [summary["done"] for summary in told["settings"]] == [24, 24, 19]
    for summary in told["settings"]:
        for measure in MEASURES:
            all_values = list(values[summary["setting"]][measure].values())
            expected = numpy.quantile(all_values, [0.25, 0.5, 0.75])
            found = [summary[measure][key] for key in ["low", "median", "high"]]
            numpy.testing.assert_allclose(found, expected, rtol=1e-12)


def test_paired_bootstrap(sweep):
    _, told, values, _ = sweep
    assert "differences" not in told["settings"][0]
    for summary in told["settings"][1:]:
        for measure in MEASURES:
            first, other = values["first"][measure], values[summary["setting"]][measure]
            differences = numpy.array([value - first[concept] for concept, value in other.items()])
            found = summary["differences"][measure]
            assert found["pairs"] == len(differences)
            numpy.testing.assert_allclose(found["mean"], differences.mean(), rtol=1e-9)
            # Ten of SciPy's own say how far two such intervals are apart by chance.
            peers = numpy.array([scipy.stats.bootstrap((differences,), numpy.mean, n_resamples=10_000, method="percentile",
                                                       rng=numpy.random.default_rng(seed)).confidence_interval
                                 for seed in range(10)])  # fmt: skip
            assert (numpy.abs(found["interval"] - peers.mean(0)) < 5 * peers.std(0, ddof=1)).all(), (found, peers)


def test_the_tables_say_the_same_each_time(sweep):
    out, told, values, run = sweep
    with (out / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 72
    for row in rows:
        if row["state"] == "done":
            for measure in MEASURES:
                assert float(row[measure]) == values[row["setting"]][measure][row["concept"]]
    table = (out / "sweep.md").read_text()
    low, median, high = numpy.quantile(list(values["second"]["step"].values()), [0.25, 0.5, 0.75])
    assert f"| second | 24 of 24 | {median:.0f} [{low:.0f}, {high:.0f}] |" in table
    assert table.count("| third | failed |") == 5
    before = (out / "sweep.csv").read_bytes(), table
    assert json.loads(run().stdout) == told
    assert before == ((out / "sweep.csv").read_bytes(), (out / "sweep.md").read_text())


def test_a_record_that_is_damaged_is_named(sweep, tmp_path):
    out, _, _, run = sweep
    record = out / "concept-01" / "first" / "run.json"
    kept = shutil.copy(record, tmp_path)
    for damage in ["", "{", '{"state": "over"}', record.read_text().replace('"done"', '"over"')]:
        record.write_text(damage)
        result = run()
        assert result.returncode == 1 and str(record) in result.stderr, result.stderr
        assert len(result.stderr.splitlines()) == 1
    shutil.copy(kept, record)
    assert run().stdout
