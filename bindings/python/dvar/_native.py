"""Calls the C interface (dvar/dvar.h) through ctypes: prototypes, and statuses as exceptions."""

import ctypes
import json
import operator
import os
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, SupportsIndex

ABI = 4


class StateError(ValueError):
    """Reports a saved state that cannot be loaded: damaged, of another rule, of other settings, or of another version."""


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 1024)]


class Verdict(ctypes.Structure):
    _fields_ = [
        ("statistic", ctypes.c_double),
        ("rule", ctypes.c_char_p),
        ("stop", ctypes.c_bool),
        ("warming_up", ctypes.c_bool),
        ("has_statistic", ctypes.c_bool),
    ]


class Reported(ctypes.Structure):
    _fields_ = [
        ("name", ctypes.c_char_p),
        ("value", ctypes.c_double),
        ("bound", ctypes.c_double),
        ("comparison", ctypes.c_int),
        ("has_value", ctypes.c_bool),
        ("has_bound", ctypes.c_bool),
    ]


class MeanError(ctypes.Structure):
    _fields_ = [
        ("mean", ctypes.c_double),
        ("effective_sample_size", ctypes.c_double),
        ("standard_error", ctypes.c_double),
        ("split_r_hat", ctypes.c_double),
    ]


_path = str(pathlib.Path(__file__).with_name("native.dll" if sys.platform == "win32" else "native.so"))
# Most calls take less than a microsecond, so they keep the interpreter's lock: that is faster than to give it away, and no
# two threads are in one rule. Those that take a whole recorded run give it away.
_library = ctypes.PyDLL(_path)
_unlocked = ctypes.CDLL(_path)
_handle = ctypes.c_void_p
_error = ctypes.POINTER(Error)
_size = ctypes.c_size_t
_largest: int = _size(-1).value


def _function(name: str, result: Any, *arguments: Any, library: ctypes.CDLL = _library) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(library, name)
    function.restype = result  # type: ignore[attr-defined]
    function.argtypes = arguments  # type: ignore[attr-defined]
    return function


_abi = _function("dvar_c_abi", ctypes.c_uint32)
if _abi() != ABI:
    raise ImportError(f"dvar: the library beside this file has the interface {_abi()}, this package needs {ABI}")

_version = _function("dvar_version", ctypes.c_char_p)
_catalog = _function("dvar_catalog", ctypes.c_char_p)
_create = _function("dvar_create", _handle, ctypes.c_char_p, _error)
_groups = {
    name: _function(f"dvar_{name}_create", _handle, ctypes.POINTER(_handle), _size, _error) for name in ("any_of", "all_of")
}
_modifiers = {
    name: _function(f"dvar_{name}_create", _handle, _size, _handle, _error)
    for name in ("after", "every", "consecutive", "despiked")
}
_latched = _function("dvar_latched_create", _handle, _handle, _error)
_copy = _function("dvar_copy", _handle, _handle, _error)
_reason = _function("dvar_reason", _size, _handle, ctypes.c_char_p, _size)
_text = _function("dvar_text", _size, _handle, ctypes.c_char_p, _size)
_json = _function("dvar_json", _size, _handle, ctypes.c_char_p, _size)
_report = _function("dvar_report", _size, _handle, ctypes.POINTER(Reported), _size)
_save = _function("dvar_save", ctypes.c_int, _handle, ctypes.c_char_p, _size, ctypes.POINTER(_size), _error)
_load = _function("dvar_load", ctypes.c_int, _handle, ctypes.c_char_p, _size, _error)

_doubles = ctypes.POINTER(ctypes.c_double)
_sizes = ctypes.POINTER(_size)
_threshold_grid = _function(
    "dvar_threshold_grid", ctypes.c_int, _doubles, _size, _sizes, _size, _doubles, _size, _sizes, _error,
    library=_unlocked,
)

_log_read = _function("dvar_log_read", _handle, ctypes.c_char_p, ctypes.c_char_p, _error, library=_unlocked)
_log_name = _function("dvar_log_name", ctypes.c_char_p, _handle)
_log_column = _function("dvar_log_column", ctypes.c_char_p, _handle, _size)
_log_values = _function("dvar_log_values", _size, _handle, _sizes, _doubles, _size)
_log_destroy = _function("dvar_log_destroy", None, _handle)

_mean_error_of = _function(
    "dvar_mean_error_of", ctypes.c_int, _doubles, _size, ctypes.POINTER(MeanError), _error, library=_unlocked
)

observe = _function("dvar_observe", Verdict, _handle, ctypes.c_double)
observe_at = _function("dvar_observe_at", Verdict, _handle, ctypes.c_double, _size)
advance = _function("dvar_advance", Verdict, _handle, _size, _doubles)
observe_until_stop = _function("dvar_observe_until_stop", _size, _handle, _doubles, _size, library=_unlocked)
latest = _function("dvar_latest", Verdict, _handle)
reset = _function("dvar_reset", None, _handle)
destroy = _function("dvar_destroy", None, _handle)


