"""Parts whose constructor is their configuration.

A ``Component`` is a class whose constructor arguments are typed, keyword-capable and stored under their
own names. Nothing else is needed: :meth:`Component.config` reads them back, :func:`build` makes the part
again from a table (a section of a recipe, an entry of ``config.json``), and every wrong argument gets one
sentence, whether it comes from Python, a recipe or the command line.

Which classes exist is written down once, in the ``__all__`` of the sub-package that holds the family's
abstract base: that is the :func:`catalogue`. A table names a class by its exported name only.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
import typing
from abc import ABC
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar, get_args, get_origin, get_type_hints

from timbrespace.core.errors import ParameterError, did_you_mean
from timbrespace.core.knob import Knob


@dataclass(frozen=True)
class _WiredMark:
    """Marks an argument that follows from other parts."""


_WIRED: Final = _WiredMark()
T = TypeVar("T")
C = TypeVar("C", bound="Component")

Wired = Annotated[T, _WIRED]
"""``Wired[int]``: an argument that follows from others. Recipes leave it out, the builder fills it by
name from what other parts :meth:`~Component.provides`, and the bundle stores it."""


@dataclass(frozen=True)
class Argument:
    """One constructor argument as the builder sees it."""

    name: str
    annotation: Any
    default: Any
    wired: bool
    knob: Knob | None

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def family(self) -> type[Component] | None:
        """The abstract base if the argument is itself a part, else nothing."""
        return next((a for a in _alternatives(self.annotation) if _is_component(a)), None)

    @property
    def item_family(self) -> type[Component] | None:
        """The abstract base if the argument is a list, a tuple or a table of parts by name, else nothing."""
        for alternative in _alternatives(self.annotation):
            if get_origin(alternative) in (list, tuple, dict):
                return next((a for a in get_args(alternative) if _is_component(a)), None)
        return None


class Component(ABC):
    """A part: abstract families derive from it, and final classes from those.

    Every argument a subclass's constructor takes must be stored under its own name (lists of modules as
    ``nn.ModuleList``). Arguments are checked on every construction.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in cls.__dict__:
            cls.__init__ = _checked(cls, cls.__dict__["__init__"])  # type: ignore[method-assign]  # wraps itself

    @classmethod
    def arguments(cls) -> dict[str, Argument]:
        """The constructor's arguments by name, in order."""
        return _arguments(cls)

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The arguments that declare a range, by name."""
        return {a.name: a.knob for a in cls.arguments().values() if a.knob is not None}

    def provides(self) -> dict[str, Any]:
        """Values that wired arguments of sibling parts may ask for, by name."""
        return {}

    def config(self) -> dict[str, Any]:
        """The table from which :func:`build` makes this part again: ``kind`` and every argument."""
        table: dict[str, Any] = {"kind": type(self).__name__}
        for name in self.arguments():
            table[name] = _plain(getattr(self, name))
        return table


def catalogue(family: type[C]) -> dict[str, type[C]]:
    """The classes of a family by name: what the sub-package holding its abstract base exports."""
    package = importlib.import_module(family.__module__.rpartition(".")[0])
    exported = (getattr(package, name) for name in getattr(package, "__all__", ()))
    return {
        thing.__name__: thing
        for thing in exported
        if isinstance(thing, type) and issubclass(thing, family) and not inspect.isabstract(thing)
    }


def build(
    family: type[C],
    table: Mapping[str, Any],
    *,
    wired: Mapping[str, Any] | None = None,
    where: str = "",
) -> C:
    """Make a part of ``family`` from a table.

    ``table["kind"]`` names a class of the family's catalogue (not needed where there is one class only);
    the other keys are its constructor's arguments, tables again where an argument is itself a part, and the word
    ``none`` for nothing.
    ``wired`` holds the values of arguments that follow from others. Parts of one constructor are built
    in the order their wired arguments allow, each offering what it :meth:`~Component.provides` to the
    next. ``where`` is the dotted place in the recipe, for errors.

    Raises :class:`ParameterError` for an unknown class, an unknown, missing or invalid argument.
    """
    options = dict(table)
    cls = _choose(family, options.pop("kind", None), where)
    arguments = cls.arguments()
    known = dict(wired or {})
    values: dict[str, Any] = {}
    for name in options:
        if name not in arguments:
            raise ParameterError(_unknown(cls, name, where))
        options[name] = _meant(arguments[name], options[name])
        if arguments[name].wired and known.get(name, options[name]) != options[name]:
            raise ParameterError(
                f"{cls.__name__}'s {name!r}{_place(where)} follows from elsewhere and is {known[name]!r}; leave it out."
            )
        if arguments[name].family is not None and not isinstance(options[name], Mapping):
            _validated_part(cls, arguments[name], options[name])
    pending = {name: arguments[name] for name in arguments if _holds_parts(arguments[name], options)}
    for name, value in options.items():
        if name not in pending:
            values[name] = value
    for name, argument in arguments.items():
        if argument.wired and name not in values and name in known:
            values[name] = known[name]
    while pending:
        name = _next_buildable(pending, options, known, where)
        values[name] = _build_argument(pending.pop(name), options[name], known, f"{where}{name}.")
        if isinstance(values[name], Component):
            known.update(values[name].provides())
    return _construct(cls, values, where)


def _meant(argument: Argument, value: Any) -> Any:
    """The value of a table's entry: the word ``none`` is nothing where that is allowed, since TOML cannot say it."""
    alternatives = set(_alternatives(argument.annotation))
    return None if value == "none" and type(None) in alternatives and str not in alternatives else value


