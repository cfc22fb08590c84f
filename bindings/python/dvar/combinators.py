"""Joins rules into rules. Each copies its members, with their state: what is observed later, it alone observes."""

from typing import Any

from dvar import _native
from dvar.rule import Rule


def _handle_of(member: Rule, group: Rule) -> int:
    if not isinstance(member, Rule):
        raise TypeError(f"{type(group).__name__}: a member must be a rule, not {member!r}")
    # The group asks the native rule, past what a subclass has of its own.
    for name in ("observe", "advance", "latest", "reason", "report", "reset"):
        if getattr(type(member), name) is not getattr(Rule, name):
            raise TypeError(
                f"{type(group).__name__}: {type(member).__name__} has a {name} of its own, which a group would not call"
            )
    return member._handle


class _Group(Rule):
    _name: str

    def __init__(self, *members: Rule) -> None:
        self._settings = {"members": members}
        self._handle = _native.create_group(self._name, [_handle_of(member, self) for member in members])

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_group, (type(self), self._settings["members"], self.save())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._settings['members']))})"


class AnyOf(_Group):
    """Stops when one of its members does; the verdict is that of the first of them, in the order given."""

    _name = "any_of"


class AllOf(_Group):
    """Stops when all of its members do at the same observation."""

    _name = "all_of"


class _Modifier(Rule):
    _name: str

    def _modify(self, setting: str, number: int, member: Rule) -> None:
        self._settings = {setting: number, "member": member}
        count = _native.size(f"{type(self).__name__}: {setting}", number, least=1)
        self._handle = _native.create_modified(self._name, count, _handle_of(member, self))


class After(_Modifier):
    """Lets its member stop only after ``minimum`` observations, or steps where it is told them. The member sees every
    observation, and is asked anew after the minimum."""

    _name = "after"

    def __init__(self, minimum: int, member: Rule) -> None:
        self._modify("minimum", minimum, member)


class Every(_Modifier):
    """Shows its member every ``stride``-th observation."""

    _name = "every"

    def __init__(self, stride: int, member: Rule) -> None:
        self._modify("stride", stride, member)


class Consecutive(_Modifier):
    """Stops when its member has said stop ``times`` times in a row."""

    _name = "consecutive"

    def __init__(self, times: int, member: Rule) -> None:
        self._modify("times", times, member)


class Despiked(_Modifier):
    """Shows its member the running median of ``width`` values, an odd number, so that spikes are never seen."""

    _name = "despiked"

    def __init__(self, width: int, member: Rule) -> None:
        self._modify("width", width, member)


class Latched(Rule):
    """Stops when its member does, and stays stopped until :meth:`reset`."""

    def __init__(self, member: Rule) -> None:
        self._settings = {"member": member}
        self._handle = _native.create_latched(_handle_of(member, self))


def _restore_group(kind: type[_Group], members: tuple[Rule, ...], state: bytes) -> _Group:
    group = kind(*members)
    group.load(state)
    return group
