"""A student's error told in words, with the lines that the student wrote."""

import ast
import contextlib
import inspect
import re
import sys
import traceback

from course.evidence.ends import TraceError
from course.evidence.in_words import SUPER, in_words
from course.evidence.keras_private import was_called
from course.evidence.keras_state import made_at
from course.evidence.lines import Misused, Refused, expression, how_to_call, in_line, is_own
from course.evidence.pytorch import errors
from course.language import _

_MOST = 300  # characters of an error's text
_RECURSIVE = 100  # calls of a student's functions, one in the other, by which they call themselves


@contextlib.contextmanager
def blame():
    """Turn whatever the student's code raises into a reason that names their line."""
    try:
        yield
    except (Refused, TraceError, KeyboardInterrupt, GeneratorExit):
        raise
    except Misused as error:
        raise Refused(error.kind, f"{error}{_lines(error)}") from None
    except BaseException as error:
        raise _refused(error) from None


def _refused(error):
    if isinstance(error, NotImplementedError) and (stub := _stub(error)):
        return stub
    with contextlib.suppress(Exception):  # whatever the student's objects do
        if text := _not_called(error):
            return Refused("NOT_CALLED", text)
    return Refused("RAISES", f"{_reason(error)}{_lines(error)}")


# --- where it happened


def _own(error):
    """[(frame, traceback entry)] of the student's code, the outermost first."""
    walked = traceback.walk_tb(error.__traceback__)
    parts = traceback.extract_tb(error.__traceback__)
    both = zip(walked, parts, strict=True)
    return [(entry[0], part) for entry, part in both if is_own(part.filename)]


def _lines(error):
    """` (line 4: ..., called in line 12: ...)`: where it happened, and the line that led there."""
    places = [(part.filename, part.lineno) for _, part in _own(error)]
    if not places:
        return ""
    callers, where = [place for place in places if place != places[-1]], in_line(places[-1])
    if callers:
        where = _("{line}, called in {caller}").format(line=where, caller=in_line(callers[-1]))
    return _at(where)


def _at(where):
    return _(" ({line})").format(line=where)


# --- the error's text


def _reason(error):
    """`TypeError: ...`, without colours; Keras's long texts are cut to the reason."""
    try:
        text = str(error)
    except Exception:  # of a class of the student's own
        text = ""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text[:20_000])
    # Keras puts its reason between the name of the layer and all that the layer was given.
    text = re.split(r"Exception encountered when calling [^\n]*\n+", text)[-1]
    text = text.split("\n\nArguments received by ")[0]
    text = re.split(r"Error encountered:\s+", text)[-1]
    text = re.sub(r" for '\{\{node .*?\]\(.*?\)'", "", text, flags=re.DOTALL)
    text = re.sub(r"<KerasTensor shape=(\([^)]*\))[^>]*>", r"a tensor \1", text)
    if said := in_words(text):
        return said
    if _did_not_begin(getattr(error, "obj", None)):
        return _(SUPER)
    if isinstance(error, RecursionError) and len(_own(error)) < _RECURSIVE:
        return _(
            "So many layers stand one after the other that Keras cannot connect them. Look at "
            "what your loops run over, and at the order of the arguments"
        )
    if isinstance(error, FileNotFoundError):
        found = re.search(r"name = '([^']*)'", text)  # of h5py
        name = found[1] if found else error.filename or ""
        text = _(
            "there is no file {name} here. Only the notebook is handed in: files of your own are "
            "not there when it is graded, so this function has to do without"
        ).format(name=name)
    text = " ".join(text.split())
    if len(text) > _MOST:
        last = re.split(r"(?<=[.:!?]) ", text)[-1]
        text = f"{text[: max(0, _MOST - len(last))]}… {last[-_MOST:]}"
    return f"{type(error).__name__}: {text}".removesuffix(": ").removesuffix(".")


def _did_not_begin(thing):
    """Whether a thing is a layer without the name that `Layer.__init__` gives to each."""
    layer = getattr(sys.modules.get("keras"), "Layer", ())
    return isinstance(thing, layer) and not hasattr(thing, "name")


def _stub(error):
    """What a `raise NotImplementedError` means: no answer yet, or the line was not deleted."""
    own = _own(error)
    last = list(traceback.walk_tb(error.__traceback__))[-1][0]
    if not own or own[-1][0] is not last:
        return _no_call(error)
    frame, part = own[-1]
    # The text is the name of the unwritten function if the answer calls it, "" for the answer.
    empty = Refused("NOT_ANSWERED", frame.f_code.co_name if len(own) > 1 else "")
    try:
        lines, first = inspect.getsourcelines(frame.f_code)
        body = ast.parse(inspect.cleandoc("\n" + "".join(lines))).body[0].body
    except (OSError, SyntaxError, AttributeError, IndexError):
        return empty
    line = part.lineno - first + 1
    raised = [s for s in body if isinstance(s, ast.Raise) and s.lineno <= line <= s.end_lineno]
    if not raised:
        return None  # within an `if`: raised on purpose
    constants = [s for s in body if isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant)]
    if len(body) == len(constants) + 1:
        return empty
    text = _("raise NotImplementedError is still in your answer. Delete that line")
    return Refused("RAISES", f"{text}{_at(in_line((part.filename, part.lineno)))}")


