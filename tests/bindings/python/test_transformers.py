"""dvar.transformers in real trainers: stops where C++ does, disturbs nothing, and goes on from a checkpoint."""

import json
import shutil

import dvar
import pytest
import torch
from accelerate import debug_launcher
from dvar.transformers import ConvergenceStopping, language_model_probe
from lines import RecordingProbe, dataset, equal, falling, new_net
from replay import replay
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments

RULE = "variance_ratio:window=30,threshold=0.15"


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.net = new_net()

    def forward(self, x, labels=None):
        return {"loss": torch.nn.functional.mse_loss(self.net(x), labels)}


class Points(torch.utils.data.Dataset):
    def __init__(self):
        self.points = dataset()

    def __len__(self):
        return len(self.points)

    def __getitem__(self, index):
        x, y = self.points[index]
        return {"x": x, "labels": y}


def new_trainer(model, folder, callbacks, **settings):
    settings = {"save_strategy": "no", "num_train_epochs": 100, "logging_steps": 10} | settings
    arguments = TrainingArguments(
        output_dir=str(folder), per_device_train_batch_size=4, learning_rate=0.05, lr_scheduler_type="constant", optim="sgd",
        max_grad_norm=0.0, report_to="none", disable_tqdm=True, use_cpu=True, seed=3, **settings,
    )
    return Trainer(model=model, args=arguments, train_dataset=Points(), callbacks=callbacks)


def stopping(model, rule=None, **settings):
    probe = RecordingProbe(model.net)
    return ConvergenceStopping(probe, rule or dvar.VarianceRatio(window=30, threshold=0.15), **settings), probe


def test_stops_where_cpp_stops_and_disturbs_nothing(tmp_path):
    model = Model()
    callback, probe = stopping(model)
    trainer = new_trainer(model, tmp_path, [callback])
    trainer.train()
    stop = trainer.state.global_step
    assert 31 <= stop == callback.stopped_step == len(probe.values) < 2000
    (expected,) = replay([(RULE, probe.values)])
    assert expected.stop == stop
    assert callback.rule.save() == expected.state
    logged = [line for line in trainer.state.log_history if "loss" in line]
    assert [line["dvar/probe_loss"] for line in logged] == [probe.values[line["step"] - 1] for line in logged]

    alone = Model()
    new_trainer(alone, tmp_path, [], max_steps=stop).train()
    assert equal(alone.net, model.net.parameters())


def test_goes_on_from_a_checkpoint_as_if_nothing_had_been(tmp_path):
    whole = Model()
    callback, probe = stopping(whole, restore_best_weights=True)
    new_trainer(whole, tmp_path / "whole", [callback]).train()

    first = Model()
    begun, _ = stopping(first, restore_best_weights=True)
    new_trainer(first, tmp_path / "cut", [begun], max_steps=25, save_strategy="steps", save_steps=25).train()
    checkpoint = tmp_path / "cut" / "checkpoint-25"
    assert (checkpoint / "dvar_stopping.pt").exists() and not (checkpoint / "dvar_stopping.pt.part").exists()

    second = Model()
    resumed, rest = stopping(second, restore_best_weights=True)
    trainer = new_trainer(second, tmp_path / "cut", [resumed])
    trainer.train(resume_from_checkpoint=str(checkpoint))
    assert rest.values == probe.values[25:]
    assert resumed.stopped_step == callback.stopped_step == trainer.state.global_step
    assert resumed.rule.save() == callback.rule.save()
    assert (resumed.best.value, resumed.best.step) == (callback.best.value, callback.best.step)
    assert equal(whole.net, probe.best()) and equal(second.net, whole.net.parameters())

    # Another run of the same callback begins anew.
    again = new_trainer(second, tmp_path / "cut", [resumed], max_steps=3)
    again.train()
    assert len(rest.values) == len(probe.values) - 25 + 3 and resumed.stopped_step is None


