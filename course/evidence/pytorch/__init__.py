"""Modules of PyTorch as evidence: `course.evidence.pytorch.trace` writes a trace as Keras's.

Only the student's code imports PyTorch. If it does not, no value is a module.
"""

import contextlib
import inspect
import re
import sys

from course.evidence.pytorch.calls import MOVES, plain_name

_VALUES = {"tensor", "as_tensor", "arange", "linspace", "logspace"}  # code reads their numbers
_FILLED = {"zeros", "ones", "full", "eye", "zeros_like", "ones_like"}  # so masks begin
_OVERWRITES = re.compile(r"\w*[^_]_$|__i\w+__$|__set(item)?__$")  # the names of such functions
_MOST_VALUES = 1_000_000  # of a tensor that is made a second time, with values


def is_module(value):
    """Whether a value is a module of PyTorch; Keras's layers do not count, even on PyTorch."""
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if not hasattr(torch, "nn") or not isinstance(value, torch.nn.Module):
        return False
    return not (hasattr(keras, "Layer") and isinstance(value, keras.Layer))


def is_class(value):
    """Whether a value is a class of PyTorch modules."""
    torch = sys.modules.get("torch")
    return isinstance(value, type) and hasattr(torch, "nn") and issubclass(value, torch.nn.Module)


def taken(builder, arguments):
    """The named arguments without `input_shape`, if a builder of PyTorch does not take it.

    A module takes images of any size. With Keras the shape has to reach the network.
    """
    if not hasattr(sys.modules.get("torch"), "nn"):
        return arguments
    try:
        named = inspect.signature(builder).parameters
    except (TypeError, ValueError):
        return arguments
    any_name = any(p.kind is p.VAR_KEYWORD for p in named.values())
    if is_class(builder) or not any_name:
        return {k: v for k, v in arguments.items() if k != "input_shape" or k in named}
    return arguments


@contextlib.contextmanager
def weightless():
    """Within this, modules of PyTorch are built without weights, if PyTorch is imported."""
    torch, keras = sys.modules.get("torch"), sys.modules.get("keras")
    if not hasattr(torch, "nn") or (keras and keras.backend.backend() == "torch"):
        yield
        return
    with without_triton(), torch.device("meta"), _stays(torch)():
        yield


@contextlib.contextmanager
def without_triton():
    """Within this, PyTorch does not load Triton where that would end the process.

    TensorFlow 2.20 shows its LLVM to all libraries that are loaded later, and Triton's calls it
    (https://github.com/tensorflow/tensorflow/issues/124205).
    """
    version = getattr(sys.modules.get("tensorflow"), "__version__", "0.0").split(".")[:2]
    hidden = "triton" not in sys.modules and tuple(map(int, version)) >= (2, 20)
    if hidden:
        sys.modules["triton"] = None
    try:
        yield
    finally:
        if hidden:
            del sys.modules["triton"]


def _stays(torch):
    from torch.overrides import TorchFunctionMode

    from course.evidence.pytorch.known import each, each_of, known_values, tensors

    class Stays(TorchFunctionMode):
        """Leaves modules on the device where they are made: tensors without values cannot move.

        A tensor of numbers that are known, such as a mask, keeps them as its `known_values`.
        """

        def __torch_function__(self, function, types, args=(), kwargs=None):
            name, kwargs = plain_name(function), dict(kwargs or {})
            if name in MOVES and args[0].device.type == "meta":
                return args[0]
            if name in _VALUES:
                kwargs.setdefault("device", "cpu")
            given = tensors([args, kwargs])
            result = self.made(function, args, kwargs, given)
            if name in _FILLED or (given and all(known_values(t) is not None for t in given)):
                self.made_again(function, args, kwargs, result)
            elif _OVERWRITES.match(function.__name__):
                for tensor in given[:1]:  # it is overwritten with numbers that are not known
                    tensor.known_values = None
            return result

        def made(self, function, args, kwargs, given):
            try:
                return function(*args, **kwargs)
            except RuntimeError:
                if len({tensor.device.type for tensor in given}) < 2:
                    raise
                args, kwargs = each_of(args, without_values), each(kwargs, without_values)
                return function(*args, **kwargs)

        def made_again(self, function, args, kwargs, result):
            if sum(tensor.numel() for tensor in tensors(result)) > _MOST_VALUES:
                return
            kwargs = each(kwargs, on_cpu) | ({"device": "cpu"} if "device" in kwargs else {})
            with torch.device("cpu"):
                made = function(*each_of(args, on_cpu), **kwargs)
            for tensor, twin in zip(tensors(result), tensors(made), strict=True):
                if tensor.device.type == "meta":
                    tensor.known_values = twin

    def on_cpu(tensor):
        known = known_values(tensor)
        return torch.empty(tensor.shape, dtype=tensor.dtype) if known is None else known

    def without_values(tensor):
        return tensor.to("meta")

    return Stays
