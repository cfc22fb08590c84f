"""dvar.read_log on what real programs log, and dvar.TraceWriter."""

import json
import math
import struct

import dvar
import keras
import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import CSVLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from torch.utils.tensorboard import SummaryWriter
from transformers import Trainer, TrainingArguments


def float32(values):
    return [float(np.float32(value)) for value in values]


def test_pytorchs_tensorboard_events(tmp_path):
    writer = SummaryWriter(str(tmp_path))
    losses = [1.0 / step for step in range(1, 301)]
    for step, loss in enumerate(losses, 1):
        writer.add_scalar("train/loss", loss, step)
        if step % 100 == 0:
            writer.add_scalar("val/loss", 2 * loss, step)
    writer.add_histogram("weights", torch.ones(10), 300)
    writer.add_text("note", "done", 300)
    writer.close()
    log = dvar.read_log(tmp_path, "train/loss")
    assert log == ("train/loss", [*range(1, 301)], float32(losses), ["train/loss", "val/loss"])
    assert dvar.read_log(next(tmp_path.iterdir()), "val/loss").steps == [100, 200, 300]
    tensorboard = EventAccumulator(str(tmp_path)).Reload()
    assert [event.value for event in tensorboard.Scalars("train/loss")] == log.values


def test_tensors_of_one_element_which_tensorflow_2_writes(tmp_path):
    writer = EventFileWriter(str(tmp_path))
    for step in range(3):
        loss = 0.1**step
        tensors = {
            "content": TensorProto(dtype=1, tensor_content=struct.pack("<f", loss)),
            "float": TensorProto(dtype=1, float_val=[loss]),
            "double": TensorProto(dtype=2, double_val=[loss]),
            "several": TensorProto(dtype=2, double_val=[loss, loss]),
            "text": TensorProto(dtype=7, string_val=[b"12345678"]),
        }
        values = [Summary.Value(tag=tag, tensor=tensor) for tag, tensor in tensors.items()]
        writer.add_event(Event(wall_time=1.0, step=step, summary=Summary(value=values)))
    writer.close()
    losses = [0.1**step for step in range(3)]
    assert dvar.read_log(tmp_path, "content").values == float32(losses)
    assert dvar.read_log(tmp_path, "float").values == float32(losses)
    assert dvar.read_log(tmp_path, "double") == ("double", [0, 1, 2], losses, ["content", "float", "double"])


def test_a_resumed_run_takes_the_place_of_what_it_did_again(tmp_path):
    for first, last, value in [(1, 10, 1.0), (6, 12, 2.0)]:
        writer = EventFileWriter(str(tmp_path), filename_suffix=f".{first}")
        writer.add_event(Event(step=first, session_log=SessionLog(status=SessionLog.START)))
        for step in range(first, last + 1):
            writer.add_event(Event(step=step, summary=Summary(value=[Summary.Value(tag="loss", simple_value=value)])))
        writer.close()
    files = sorted(tmp_path.iterdir())
    files[0].rename(tmp_path / "events.out.tfevents.1")
    files[1].rename(tmp_path / "events.out.tfevents.2")
    assert dvar.read_log(tmp_path) == ("loss", [*range(1, 13)], [1.0] * 5 + [2.0] * 7, ["loss"])


