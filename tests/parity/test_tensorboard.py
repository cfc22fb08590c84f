"""The events of `dvar train` as TensorBoard's own reader has them."""

import io
import json
import math
import os
import subprocess
import time

import numpy
import PIL.Image
import pytest
from paths import DVAR, FROG
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as PluginEventAccumulator

EVERYTHING = {"scalars": 0, "images": 0, "tensors": 0}


def command(output, *options):
    return [str(DVAR), "train", "--images", str(FROG), "--token", "<thing>", "--output", str(output), "--init", "token:green",
            "--batch", "1", "--probe-batch", "1", "--threads", "1", "--quiet", *map(str, options)]  # fmt: skip


def train(output, *options):
    result = subprocess.run(command(output, *options), capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return result.stdout


def read(path, reader=EventAccumulator):
    events = reader(str(path), size_guidance=EVERYTHING)
    events.Reload()
    return events


def trace_of(output):
    """By name, the (step, value) pairs of the trace."""
    columns = {}
    for line in (output / "trace.jsonl").read_text().splitlines():
        record = json.loads(line)
        for name, value in record.items():
            if name != "step":
                columns.setdefault(name, []).append((record["step"], float(value)))
    return columns


def same_scalars(events, output, *others):
    trace = trace_of(output)
    assert sorted(events.Tags()["scalars"]) == sorted([*trace, "learning_rate", *others])
    for name, points in trace.items():
        read_back = [(point.step, point.value) for point in events.Scalars(name)]
        # float32 is what TensorBoard stores.
        assert read_back == [(step, float(numpy.float32(value))) for step, value in points], name


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    output = tmp_path_factory.mktemp("whole") / "out"
    summary = train(output, "--max-steps", 6, "--window", 3, "--threshold", 1e-9, "--schedule", "cosine", "--score-every", 3, "--score-samples", 1, "--score-steps", 1,
                    "--probe-thirds", "--samples", 2, "--sample-steps", 2, "--json")  # fmt: skip
    return output, json.loads(summary)


def test_every_value_of_the_trace(whole):
    output, summary = whole
    events = read(output / "tensorboard")
    names = ["loss", "gradient_norm", "probe_loss", "rolling_variance", "total_variance", "clip_score", "probe_loss_first"]
    assert set(names) <= set(events.Tags()["scalars"])
    same_scalars(events, output, "clip_image_similarity")
    similarity = [(point.step, point.value) for point in events.Scalars("clip_image_similarity")]
    expected = summary["clip_image_similarity"]
    assert similarity == [(0, float(numpy.float32(expected["before"]))), (6, float(numpy.float32(expected["after"])))]
    now = time.time()
    assert all(now - 600 < point.wall_time <= now for point in events.Scalars("loss"))


def test_the_learning_rate(whole):
    rates = [(point.step, point.value) for point in read(whole[0] / "tensorboard").Scalars("learning_rate")]
    assert [step for step, _ in rates] == list(range(1, 7))
    expected = [5e-4 * 0.5 * (1 + math.cos(math.pi * update / 6)) for update in range(6)]
    numpy.testing.assert_allclose([rate for _, rate in rates], expected, rtol=1e-6)


def test_samples_are_pictures(whole):
    output, _ = whole
    events = read(output / "tensorboard")
    assert events.Tags()["images"] == ["samples/000", "samples/001"]
    for number in range(2):
        before, after = events.Images(f"samples/{number:03}")
        assert (before.step, after.step) == (0, 6)
        for side, image in [("before", before), ("after", after)]:
            decoded = PIL.Image.open(io.BytesIO(image.encoded_image_string))
            file = PIL.Image.open(output / "samples" / f"{side}-{number:03}.png")
            assert decoded.size == file.size == (image.width, image.height)
            numpy.testing.assert_array_equal(numpy.asarray(decoded), numpy.asarray(file))


def test_the_dashboards_find_both(whole):
    events = read(whole[0] / "tensorboard", PluginEventAccumulator)
    assert "loss" in events.PluginTagToContent("scalars")
    assert "samples/000" in events.PluginTagToContent("images")


def test_a_killed_run_goes_on_in_a_new_file(tmp_path):
    output = tmp_path / "out"
    options = ["--max-steps", 12, "--checkpoint-every", 100, "--samples", 0]
    process = subprocess.Popen(command(output, *options), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 120
        while not (files := list((output / "tensorboard").glob("*"))) or files[0].stat().st_size < 700:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.communicate()
    (killed,) = files
    # The last record is cut off, as a full disk or a power cut does it.
    os.truncate(killed, killed.stat().st_size - 5)
    done_twice = [point.step for point in read(killed).Scalars("loss")]
    assert len(done_twice) >= 2
    train(output, *options, "--resume")
    first, second = sorted((output / "tensorboard").iterdir())
    assert first == killed
    same_scalars(read(output / "tensorboard"), output)
    loss = read(output / "tensorboard").Scalars("loss")
    assert [point.step for point in loss] == list(range(1, 13))
    assert len(read(second).Scalars("loss")) == 12
    # The dashboards read by another class, which takes the first start of a session for no restart.
    dashboards = read(output / "tensorboard", PluginEventAccumulator)
    assert [point.step for point in dashboards.Tensors("loss")] == list(range(1, 13))


def test_events_go_with_the_run_and_are_not_wanted_by_all(tmp_path):
    output = tmp_path / "out"
    train(output, "--max-steps", 1, "--samples", 0)
    note = output / "tensorboard" / "notes.txt"
    note.write_text("kept")
    train(output, "--max-steps", 1, "--samples", 0, "--overwrite", "--no-tensorboard")
    assert list((output / "tensorboard").iterdir()) == [note]
