"""The ids of transformers' CLIPTokenizer, with a vocabulary that we learned and with CLIP's own."""

import gzip
import importlib.util
import json
import os
import pathlib
import pydoc_data.topics
import random
import shutil
import string
import struct
import subprocess
import sys
import unicodedata
import zipfile

import pytest
from transformers import CLIPTokenizer

BUILD = pathlib.Path(os.environ["DVAR_BUILD_DIR"])
TOKENS = ["<cat>", "<My-Dog>", "sks", "<猫>", "***", "<cat>_1"]


def tokenize(directory, texts, tokens=()):
    """What our tokenizer makes of each text: all ids without bos and eos, and the padded prompt."""
    data = b"".join(struct.pack("<I", len(t)) + t for t in (text.encode() for text in texts))
    result = subprocess.run([BUILD / "bin" / "tokenize", directory, *tokens], input=data, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()
    lines = result.stdout.decode().splitlines()
    assert len(lines) == len(texts)
    return [tuple([int(i) for i in part.split()] for part in line.split("|")) for line in lines]


def compare(directory, texts, tokens=()):
    peer = CLIPTokenizer.from_pretrained(directory)
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


@pytest.fixture(scope="session")
def learned(tmp_path_factory):
    """A vocabulary that our training learned of the English text that comes with Python, and a few others."""
    text = (
        "\n".join(pydoc_data.topics.topics.values())
        + "\nNaïve café, Größe, Ελληνικά, кошка, 猫と犬, 고양이, قطة. " * 9
    )
    directory = tmp_path_factory.mktemp("learned")
    program = BUILD / "bin" / "learn_vocabulary"
    subprocess.run([program, directory, "4096"], input=text.encode(), check=True)
    assert len(json.loads((directory / "vocab.json").read_text())) == 4096
    return directory


def clip_merges():
    """CLIP's merges out of open_clip: installed, or its wheel, which pip downloads to the build directory."""
    name = "bpe_simple_vocab_16e6.txt.gz"
    if spec := importlib.util.find_spec("open_clip"):
        packed = (pathlib.Path(spec.origin).parent / name).read_bytes()
    else:
        folder = BUILD / "tests" / "open_clip"
        if not list(folder.glob("*.whl")):
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder]
            if subprocess.run([*pip, "open_clip_torch"], capture_output=True).returncode != 0:
                return None
        with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
            packed = wheel.read(f"open_clip/{name}")
    # The file has more merges than CLIP uses: 49152 tokens less bytes and special ones, behind its version.
    return gzip.decompress(packed).decode().split("\n")[1 : 49152 - 256 - 2 + 1]


@pytest.fixture(scope="session")
def clip(tmp_path_factory, learned):
    """CLIP's vocabulary, in the files of Stable Diffusion 1.x."""
    merges = clip_merges()
    if merges is None:
        pytest.skip("CLIP's vocabulary needs the package open_clip_torch, and pip could not download it")
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


def is_assigned(point):
    """In Python's version of Unicode: of what came later the libraries know more or less."""
    return unicodedata.category(chr(point)) not in ("Cn", "Cs")


ASSIGNED = [point for point in range(0x110000) if is_assigned(point)]


WORDS = (
    "a photo of the cool cat it's WE'LL don't I'd you've they're I'm rock'n'roll 'stop' naïve "
    "CAFÉ Cafe\u0301 Größe ΣΊΣΥΦΟΣ Ο\u0301δος İstanbul ıi ŉ Ǆ Ὦ кошка 猫と犬 고양이 고양이 قطة בית "
    "बिल्ली แมว 🐱 👩‍👩‍👧 🇩🇪 👍🏽 ☃ … — “x” «y» ½ ² Ⅷ ٣ 3.14 1,000 2024-05-06 C++ a_b "
    "e-mail@x.org https://x.org/?q=1&r=2 #tag $5 50% <cat> <|endoftext|> <|startoftext|> "
    "<|ENDOFTEXT|> <|STARTOFTEXT|>> <| |> </w> Ġ \u0130\u0307 \ufb01 ﬁn K Å \u212b \u1e9e ẞ "
    "\U0001d400 \ufffd \ufeff \u00ad \u200b \u200d \u0301 "
).split()
SPACES = [
    " ",
    " ",
    " ",
    " ",
    "  ",
    "\n",
    "\t",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u2003",
    "\x85",
    "\u1680",
    "\u2028",
    "\x0b",
    "\x1c",
    "",
]


def prompts(count, seed, extra=()):
    """Sentences of words, punctuation, odd white space and stray code points."""
    generator = random.Random(seed)
    pool = WORDS + list(extra) * 8

    def word():
        text = generator.choice(pool)
        return generator.choice([text, text, text.upper(), text.capitalize()])

    def punctuation():
        return "".join(generator.choices(string.punctuation + string.digits, k=generator.randrange(1, 5)))

    def stray():
        return chr(generator.choice(ASSIGNED[: generator.choice([0x250, 0x3000, len(ASSIGNED)])]))

    def part():
        kind = generator.choices([word, punctuation, stray], weights=[14, 3, 3])[0]
        return kind() + generator.choice(SPACES)

    return ["".join(part() for _ in range(generator.randrange(14))) for _ in range(count)]


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
    texts = prompts(3000, seed=2, extra=TOKENS)
    for token in TOKENS:
        for form in [token, token.upper(), token * 2, f"{token} {token}", token[:-1], token[1:]]:
            for frame in [
                "{}",
                "a photo of {}",
                "{} a photo",
                "a {} photo",
                "({}),",
                "x{}y",
                "{}'s",
                "'{}'",
                "\n{}\t",
                "1{}2",
                "é{}\u0301",
            ]:
                texts.append(frame.format(form))
    compare(directory, texts, TOKENS)


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
