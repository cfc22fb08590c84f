"""The ids of transformers' BertTokenizer, with BERT's own vocabulary and with a small one."""

import functools
import json
import string

import pytest
import tokenizing
from texts import ASSIGNED, prompts, strings, with_placeholders
from tokenizing import TOKENS
from transformers import BertTokenizer
from vocabularies import bert_pieces

compare = functools.partial(tokenizing.compare, kind=BertTokenizer)


def write(folder, pieces, **config):
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join([*pieces, ""]))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77, **config}))
    return folder


@pytest.fixture(scope="session")
def small():
    """Pieces that are mostly single characters: nearly every character shows in the ids."""
    letters = string.ascii_letters + string.digits + "éÉüßøαωкяا猫犬ねこ"
    words = ["photo", "##graph", "a", "##ing", "cat", "Cat", "##s", "cafe", "café", "##fé", "sks", "\u0301", "##\u0301", "\u093f"]
    marks = [c for c in string.punctuation if c not in "#"] + ["…", "“", "\u166d", "\U000111c9", "#"]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *marks, *letters, *("##" + c for c in letters), *words]
    return list(dict.fromkeys(pieces))


@pytest.fixture(scope="session")
def bert(tmp_path_factory):
    """BERT's lower-case vocabulary, in the files of the published text-to-image model."""
    return write(tmp_path_factory.mktemp("bert") / "tokenizer", bert_pieces(), do_lower_case=True,
                 strip_accents=None, tokenize_chinese_chars=True, tokenizer_class="BertTokenizer")  # fmt: skip


def test_twenty_thousand_strings(bert):
    """All at once, placeholders added."""
    texts = strings(20000, seed=21) + with_placeholders(TOKENS) + prompts(3000, seed=22, extra=TOKENS)
    assert compare(bert, texts, TOKENS) >= 20000


def test_special_tokens_in_the_text(bert):
    pool = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]", "[mask]", "[unused7]", "##ing", "[[CLS]]", "a[SEP]b"]
    compare(bert, prompts(2000, seed=23, extra=pool) + pool)


def test_long_words_and_prompts(bert):
    texts = [c * n for c in ["a", "é", "猫", "\u0301", "1", "x\u200d"] for n in [1, 50, 99, 100, 101, 102, 200, 1000]]
    texts += [" ".join(["photo"] * n) for n in range(70, 85)] + ["".join(prompts(40, seed=s)) for s in range(20)]
    compare(bert, texts)


CONFIGS = {
    "as it is": {},
    "cased": dict(do_lower_case=False),
    "cased without accents": dict(do_lower_case=False, strip_accents=True),
    "lower case with accents": dict(strip_accents=False),
    "ideographs as they stand": dict(tokenize_chinese_chars=False),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_configurations(name, small, tmp_path):
    directory = write(tmp_path / "t", small, **CONFIGS[name])
    compare(directory, prompts(2000, seed=24) + strings(2000, seed=25) + with_placeholders(TOKENS[:3]), TOKENS[:2])


@pytest.mark.parametrize("name", ["as it is", "cased"])
def test_every_code_point(name, small, tmp_path):
    # The character and its neighbors, as one known word or several: what drops it, parts words at it or strips it shows.
    directory = write(tmp_path / "t", small, **CONFIGS[name])
    points = [chr(p) for p in ASSIGNED if not 0xE010 < p < 0xF8F0 and not 0xF0010 < p < 0x10FFF0]
    pieces = [*small, *(c for c in points if c not in small and not c.isspace())]
    directory = write(tmp_path / "all", dict.fromkeys(pieces), **CONFIGS[name])
    groups = [points[i : i + 8] for i in range(0, len(points), 8)]
    compare(directory, [" ".join(f"a{p}b {p}" for p in group) for group in groups])


def test_another_vocabulary_of_roles(small, tmp_path):
    roles = dict(pad_token="#", cls_token="cat", sep_token="[SEP]", unk_token="a")
    directory = write(tmp_path / "t", small, **roles)
    (directory / "special_tokens_map.json").write_text(json.dumps(roles))
    compare(directory, prompts(1000, seed=26, extra=["cat", "concat", "#"]))


def test_what_transformers_saves(bert, tmp_path):
    peer = BertTokenizer.from_pretrained(bert)
    peer.add_tokens(["<My-Cat>"])
    peer.save_pretrained(tmp_path / "t")
    assert (tmp_path / "t" / "tokenizer.json").exists()
    compare(tmp_path / "t", prompts(1000, seed=27, extra=["<My-Cat>"]), ["<new>"])
