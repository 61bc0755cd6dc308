"""A table as the text of a Python file, to be read and changed.

A row is written with the function of `course.architectures` that needs the fewest words for it.
Nothing here lists these functions.
"""

import inspect
import re
from dataclasses import dataclass
from functools import cache

from course import architectures
from course.anatomy import anatomy

_WIDTH = 100  # characters of a line


def text_of(table, constant, title):
    """The text of a Python file with this Table under a name; `title` is its docstring's text."""
    calls = [_call(row) for row in table.rows]
    names = ["Table", *sorted({call.name for call in calls})]
    line = f"from course.architectures import {', '.join(names)}"
    if len(line) > _WIDTH:
        names = "".join(f"    {name},\n" for name in names)
        line = f"from course.architectures import (\n{names})"
    found = anatomy(table)
    head = f"#: {found.parameters:,} parameters, {found.macs:,} MACs."
    about = {"name": table.name, "source": table.source, "input_shape": tuple(table.input_shape)}
    lines = [f"{constant} = Table("]
    lines += [f"    {name}={_flat(value)}," for name, value in about.items()]
    lines += ["    rows=(", *(line for call in calls for line in _laid(call, 8)), "    ),"]
    lines += _laid(tuple(table.outputs), 4, "outputs=") if table.outputs else []
    return "\n".join([f'"""{title}"""\n\n{line}\n\n{head}', *lines, ")\n"])


def constant_of(name):
    """A name of a network as that of a constant: MobileNet v2 -> MOBILENET_V2."""
    words = re.sub(r"\W+", "_", name).strip("_").upper()
    return words if words.isidentifier() else f"NETWORK_{words}".rstrip("_")


@dataclass
class _Call:
    """A call of a function with (value, keyword) pairs; the keyword is "" where there is none."""

    name: str
    arguments: list


@cache
def _writers():
    """[(name, function, the fields of Row that its parameters become, how many it needs), ...].

    Which fields these are is seen from a Row that is made with names in the place of values.
    """
    found = []
    for name in architectures.__all__:
        function = getattr(architectures, name)
        if inspect.isfunction(function):
            known = inspect.signature(function).parameters.values()
            known = [each for each in known if each.kind is not each.VAR_KEYWORD]
            row = function(**{each.name: f"<{each.name}>" for each in known})
            said = {value: field for field, value in reversed(vars(row).items())}
            needed = sum(each.default is each.empty for each in known)
            found.append((name, function, [said[f"<{each.name}>"] for each in known], needed))
    return found


def _call(row):
    """The call with which a Row is written in the fewest words."""
    ways = []
    for name, function, places, needed in _writers():
        values = [getattr(row, field) for field in places]
        for given in range(needed, len(values) + 1):
            made = function(*values[:given])
            rest = {f: v for f, v in vars(row).items() if v != getattr(made, f)}
            if made.step == row.step and _makes(function, values[:given], rest, row):
                arguments = [(value, "") for value in values[:given]]
                ways.append(_Call(name, arguments + [(v, f) for f, v in rest.items()]))
    return min(ways, key=lambda call: (len(call.arguments), len(_flat(call))))


def _makes(function, values, rest, row):
    try:
        return function(*values, **rest) == row
    except TypeError:  # an argument that the function sets itself
        return False


def _laid(value, indent, keyword=""):
    """The lines of a call or another argument, broken where ruff breaks them."""
    begin = " " * indent + keyword
    line = f"{begin}{_flat(value)},"
    if len(line) <= _WIDTH or not isinstance(value, _Call | tuple):
        return [line]
    is_call = isinstance(value, _Call)
    parts = value.arguments if is_call else [(each, "") for each in value]
    inside = " " * (indent + 4) + ", ".join(map(_argument, parts))
    if is_call and len(inside) <= _WIDTH:
        lines = [inside]
    else:
        parts = [(each, key and f"{key}=") for each, key in parts]
        lines = [line for each, key in parts for line in _laid(each, indent + 4, key)]
    return [f"{begin}{value.name if is_call else ''}(", *lines, f"{' ' * indent}),"]


def _argument(part):
    value, keyword = part
    return f"{keyword}={_flat(value)}" if keyword else _flat(value)


def _flat(value):
    """A call or a value on one line."""
    if isinstance(value, _Call):
        return f"{value.name}({', '.join(map(_argument, value.arguments))})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_flat, value))}{',' * (len(value) == 1)})"
    text = repr(value)
    quoted = isinstance(value, str) and text[0] == "'" and '"' not in text
    return f'"{text[1:-1]}"' if quoted else text