def _no_call(error):
    """The error for a class without `call` or `forward`: it is indented too far, or missing."""
    method, pattern = "call", r"(?:Layer|Model) (\w+) does not have a `call"
    if not (found := re.search(pattern, str(error))):
        method, found = "forward", re.search(errors.NO_FORWARD, str(error))
    if not found:
        return None
    text = _(
        "the class {name} has no {method}(). Begin `def {method}` in the column of `def __init__`"
    )
    said = text.format(name=found[1], method=method)
    return Refused("RAISES", f"{said}{_lines(error)}")


# --- a layer where a tensor is needed


def _not_called(error):
    """A sentence about a layer, or its class, that the failing line passes instead of a tensor."""
    keras = sys.modules.get("keras")
    own = _own(error)
    if not own or not hasattr(keras, "Layer"):
        return ""
    frame, part = own[-1]
    if text := errors.not_called(expression(part), frame, error):
        return f"{text}{_lines(error)}"
    said = (_passed_on(keras, node, frame, part, error) for node in _handed_on(frame, part))
    return next(filter(None, said), "")


def _passed_on(keras, node, frame, part, error):
    """A sentence about a name, or a call, that is a layer where a tensor should be; or ""."""
    if isinstance(node, ast.Name):
        value = errors.value_in(frame, node)
        text = as_not_called(keras, value, node.id)
        placed = isinstance(value, keras.Layer) and made_at(value)  # the text has its line
        return text if placed or not text else f"{text}{_lines(error)}"
    kind = errors.value_in(frame, node.func)
    layer = isinstance(kind, type) and issubclass(kind, keras.Layer)
    if not layer or issubclass(kind, keras.Model | keras.layers.InputLayer):
        return ""
    return f"{_uncalled(ast.unparse(node), kind)}{_at(in_line((part.filename, part.lineno)))}"


def _uncalled(name, kind):
    if not name:
        return _("It is a layer that was not called; write {call}").format(call=how_to_call(kind))
    said = _("{name} is a layer that was not called; write {call}")
    return said.format(name=name, call=how_to_call(kind))


def as_not_called(keras, value, name=""):
    """A sentence about a layer or its class where a tensor should be; "" for anything else."""
    if isinstance(value, type) and issubclass(value, keras.Layer):
        said = _("It is the class {kind}, no tensor; write {call}")
        said = _("{name} is the class {kind}, no tensor; write {call}") if name else said
        return said.format(name=name, kind=value.__name__, call=how_to_call(value))
    if not isinstance(value, keras.Layer) or isinstance(value, keras.Model):
        return ""
    if was_called(value):
        return ""
    automatic = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(value).__name__).lower()
    given = value.name.replace("_", "").rstrip("0123456789")
    if given and not automatic.replace("_", "").startswith(given):
        name = value.name
    place = made_at(value)
    return _uncalled(name, type(value)) + (_at(in_line(place)) if place else "")


def _takes_layers(frame, tree):
    """Whether an expression is a call of Sequential, or of its method `add`."""
    called = tree.func if isinstance(tree, ast.Call) else tree
    if isinstance(called, ast.Attribute) and called.attr == "add":
        return not inspect.ismodule(errors.value_in(frame, called.value))
    return ast.unparse(called).endswith("Sequential")


def _handed_on(frame, part):
    """The names that an expression passes on, and calls among a layer's or Model's arguments."""
    tree = expression(part)
    if tree is None or _takes_layers(frame, tree):
        return []
    nodes = list(ast.walk(tree))
    called = [n.func for n in nodes if isinstance(n, ast.Call)]  # in Conv2D(n)(x) also n
    used = {id(n) for func in called for n in ast.walk(func)}
    used |= {id(n.value) for n in nodes if isinstance(n, ast.Attribute)}
    found = [n for n in nodes if isinstance(n, ast.Name) and id(n) not in used]
    if isinstance(tree, ast.Call) and (
        isinstance(tree.func, ast.Call) or ast.unparse(tree.func).endswith("Model")
    ):
        given = [*tree.args, *(keyword.value for keyword in tree.keywords)]
        given = [item for n in given for item in getattr(n, "elts", [n])]
        found += [n for n in given if isinstance(n, ast.Call)]
    return found
