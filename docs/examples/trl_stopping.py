"""TRL's SFTTrainer on the texts of Python's help, until the loss on texts that are held out says that it has converged."""

import dvar
from datasets import Dataset
from dvar.transformers import ConvergenceStopping, language_model_probe
from pydoc_data.topics import topics
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, set_seed
from trl import SFTConfig, SFTTrainer

set_seed(1)
texts = [part for text in topics.values() for part in text.split("\n\n") if len(part) > 200]
held_out, texts = texts[::50], [text for number, text in enumerate(texts) if number % 50]

# A tokenizer and a model of its own, as nothing is downloaded here.
pieces = Tokenizer(models.BPE())
pieces.pre_tokenizer, pieces.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
pieces.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=512, special_tokens=["<end>"], show_progress=False))
tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces, eos_token="<end>", pad_token="<end>")
config = LlamaConfig(
    vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, max_position_embeddings=64
)
model = LlamaForCausalLM(config)

trainer = SFTTrainer(
    model=model,
    args=SFTConfig(
        output_dir="help", max_length=64, num_train_epochs=100, per_device_train_batch_size=8, learning_rate=1e-2,
        lr_scheduler_type="constant", activation_checkpointing=False, bf16=False, save_strategy="no", report_to="none",
        logging_steps=100, disable_tqdm=True, use_cpu=True,
    ),
    train_dataset=Dataset.from_dict({"text": texts}),
    eval_dataset=Dataset.from_dict({"text": held_out}),
    processing_class=tokenizer,
)
# The texts that are held out, as the trainer has made tokens and a batch of them.
probe = language_model_probe(model, [trainer.data_collator(list(trainer.eval_dataset))])
rule = dvar.AnyOf(dvar.VarianceRatio(window=62, threshold=0.05), dvar.StepLimit(3000), dvar.NonFinite())
stopping = ConvergenceStopping(probe, rule, every_n_steps=5, restore_best_weights=True)
trainer.add_callback(stopping)
trainer.train()

print(f"stopped at step {stopping.stopped_step} by {rule.latest().rule}: {rule.reason()}")
print(f"{stopping.best.value:.3f} nats a token on text that was held out, at step {stopping.best.step}")
