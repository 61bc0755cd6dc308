"""Modules of PyTorch as evidence: `course.evidence.pytorch.trace` writes the trace that Keras has.

PyTorch itself is imported by the student's code only: without it, no value is a module.
"""

import contextlib
import sys

from course.evidence.pytorch.calls import MOVES, plain

_VALUES = {"tensor", "as_tensor", "arange", "linspace", "logspace"}  # code reads these numbers


def is_module(value):
    """Whether a value is a module of PyTorch; Keras's layers on PyTorch are not meant."""
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if not hasattr(torch, "nn") or not isinstance(value, torch.nn.Module):
        return False
    return not (hasattr(keras, "Layer") and isinstance(value, keras.Layer))


def is_class(value):
    """Whether a value is a class of PyTorch modules."""
    torch = sys.modules.get("torch")
    return isinstance(value, type) and hasattr(torch, "nn") and issubclass(value, torch.nn.Module)


@contextlib.contextmanager
def weightless():
    """Build modules of PyTorch without weights inside, if PyTorch is imported."""
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if not hasattr(torch, "nn") or (keras and keras.backend.backend() == "torch"):
        yield
        return
    with torch.device("meta"), _stays(torch)():
        yield


def _stays(torch):
    from torch.overrides import TorchFunctionMode

    class Stays(TorchFunctionMode):
        """Keeps modules where they are made: what has no values cannot be moved."""

        def __torch_function__(self, function, types, args=(), kwargs=None):
            name, kwargs = plain(function), dict(kwargs or {})
            if name in MOVES and args[0].device.type == "meta":
                return args[0]
            if name in _VALUES:
                kwargs.setdefault("device", "cpu")
            return function(*args, **kwargs)

    return Stays