def _construct(cls: type[C], values: dict[str, Any], where: str) -> C:
    missing = [a.name for a in cls.arguments().values() if a.required and a.name not in values]
    if missing:
        raise ParameterError(_missing(cls, missing[0], where))
    try:
        return cls(**values)
    except ParameterError as error:
        raise ParameterError(f"{error} (at {where.rstrip('.')})" if where else str(error)) from None


def _choose(family: type[C], kind: object, where: str) -> type[C]:
    classes = catalogue(family)
    if kind is None and len(classes) == 1:
        return next(iter(classes.values()))
    place = f" at '{where.rstrip('.')}'" if where else ""
    if kind is None:
        names = ", ".join(repr(c) for c in classes)
        raise ParameterError(f"A {family.__name__}{place} needs 'kind', one of {names}.")
    if kind not in classes:
        raise ParameterError(f"There is no {family.__name__} {kind!r}{place}. {did_you_mean(str(kind), classes)}")
    return classes[str(kind)]


def _holds_parts(argument: Argument, options: Mapping[str, Any]) -> bool:
    value = options.get(argument.name)
    if argument.family is not None:
        return isinstance(value, Mapping)
    return argument.item_family is not None and isinstance(value, list | tuple | Mapping)


def _next_buildable(
    pending: Mapping[str, Argument], options: Mapping[str, Any], known: Mapping[str, Any], where: str
) -> str:
    """The first pending part whose wired arguments are all known; the first of all if none is."""
    for name, argument in pending.items():
        if argument.family is None:
            return name
        cls = _choose(argument.family, options[name].get("kind"), f"{where}{name}.")
        wanted = (a.name for a in cls.arguments().values() if a.wired and a.required)
        if all(w in known or w in options[name] for w in wanted):
            return name
    return next(iter(pending))


def _build_argument(argument: Argument, value: Any, known: Mapping[str, Any], where: str) -> Any:
    if argument.family is not None:
        return build(argument.family, value, wired=known, where=where)
    family = argument.item_family
    assert family is not None  # _holds_parts let only these through

    def item(key: object, table: Any) -> Any:
        return build(family, table, wired=known, where=f"{where}{key}.") if isinstance(table, Mapping) else table

    if isinstance(value, Mapping):
        return {key: item(key, table) for key, table in value.items()}
    return [item(i, table) for i, table in enumerate(value)]


@functools.cache
def _arguments(cls: type[Component]) -> dict[str, Argument]:
    init = inspect.unwrap(cls.__init__)
    hints = get_type_hints(init, vars(sys.modules[cls.__module__]), include_extras=True)
    found = {}
    for parameter in list(inspect.signature(init).parameters.values())[1:]:
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        hint = hints.get(parameter.name, Any)
        marks = tuple(_marks(hint))
        found[parameter.name] = Argument(
            name=parameter.name,
            annotation=hint,
            default=parameter.default,
            wired=_WIRED in marks,
            knob=next((m for m in marks if isinstance(m, Knob)), None),
        )
    return found


def _marks(hint: Any) -> Iterator[Any]:
    """Our marks on an annotation, or on a member of a union: ``Annotated[int, Knob(0, 2)] | None`` has a range too."""
    if get_origin(hint) is Annotated:
        yield from get_args(hint)[1:]
    elif typing.get_origin(hint) is typing.Union or isinstance(hint, types.UnionType):
        for member in get_args(hint):
            yield from _marks(member)


