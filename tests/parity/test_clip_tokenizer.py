"""The ids of transformers' CLIPTokenizer, with a vocabulary that we learned and with CLIP's own."""

import functools
import json
import pydoc_data.topics
import shutil
import subprocess

import pytest
import tokenizing
from paths import BIN
from texts import ASSIGNED, prompts, strings, with_placeholders
from tokenizing import TOKENS
from transformers import CLIPTokenizer
from vocabularies import clip_merges

compare = functools.partial(tokenizing.compare, kind=CLIPTokenizer)


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """A vocabulary that our training learned of the English text that comes with Python, and a few others."""
    text = (
        "\n".join(pydoc_data.topics.topics.values())
        + "\nNaïve café, Größe, Ελληνικά, кошка, 猫と犬, 고양이, قطة. " * 9
    )
    directory = tmp_path_factory.mktemp("learned")
    program = BIN / "learn_vocabulary"
    subprocess.run([program, directory, "4096"], input=text.encode(), check=True)
    assert len(json.loads((directory / "vocab.json").read_text())) == 4096
    return directory


@pytest.fixture(scope="session")
def clip(tmp_path_factory, learned):
    """CLIP's vocabulary, in the files of Stable Diffusion 1.x."""
    merges = clip_merges()
    directory = tmp_path_factory.mktemp("clip")
    tokens = list(json.loads((learned / "vocab.json").read_text()))[:512]  # the bytes come first, in both
    tokens += [merge.replace(" ", "") for merge in merges] + ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == 49408
    (directory / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    (directory / "merges.txt").write_text("\n".join(["#version: 0.2", *merges, ""]))

    def added(content):
        return {
            "content": content,
            "lstrip": False,
            "normalized": True,
            "rstrip": False,
            "single_word": False,
        }

    roles = {
        "bos_token": added("<|startoftext|>"),
        "eos_token": added("<|endoftext|>"),
        "unk_token": added("<|endoftext|>"),
        "pad_token": "<|endoftext|>",
    }
    typed = {k: {"__type": "AddedToken", **v} if isinstance(v, dict) else v for k, v in roles.items()}
    (directory / "special_tokens_map.json").write_text(json.dumps(roles))
    (directory / "tokenizer_config.json").write_text(
        json.dumps(
            {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "do_lower_case": True, **typed}
        )
    )
    return directory


@pytest.fixture(params=["learned", "clip"])
def directory(request):
    return request.getfixturevalue(request.param)


def test_prompts(directory):
    compare(directory, prompts(6000, seed=1) + ["", " ", "\0", "a\0b"])


def test_long_prompts(directory):
    texts = ["cat " * 200, "x" * 3000, "猫" * 1000, "1" * 500, "a" * 75, "e\u0301" * 400, " " * 1000 + "a"]
    texts += [" ".join(["photo"] * n) for n in range(70, 85)] + [
        "".join(prompts(40, seed=s)) for s in range(20)
    ]
    compare(directory, texts)


def test_every_code_point(learned):
    # Private use is one kind from end to end.
    points = [chr(p) for p in ASSIGNED if not 0xE010 < p < 0xF8F0 and not 0xF0010 < p < 0x10FFF0]
    # Between letters, digits and other characters, in turn: what it joins and what it parts shows its class.
    groups = [points[i : i + 8] for i in range(0, len(points), 8)]
    compare(learned, [" ".join(f"a{p}b 1{p}! {p}" for p in group) for group in groups])


def test_placeholders(directory):
    compare(directory, prompts(3000, seed=2, extra=TOKENS) + with_placeholders(TOKENS), TOKENS)


def test_twenty_thousand_strings(clip):
    """All at once with CLIP's own vocabulary, placeholders added."""
    texts = strings(20000, seed=11) + with_placeholders(TOKENS)
    assert compare(clip, texts, TOKENS) >= 20000


def with_files(directory, target, files):
    shutil.copytree(directory, target)
    for name, change in files.items():
        file = target / name
        file.write_text(json.dumps({**(json.loads(file.read_text()) if file.exists() else {}), **change}))
    return target


def added(content, special, **flags):
    return {
        "content": content,
        "lstrip": False,
        "normalized": not special,
        "rstrip": False,
        "single_word": False,
        "special": special,
        **flags,
    }


def test_another_padding_token(directory, tmp_path):
    change = {"pad_token": "!"}  # as Stable Diffusion 2 has it
    files = {"special_tokens_map.json": change, "tokenizer_config.json": change}
    compare(with_files(directory, tmp_path / "t", files), prompts(1000, seed=3, extra=["!", "a!b"]))


def test_listed_tokens(directory, tmp_path):
    size = len(json.loads((directory / "vocab.json").read_text()))
    listed = {
        str(size - 2): added("<|startoftext|>", True),
        str(size - 1): added("<|endoftext|>", True, normalized=True),
        str(size): added("<Left>", False, lstrip=True),
        str(size + 1): added("<Right>", False, rstrip=True, normalized=False),
        str(size + 2): added("loner", False, single_word=True),
        str(size + 3): added("Exact", False, normalized=False, single_word=True, lstrip=True, rstrip=True),
    }
    files = {"tokenizer_config.json": {"added_tokens_decoder": listed}}
    texts = prompts(
        3000, seed=4, extra=["<Left>", "<Right>", "loner", "Exact", "aloner", "Exactly", "xloner"]
    )
    compare(with_files(directory, tmp_path / "t", files), texts)


def test_added_tokens_file(directory, tmp_path):
    size = len(json.loads((directory / "vocab.json").read_text()))
    files = {"added_tokens.json": {"<cat>": size, "<My-Dog>": size + 1}}
    compare(with_files(directory, tmp_path / "t", files), prompts(1000, seed=5, extra=["<cat>", "<My-Dog>"]))


def test_what_transformers_saves(directory, tmp_path):
    peer = CLIPTokenizer.from_pretrained(directory)
    peer.add_tokens(["<My-Cat>"])
    peer.save_pretrained(tmp_path / "t")
    assert (tmp_path / "t" / "tokenizer.json").exists()
    compare(tmp_path / "t", prompts(1000, seed=6, extra=["<My-Cat>"]))
