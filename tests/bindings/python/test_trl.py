"""dvar.transformers in TRL's trainers, on models of random weights: stops where C++ does, disturbs nothing, and goes on from a checkpoint."""

import copy

import dvar
import pytest
import torch
from datasets import Dataset
from dvar.transformers import ConvergenceStopping, language_model_probe
from lines import equal
from pydoc_data.topics import topics
from replay import replay
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

RULE = "variance_ratio:window=20,threshold=0.3"
TEXTS = [part for text in topics.values() for part in text.split("\n\n") if len(part) > 200][:100]


@pytest.fixture(scope="module")
def tokenizer():
    pieces = Tokenizer(models.BPE())
    pieces.pre_tokenizer = pre_tokenizers.ByteLevel()
    pieces.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, special_tokens=["<end>"], show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token="<end>", pad_token="<end>")


def new_model():
    torch.manual_seed(2)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=300, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=32,
            attention_dropout=0.1,
        )
    )


def settings_for(folder, settings):
    return {
        "output_dir": str(folder), "max_length": 32, "per_device_train_batch_size": 4, "learning_rate": 1e-2,
        "lr_scheduler_type": "constant", "activation_checkpointing": False, "bf16": False, "report_to": "none", "disable_tqdm": True,
        "use_cpu": True, "seed": 3, "save_strategy": "no", "max_steps": 200,
    } | settings


def new_sft(tokenizer, folder, **settings):
    learned, held_out = (Dataset.from_dict({"text": texts}) for texts in (TEXTS[8:], TEXTS[:8]))
    return SFTTrainer(
        model=new_model(), args=SFTConfig(**settings_for(folder, settings)), processing_class=tokenizer, train_dataset=learned,
        eval_dataset=held_out,
    )


def new_dpo(tokenizer, folder, **settings):
    def preferring_text_over_its_reverse(texts):
        parts = [(text[:20], text[20:60]) for text in texts]
        return Dataset.from_dict(
            {"prompt": [p for p, _ in parts], "chosen": [end for _, end in parts], "rejected": [end[::-1] for _, end in parts]}
        )

    model = new_model()
    # In evaluation mode, as a model that is loaded.
    return DPOTrainer(
        model=model, ref_model=copy.deepcopy(model).eval(), args=DPOConfig(**settings_for(folder, settings)), processing_class=tokenizer,
        train_dataset=preferring_text_over_its_reverse(TEXTS[8:]), eval_dataset=preferring_text_over_its_reverse(TEXTS[:8]),
    )


def held_out_batch(trainer):
    return trainer.data_collator(list(trainer.eval_dataset))


def probe_of(trainer):
    """The loss that the trainer trains, on the held-out texts."""
    if isinstance(trainer, SFTTrainer):
        return language_model_probe(trainer.model, [held_out_batch(trainer)])
    return dvar.DeterministicProbe(
        lambda batch: trainer.compute_loss(trainer.model, batch), {"batch": lambda: held_out_batch(trainer)}, model=trainer.model
    )


def add_stopping(trainer):
    """The callback with a probe on the held-out texts, and the values of the probe."""
    probe, values = probe_of(trainer), []

    def recorded():
        values.append(probe())
        return values[-1]

    callback = ConvergenceStopping(recorded, dvar.make_rule(RULE))
    trainer.add_callback(callback)
    return callback, values


@pytest.mark.parametrize("new_trainer", [new_sft, new_dpo])
def test_stops_where_cpp_stops_and_disturbs_nothing(new_trainer, tokenizer, tmp_path):
    trainer = new_trainer(tokenizer, tmp_path)
    callback, values = add_stopping(trainer)
    trainer.train()
    stop = trainer.state.global_step
    assert 21 <= stop == callback.stopped_step == len(values) < 200
    (expected,) = replay([(RULE, values)])
    assert expected.stop == stop
    assert callback.rule.save() == expected.state
    logged = [line for line in trainer.state.log_history if "mean_token_accuracy" in line and "loss" in line]
    assert logged and all(line["dvar/probe_loss"] == values[line["step"] - 1] for line in logged)

    alone = new_trainer(tokenizer, tmp_path, max_steps=stop)
    alone.train()
    assert equal(alone.model, trainer.model.parameters())
    # What the trainer measures of the training is untouched by the probe.
    of_alone = [line for line in alone.state.log_history if "mean_token_accuracy" in line and "loss" in line]
    assert [{key: line[key] for key in bare} for line, bare in zip(logged, of_alone)] == of_alone and len(logged) == len(of_alone)


@pytest.mark.parametrize("new_trainer", [new_sft, new_dpo])
def test_the_probe_is_what_the_trainer_evaluates(new_trainer, tokenizer, tmp_path):
    trainer = new_trainer(tokenizer, tmp_path, max_steps=3, per_device_eval_batch_size=8)
    trainer.train()
    assert probe_of(trainer)() == pytest.approx(trainer.evaluate()["eval_loss"], rel=1e-5)


def test_goes_on_from_a_checkpoint_as_if_nothing_had_been(tokenizer, tmp_path):
    whole = new_sft(tokenizer, tmp_path / "whole")
    callback, values = add_stopping(whole)
    whole.train()

    first = new_sft(tokenizer, tmp_path / "cut", max_steps=15, save_strategy="steps", save_steps=15)
    add_stopping(first)
    first.train()
    second = new_sft(tokenizer, tmp_path / "cut")
    resumed, rest = add_stopping(second)
    second.train(resume_from_checkpoint=True)
    assert rest == values[15:]
    assert resumed.stopped_step == callback.stopped_step == second.state.global_step
    assert resumed.rule.save() == callback.rule.save()
    assert equal(second.model, whole.model.parameters())