def test_damaged_and_interrupted_events(tmp_path):
    writer = EventFileWriter(str(tmp_path))
    for step in (1, 2):
        writer.add_event(Event(step=step, summary=Summary(value=[Summary.Value(tag="loss", simple_value=0.5)])))
    writer.close()
    file = next(tmp_path.iterdir())
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    assert dvar.read_log(file).steps == [1]
    file.write_bytes(whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
    with pytest.raises(ValueError, match="record 3 is damaged"):
        dvar.read_log(file)


def test_lightnings_metrics(tmp_path):
    class Model(pl.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Linear(1, 1)
            self.seen = {"train_loss": [], "val_loss": []}

        def training_step(self, batch, batch_idx):
            loss = self.net(batch[0]).square().mean()
            self.log("train_loss", loss)
            self.seen["train_loss"].append(float(loss.detach()))
            return loss

        def validation_step(self, batch, batch_idx):
            self.log("val_loss", self.net(batch[0]).square().mean())

        def on_validation_epoch_end(self):
            self.seen["val_loss"].append(float(self.trainer.callback_metrics["val_loss"]))

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), lr=0.1)

    model = Model()
    batches = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.ones(40, 1)), batch_size=4)
    pl.Trainer(
        max_epochs=3, logger=CSVLogger(tmp_path, name="", version=""), log_every_n_steps=1, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False, accelerator="cpu", num_sanity_val_steps=0,
    ).fit(model, batches, batches)
    train = dvar.read_log(tmp_path / "metrics.csv", "train_loss")
    assert train == ("train_loss", [*range(30)], pytest.approx(model.seen["train_loss"]), ["train_loss", "val_loss"])
    held_out = dvar.read_log(tmp_path / "metrics.csv", "val_loss")
    assert held_out.steps == [9, 19, 29] and held_out.values == pytest.approx(model.seen["val_loss"])
    with pytest.raises(ValueError, match="metrics.csv: expected values of probe_loss, or a single column, found train_loss, val_loss"):
        dvar.read_log(tmp_path / "metrics.csv")


def test_keras_csv_logger(tmp_path):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((40, 1))
    logger = keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))
    history = model.fit(x, x, epochs=4, verbose=0, validation_split=0.5, callbacks=[logger]).history
    log = dvar.read_log(tmp_path / "log.csv", "val_loss")
    assert log == ("val_loss", [0, 1, 2, 3], history["val_loss"], ["loss", "val_loss"])


def test_hugging_faces_trainer_state(tmp_path):
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Linear(1, 1)

        def forward(self, x):
            return {"loss": self.net(x).square().mean()}

    data = [{"x": torch.ones(1)}] * 16
    trainer = Trainer(
        model=Model(), train_dataset=data, eval_dataset=data,
        args=TrainingArguments(
            output_dir=str(tmp_path), max_steps=6, logging_steps=2, save_steps=6, eval_strategy="steps", eval_steps=3,
            report_to="none", disable_tqdm=True, use_cpu=True, include_for_metrics=["loss"],
        ),
    )
    trainer.train()
    log = dvar.read_log(tmp_path / "checkpoint-6" / "trainer_state.json", "loss")
    lines = [line for line in trainer.state.log_history if "loss" in line]
    assert log.steps == [2, 4, 6] and log.values == [line["loss"] for line in lines]
    assert {"loss", "grad_norm", "learning_rate"} <= set(log.columns) and "epoch" not in log.columns


