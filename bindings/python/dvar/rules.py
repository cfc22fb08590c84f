"""Has a class for every rule on numbers that the C++ library knows. They are made from what the library says of each: its
options with their defaults, its published settings, and the numbers that it reports. Their types are in ``rules.pyi``."""

import inspect
import operator
from collections.abc import Callable
from typing import Any, Literal

from dvar import _native
from dvar.rule import Rule

_catalog = _native.catalog()
_types = {"whole_number": int, "number": float, "choice": str}
_direction = {
    "name": "direction",
    "type": "choice",
    "choices": _catalog["directions"],
    "allowed": "",
    "required": True,
    "sentence": "which way is better",
}


def _parameter(option: dict[str, Any]) -> inspect.Parameter:
    kind = _types[option["type"]]
    annotation: Any = Literal[tuple(option["choices"])] if option["choices"] else kind
    if option["required"]:
        default = inspect.Parameter.empty
    elif option["default"] is None:
        default, annotation = None, annotation | None
    else:
        default = kind(option["default"])
    return inspect.Parameter(
        option["name"], inspect.Parameter.POSITIONAL_OR_KEYWORD, default=default, annotation=annotation
    )


def _checked(title: str, option: dict[str, Any], value: Any) -> Any:
    """Returns a value as the library's text takes it, and nothing else than one value."""
    kind = _types[option["type"]]
    if value is None and not option["required"]:
        return None
    try:
        if kind is int and not isinstance(value, bool):
            return operator.index(value)
        if kind is float and not isinstance(value, str):
            return float(value)
    except TypeError:
        pass
    if kind is str and isinstance(value, str):
        if value in option["choices"]:
            return value
        raise ValueError(f"{title}: {option['name']} must be {' or '.join(option['choices'])}, not {value!r}")
    expected = {int: "a whole number", float: "a number", str: "a string"}[kind]
    raise TypeError(f"{title}: {option['name']} must be {expected}, not {value!r}")


def _sentence(option: dict[str, Any]) -> str:
    allowed = option["allowed"] or " or ".join(option["choices"])
    return "; ".join(filter(None, (option["sentence"], allowed)))


def _constructor(rule: dict[str, Any], title: str, options: list[dict[str, Any]]) -> Callable[..., None]:
    parameters = [_parameter(option) for option in options]
    described = {option["name"]: option for option in options}
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.Signature([this, *parameters], return_annotation=None)

    def __init__(self: Rule, /, *arguments: Any, **named: Any) -> None:
        try:
            given = signature.bind(self, *arguments, **named)
        except TypeError as error:
            raise TypeError(f"{title}() {error}") from None
        given.apply_defaults()
        values = {name: value for name, value in given.arguments.items() if name != "self"}
        self._create(rule["name"], **{name: _checked(title, described[name], value) for name, value in values.items()})

    __init__.__signature__ = signature
    __init__.__qualname__ = f"{title}.__init__"
    return __init__


def _published(name: str, options: dict[str, Any]) -> classmethod:
    def make(cls: type[Rule]) -> Rule:
        return cls(**options)

    make.__name__ = name
    make.__doc__ = f"Makes the rule with these published settings: {', '.join(f'{k}={v!r}' for k, v in options.items())}."
    return classmethod(make)


def _number(name: str) -> property:
    return property(lambda self: self.report()[name], doc=f"Returns the number that :meth:`report` has as ``{name}``.")


def _class(rule: dict[str, Any]) -> type[Rule]:
    title = "".join(word.capitalize() for word in rule["name"].split("_"))
    options = [_direction] * rule["direction"] + rule["options"]
    options.sort(key=lambda option: not option["required"])
    lines = [f"    {option['name']}: {_sentence(option)}." for option in options]
    members = {
        "__module__": __name__,
        "__doc__": "\n".join([rule["summary"] + ".", *([""] * bool(lines)), *lines]),
        "__init__": _constructor(rule, title, options),
    }
    members.update((each["name"], _published(**each)) for each in rule["published"])
    members.update((name, _number(name)) for name in rule["reported"])
    return type(title, (Rule,), members)


_classes = {made.__name__: made for made in map(_class, _catalog["rules"])}
globals().update(_classes)
__all__ = sorted(_classes)
