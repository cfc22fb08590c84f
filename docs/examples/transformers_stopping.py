"""A language model that learns the topics of Python's help, byte by byte, and stops when it has converged."""

import dvar
import torch
from dvar.transformers import ConvergenceStopping, language_model_probe
from pydoc_data.topics import topics
from transformers import LlamaConfig, LlamaForCausalLM, Trainer, TrainingArguments, default_data_collator, set_seed

set_seed(1)
LENGTH = 64
text = torch.frombuffer(bytearray("".join(topics.values()).encode()), dtype=torch.uint8).long()
blocks = [{"input_ids": block, "labels": block} for block in text[: len(text) // LENGTH * LENGTH].split(LENGTH)]
held_out, blocks = blocks[::50][:16], [block for number, block in enumerate(blocks) if number % 50]

config = LlamaConfig(
    vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
    max_position_embeddings=LENGTH, attention_dropout=0.1,
)
model = LlamaForCausalLM(config)

probe = language_model_probe(model, [default_data_collator(held_out)])
rule = dvar.AnyOf(dvar.VarianceRatio(window=62, threshold=0.05), dvar.StepLimit(3000), dvar.NonFinite())
stopping = ConvergenceStopping(probe, rule, every_n_steps=5, restore_best_weights=True)

trainer = Trainer(
    model=model,
    args=TrainingArguments(
        output_dir="language_model", num_train_epochs=100, per_device_train_batch_size=8, learning_rate=1e-2, lr_scheduler_type="constant",
        logging_steps=100, save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True,
    ),
    train_dataset=blocks,
    callbacks=[stopping],
)
trainer.train()

print(f"stopped at step {stopping.stopped_step} by {rule.latest().rule}: {rule.reason()}")
print(f"{stopping.best.value:.3f} nats a byte on text that was held out, at step {stopping.best.step}")