@pytest.mark.parametrize(
    ("name", "text", "column", "expected"),
    [
        ("tb.csv", "Wall time,Step,Value\n1700000000.1,0,0.5\n1700000001.2,10,0.25\n", None, ("Value", [0, 10], [0.5, 0.25])),
        (
            "wandb.csv",
            '"Step","run, 1 - loss","run, 1 - loss__MIN","run, 1 - loss__MAX"\n"0","2.5","2.5","2.5"\n"50","1.25","1","1.5"\n',
            None,
            None,
        ),
        (
            "wandb.csv",
            '"Step","run-1 - loss","run-1 - loss__MIN","run-1 - loss__MAX"\n"0","2.5","2.5","2.5"\n"50","1.25","1","1.5"\n',
            None,
            ("run-1 - loss", [0, 50], [2.5, 1.25]),
        ),
        ("history.csv", ",_step,_runtime,loss,acc\n0,0,1.5,0.5,\n1,10.0,1.6,0.25,0.9\n", "loss", ("loss", [0, 10], [0.5, 0.25])),
        ("wandb.jsonl", '{"_step":0,"train":{"loss":0.5}}\n{"_step":3,"train":{"loss":2}}\n', None, ("train/loss", [0, 3], [0.5, 2])),
        ("notes.jsonl", '{"event":"start","seed":1}\n{"iter":1,"loss":0.5,"lr":1}\n', "loss", ("loss", [1], [0.5])),
        ("mixed.csv", "step;loss;val\n1;0.25;\n2;0.5;\n2;;7\n", "loss", ("loss", [1, 2], [0.25, 0.5])),
        ("excel.csv", "\ufeffStep,Loss\r\n1,0.5\r\n", None, ("Loss", [1], [0.5])),
        ("list.json", '[{"step": 1, "loss": 1},\n {"step": 2, "loss": 0.5}]', None, ("loss", [1, 2], [1.0, 0.5])),
    ],
)
def test_other_forms(tmp_path, name, text, column, expected):
    (tmp_path / name).write_text(text, encoding="utf-8")
    if expected is None:
        with pytest.raises(ValueError):
            dvar.read_log(tmp_path / name, column)
    else:
        assert dvar.read_log(tmp_path / name, column)[:3] == expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("step,loss\n1,0.5\n1,0.25\n", "loss", "step 1 has two values of loss: 0.5 and 0.25"),
        ("step,loss\n2,0.5\n1,0.25\n", "loss", "expected steps that rise, found 1 behind 2"),
        ("step,loss\n1,0.5\n", "acc", "expected values of acc, found only loss"),
        ("step,note\n1,hello\n", None, "found no column of numbers"),
        ("a,b\n1,2\n", "a", "expected a column of steps, one of step, .*, epoch, found none"),
        ("step,loss\n1,half\n", "loss", 'line 2: "loss" is "half", expected a number or nothing'),
        ("step,loss\n1.5,1\n", "loss", 'line 2: "step" is "1.5", expected a whole number'),
        ('{"step":1,"loss":"half"}\n', "loss", 'line 1: "loss" is "half", expected a number or null'),
        ('{"step":1,"loss":0.5}\n{"step":2,}\n', "loss", "line 2: expected '\"' at column 11, found '}'"),
        ("", None, "found no column of numbers"),
    ],
)
def test_says_what_is_wrong(tmp_path, text, column, message):
    (tmp_path / "log").write_text(text)
    with pytest.raises(ValueError, match=f"log: (trace: )?.*{message}"):
        dvar.read_log(tmp_path / "log", column)


def test_refuses_what_is_no_file(tmp_path):
    with pytest.raises(ValueError, match="none: cannot be opened"):
        dvar.read_log(tmp_path / "none")
    with pytest.raises(ValueError, match="expected event files in the folder, found none"):
        dvar.read_log(tmp_path)
    with pytest.raises(ValueError, match="column must be a name or None"):
        dvar.read_log(tmp_path / "none", "")


def test_a_training_loss_alone_works_with_the_rules_for_noisy_losses(tmp_path):
    rng = np.random.default_rng(1)
    losses = [float(np.exp(-step / 200) + 0.1 * rng.normal()) for step in range(2000)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps({"global_step": n, "loss": x}) + "\n" for n, x in enumerate(losses)))
    log = dvar.read_log(tmp_path / "log.jsonl")
    rule = dvar.SlopeTest()
    assert log.values == losses and rule.replay(log.values) == rule.replay(losses) is not None


def test_the_writers_traces_are_read_back(tmp_path):
    file = tmp_path / "trace.jsonl"
    values = [0.1, float("nan"), float("-inf"), 1e-300, 2.0]
    with dvar.TraceWriter(file) as trace:
        for step, value in enumerate(values, 1):
            trace.write(step, loss=np.float32(0.5), probe_loss=value if step != 5 else None)
    log = dvar.read_log(file)
    assert (log.name, log.steps, log.columns) == ("probe_loss", [1, 2, 3, 4], ["loss", "probe_loss"])
    assert math.isnan(log.values[1]) and log.values[2] == -math.inf and log.values[::3] == [0.1, 1e-300]

    with file.open("a") as interrupted:
        interrupted.write('{"step":6,"lo')
    with dvar.TraceWriter(file, after_step=3) as trace:
        trace.write(4, loss=7)
    assert dvar.read_log(file, "loss") == ("loss", [1, 2, 3, 4], [0.5, 0.5, 0.5, 7.0], ["loss", "probe_loss"])
    with dvar.TraceWriter(file) as trace:
        trace.write(5, loss=8)
    assert dvar.read_log(file, "loss").values == [0.5, 0.5, 0.5, 7.0, 8.0]
    file.write_text("no trace\n")
    with pytest.raises(ValueError, match="trace.jsonl: line 1: expected a record of a trace"):
        dvar.TraceWriter(file, after_step=3)
    assert file.read_text() == "no trace\n"