def test_says_that_a_checkpoint_has_no_state(tmp_path):
    model = Model()
    new_trainer(model, tmp_path, [], max_steps=5, save_strategy="steps", save_steps=5).train()
    callback, probe = stopping(model)
    trainer = new_trainer(model, tmp_path, [callback], max_steps=8)
    with pytest.warns(UserWarning, match=r"there is no .*checkpoint-5/dvar_stopping.pt: the rule begins anew at step 5"):
        trainer.train(resume_from_checkpoint=True)
    assert len(probe.values) == 3

    # From where it was moved, the state is loaded by hand.
    new_trainer(model, tmp_path, [stopping(model)[0]], max_steps=5, save_strategy="steps", save_steps=5).train()
    shutil.copytree(tmp_path / "checkpoint-5", tmp_path / "elsewhere" / "checkpoint-5")
    moved, rest = stopping(model)
    moved.load_state_dict(torch.load(tmp_path / "checkpoint-5" / "dvar_stopping.pt", weights_only=True))
    new_trainer(model, tmp_path / "new", [moved], max_steps=8).train(
        resume_from_checkpoint=str(tmp_path / "elsewhere" / "checkpoint-5")
    )
    assert len(rest.values) == 3 and json.loads(moved.rule.to_json())["rule"] == "variance_ratio"


def test_counts_optimizer_steps(tmp_path):
    model = Model()
    callback, probe = stopping(model, dvar.StepLimit(11), every_n_steps=2, log=None)
    trainer = new_trainer(model, tmp_path, [callback], gradient_accumulation_steps=2)
    trainer.train()
    assert (len(probe.values), trainer.state.global_step, callback.stopped_step) == (5, 11, 11)
    assert not any("dvar/probe_loss" in line for line in trainer.state.log_history)


def two_ranks(folder):
    rule = dvar.VarianceRatio(window=5, threshold=0.05)
    callback = ConvergenceStopping(lambda: falling(torch.distributed.get_rank()), rule, restore_best_weights=True)
    trainer = new_trainer(Model(), folder, [callback])
    trainer.train()
    result = trainer.args.world_size, trainer.state.global_step, rule.save(), callback.best.step
    torch.save(result, f"{folder}/{trainer.args.process_index}")


def test_ranks_stop_at_the_same_step(tmp_path):
    debug_launcher(two_ranks, (str(tmp_path),), num_processes=2)
    values = [[2.0 ** (-n / (1 + 3 * rank)) for n in range(1, 200)] for rank in range(2)]
    mean = dvar.VarianceRatio(window=5, threshold=0.05)
    stop = next(n for n, pair in enumerate(zip(*values), 1) if mean.observe(sum(pair) / 2, n))
    for rank in range(2):
        assert torch.load(tmp_path / str(rank), weights_only=True) == (2, stop, mean.save(), stop)


def language_model(dropout):
    torch.manual_seed(2)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=16, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=16, attention_dropout=dropout,
        )
    )


def batch(*rows):
    labels = torch.tensor(rows)
    return {"input_ids": labels.clamp_min(0), "labels": labels}


BATCHES = [batch([1, 2, 3, 4], [5, 6, -100, -100]), batch([7, 8, 9, 1])]


def test_the_probe_of_a_language_model_is_the_loss_a_token():
    model = language_model(dropout=0.0)
    value = language_model_probe(model, BATCHES)()
    logits = [torch.log_softmax(model(b["input_ids"]).logits, -1) for b in BATCHES]
    rows = [(log, row) for logs, b in zip(logits, BATCHES) for log, row in zip(logs, b["labels"])]
    losses = [-float(log[i, row[i + 1]]) for log, row in rows for i in range(3) if row[i + 1] != -100]
    assert len(losses) == 7
    assert value == pytest.approx(sum(losses) / 7, rel=1e-6)


def test_dropout_is_left_out_or_held_fixed():
    model = language_model(dropout=0.5)
    model.train()
    model.model.norm.eval()
    plain, masked = language_model_probe(model, BATCHES), language_model_probe(model, BATCHES, dropout=True)
    before = torch.get_rng_state()
    values = [plain(), masked(), plain(), masked()]
    assert values[0] == values[2] and values[1] == values[3] and values[0] != values[1]
    assert language_model_probe(model, BATCHES, dropout=True, seed=1)() != values[1]
    assert torch.equal(before, torch.get_rng_state())
    assert model.training and not model.model.norm.training
    model.eval()
    assert plain() == values[0]


def test_batches_that_say_nothing_are_refused():
    for batches in ([], [{"input_ids": torch.ones(1, 4, dtype=torch.long)}]):
        with pytest.raises(ValueError, match="batches: expected at least one, each with labels"):
            language_model_probe(language_model(0.0), batches)
    with pytest.raises(ValueError, match="batch 1 has no label behind its first token that counts"):
        language_model_probe(language_model(0.0), [BATCHES[0], batch([3, -100])])
