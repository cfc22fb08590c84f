"""Runs our tokenizer on many texts at once, and compares its ids with a tokenizer of transformers."""

import struct
import subprocess

from paths import BIN

TOKENS = ["<cat>", "<My-Dog>", "sks", "<猫>", "***", "<cat>_1"]


def tokenize(directory, texts, tokens=()):
    """What our tokenizer makes of each text: all ids without those at the ends, and the padded prompt."""
    data = b"".join(struct.pack("<I", len(t)) + t for t in (text.encode() for text in texts))
    result = subprocess.run([BIN / "tokenize", directory, *tokens], input=data, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(texts)
    return [tuple([int(i) for i in part.split()] for part in line.split("|")) for line in lines]


def compare(directory, texts, tokens=(), *, kind):
    """Every text has the ids that a tokenizer of `kind` gives, with `tokens` added to both. Returns the number of texts."""
    peer = kind.from_pretrained(directory)
    for token in tokens:
        assert peer.add_tokens(token) == 1
    length = min(peer.model_max_length, 77)
    whole = peer(texts, add_special_tokens=False).input_ids
    padded = peer(texts, padding="max_length", truncation=True, max_length=length).input_ids
    ours = tokenize(directory, texts, tokens)
    different = [
        f"{text!r}: expected {a if a != x else b}, found {x if a != x else y}"
        for text, a, b, (x, y) in zip(texts, whole, padded, ours)
        if (a, b) != (x, y)
    ]
    assert not different, "\n".join([f"{len(different)} of {len(texts)} texts differ", *different[:5]])
    return len(texts)