def _raise(error: Error) -> None:
    kinds: dict[int, type[Exception]] = {1: ValueError, 2: StateError, 3: MemoryError}
    raise kinds.get(error.status, RuntimeError)(error.message.decode(errors="replace"))


def _made(function: Callable[..., Any], *arguments: Any) -> int:
    error = Error()
    handle: int | None = function(*arguments, ctypes.byref(error))
    if handle is None:
        _raise(error)
    assert handle is not None
    return handle


def version() -> str:
    text: bytes = _version()
    return text.decode()


def catalog() -> dict[str, Any]:
    """Returns what the library says of its rules, as :c:func:`dvar_catalog` describes it."""
    text: bytes | None = _catalog()
    if text is None:
        raise MemoryError
    described: dict[str, Any] = json.loads(text)
    return described


def size(name: str, number: SupportsIndex, least: int = 0) -> int:
    """Returns a number for a ``size_t``: for what does not fit, ctypes would take another one without a word."""
    try:
        value = operator.index(number)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {number!r}") from None
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
    if value > _largest:
        raise ValueError(f"{name} must be at most {_largest}, not {value}")
    return value


def create(text: str) -> int:
    if not isinstance(text, str):
        raise TypeError(f"a rule's text must be a string, not {text!r}")
    if "\0" in text:
        raise ValueError(f"a rule's text must have no character 0: {text!r}")
    return _made(_create, text.encode())


def create_group(name: str, members: Sequence[int]) -> int:
    return _made(_groups[name], (_handle * len(members))(*members), len(members))


def create_modified(name: str, number: int, member: int) -> int:
    return _made(_modifiers[name], number, member)


def create_latched(member: int) -> int:
    return _made(_latched, member)


def copy(handle: int) -> int:
    return _made(_copy, handle)


def _written(function: Callable[..., Any], handle: int) -> str:
    length: int = function(handle, None, 0)
    buffer = ctypes.create_string_buffer(length + 1)
    function(handle, buffer, length + 1)
    return buffer.value.decode()


def reason(handle: int) -> str:
    return _written(_reason, handle)


def text(handle: int) -> str:
    return _written(_text, handle)


def to_json(handle: int) -> str:
    return _written(_json, handle)


def report(handle: int) -> dict[str, float | None]:
    count: int = _report(handle, None, 0)
    values = (Reported * count)()
    _report(handle, values, count)
    return {each.name.decode(): each.value if each.has_value else None for each in values}


def save(handle: int) -> bytes:
    error, size = Error(), _size()
    if _save(handle, None, 0, ctypes.byref(size), ctypes.byref(error)) != 0:
        _raise(error)
    buffer = ctypes.create_string_buffer(size.value)
    if _save(handle, buffer, size, ctypes.byref(size), ctypes.byref(error)) != 0:
        _raise(error)
    return buffer.raw


def load(handle: int, state: bytes) -> None:
    error = Error()
    if _load(handle, state, len(state), ctypes.byref(error)) != 0:
        _raise(error)


def threshold_grid(losses: Any, windows: Sequence[int], thresholds: Sequence[float]) -> list[list[int]]:
    """Returns the stops, 0 where there is none. ``losses`` is an ``array("d")``."""
    error, columns = Error(), len(thresholds)
    stops = (_size * (len(windows) * columns))()
    status = _threshold_grid(
        ctypes.cast(losses.buffer_info()[0], _doubles), len(losses),
        (_size * len(windows))(*windows), len(windows),
        (ctypes.c_double * columns)(*thresholds), columns,
        stops, ctypes.byref(error),
    )
    if status != 0:
        _raise(error)
    return [stops[row * columns : (row + 1) * columns] for row in range(len(windows))]


def mean_error_of(values: Any) -> dict[str, float]:
    """Returns the numbers of ``dvar_mean_error``, NaN where they are undefined. ``values`` is an ``array("d")``."""
    error, found = Error(), MeanError()
    first = ctypes.cast(values.buffer_info()[0], _doubles)
    if _mean_error_of(first, len(values), ctypes.byref(found), ctypes.byref(error)) != 0:
        _raise(error)
    return {name: getattr(found, name) for name, _ in MeanError._fields_}


def read_log(path: str, column: str | None) -> tuple[str, list[int], list[float], list[str]]:
    """Returns the name, the steps and the values of a log's column, and the names of all."""
    handle = _made(_log_read, os.fsencode(path), None if column is None else column.encode())
    try:
        count: int = _log_values(handle, None, None, 0)
        steps, values = (_size * count)(), (ctypes.c_double * count)()
        _log_values(handle, steps, values, count)
        columns: list[str] = []
        while (name := _log_column(handle, len(columns))) is not None:
            columns.append(name.decode(errors="replace"))
        return _log_name(handle).decode(errors="replace"), list(steps), list(values), columns
    finally:
        _log_destroy(handle)