def _checked(cls: type[Component], init: Callable[..., None]) -> Callable[..., None]:
    """The constructor with its arguments checked first, so that Python gets the same sentences as recipes."""

    @functools.wraps(init)
    def checked(self: Component, *args: Any, **kwargs: Any) -> None:
        arguments = cls.arguments()
        for name in kwargs:
            if name not in arguments:
                raise ParameterError(_unknown(cls, name, ""))
        try:
            bound = inspect.signature(init).bind(self, *args, **kwargs)
        except TypeError as error:
            given = set(kwargs) | set(list(arguments)[: len(args)])
            missing = [a.name for a in arguments.values() if a.required and a.name not in given]
            raise ParameterError(_missing(cls, missing[0], "") if missing else f"{cls.__name__}: {error}.") from None
        values = dict(list(bound.arguments.items())[1:])
        for name, value in values.items():
            if name in arguments:
                values[name] = _validated(cls, arguments[name], value)
        init(self, **values)

    return checked


@functools.cache
def _adapter(annotation: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    return TypeAdapter(annotation, config=ConfigDict(arbitrary_types_allowed=True))


def _validated(cls: type[Component], argument: Argument, value: Any) -> Any:
    if argument.family is not None or argument.item_family is not None:
        return _validated_part(cls, argument, value)
    from pydantic import ValidationError

    place = f"{cls.__name__}'s {argument.name!r}"
    if isinstance(value, bool) and bool not in _alternatives(argument.annotation):
        raise ParameterError(f"{place} expects {_spell(argument.annotation)}, not {value!r}.")
    try:
        checked = _adapter(_key(argument.annotation)).validate_python(value)
    except ValidationError as error:
        reason = error.errors()[0]["msg"]
        reason = reason[0].lower() + reason[1:]
        raise ParameterError(f"{place} expects {_spell(argument.annotation)}, not {value!r}: {reason}.") from None
    numbers = checked if isinstance(checked, list | tuple) else [checked]
    if argument.knob is not None:
        for number in numbers:
            if isinstance(number, int | float) and not argument.knob.contains(number):
                raise ParameterError(f"{place} is {number}, outside its range {argument.knob}.")
    return checked


def _validated_part(cls: type[Component], argument: Argument, value: Any) -> Any:
    if value is None and type(None) in _alternatives(argument.annotation):
        return value
    family = argument.family or argument.item_family
    assert family is not None
    if argument.item_family is None or not isinstance(value, Iterable):
        parts: Iterable[Any] = [value]
    else:
        parts = value.values() if isinstance(value, Mapping) else value
    for part in parts:
        if not isinstance(part, family):
            raise ParameterError(
                f"{cls.__name__}'s {argument.name!r} expects a {family.__name__}"
                f" ({', '.join(catalogue(family))}), not {part!r}."
            )
    return value


def _key(annotation: Any) -> Any:
    """The annotation without our own marks, which pydantic does not know."""
    if get_origin(annotation) is Annotated:
        return get_args(annotation)[0]
    return annotation


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The members of a union, or the annotation itself, without marks."""
    bare = _key(annotation)
    if typing.get_origin(bare) is typing.Union or isinstance(bare, types.UnionType):
        for member in get_args(bare):
            yield from _alternatives(member)
    else:
        yield bare


def _is_component(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Component)


def _plain(value: Any) -> Any:
    if isinstance(value, Component):
        return value.config()
    if isinstance(value, list | tuple) or type(value).__name__ == "ModuleList":
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _spell(annotation: Any) -> str:
    if typing.get_origin(_key(annotation)) is typing.Literal:
        return "one of " + ", ".join(repr(a) for a in get_args(_key(annotation)))
    names = {
        "int": "a whole number",
        "float": "a number",
        "str": "text",
        "bool": "true or false",
        "NoneType": "nothing",
    }
    spelled = [getattr(a, "__name__", str(a)) for a in _alternatives(annotation)]
    return " or ".join(names.get(s, s) for s in spelled)


def _place(where: str) -> str:
    return f" (at {where.rstrip('.')})" if where else ""


def _unknown(cls: type[Component], name: str, where: str) -> str:
    place = _place(where)
    settable = [a.name for a in cls.arguments().values() if not a.wired]
    return f"{cls.__name__} has no argument {name!r}{place}. {did_you_mean(name, settable)}"


def _missing(cls: type[Component], name: str, where: str) -> str:
    place = _place(where)
    argument = cls.arguments()[name]
    how = "which follows from another part that was not given" if argument.wired else "which has no default"
    return f"{cls.__name__} needs {name!r}{place}, {how}; expected {_spell(argument.annotation)}."
