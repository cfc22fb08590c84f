"""Writes dvar/rules.pyi, the types of the classes that dvar.rules makes when it is imported. With the package installed:

    python bindings/python/make_stubs.py
"""

import inspect
import pathlib
import sys

HERE = pathlib.Path(__file__).parent


def class_stub(rule: type) -> str:
    lines = [f"class {rule.__name__}(Rule):", f'    """{rule.__doc__}"""', "", "    def __init__("]
    lines += [f"        {parameter}," for parameter in inspect.signature(rule.__init__).parameters.values()]
    lines += ["    ) -> None: ..."]
    for name, member in vars(rule).items():
        if isinstance(member, classmethod):
            lines += ["    @classmethod", f"    def {name}(cls) -> Self:", f'        """{member.__doc__}"""']
        elif isinstance(member, property):
            lines += ["    @property", f"    def {name}(self) -> float | None: ..."]
    return "\n".join(lines) + "\n"


def stub(rules: object) -> str:
    """Returns the text of the stub."""
    head = [
        "# Written by bindings/python/make_stubs.py from what the C++ library says of its rules.",
        "",
        "from typing import Literal",
        "",
        "from typing_extensions import Self",
        "",
        "from dvar.rule import Rule",
        "",
        "__all__ = [",
        *(f'    "{name}",' for name in rules.__all__),
        "]",
    ]
    return "\n".join(head) + "\n" + "".join("\n" + class_stub(getattr(rules, name)) for name in rules.__all__)


if __name__ == "__main__":
    sys.path.remove(str(HERE.resolve()))  # The installed package is meant: this one has no library beside it.
    from dvar import rules

    (HERE / "dvar" / "rules.pyi").write_text(stub(rules))
