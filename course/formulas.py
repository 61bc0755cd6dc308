"""Activations that are written as formulas, such as (eᵃ − e⁻ᵃ) / (eᵃ + e⁻ᵃ) for tanh.

A formula here is whatever a trace computes of one tensor, value by value. It is worked out for some
numbers, and if it gives what a·f(b·x) gives for a known function f, it is that function. So every
way of writing tanh, sigmoid, ReLU and SiLU with the operations below is one activation.
"""

import numpy as np

_X = np.linspace(-4, 4, 33)
_CLOSE = 1e-4  # of what the function gives for large values
_OF_ONE = {
    "Exp": np.exp, "Expm1": np.expm1, "Log": np.log, "Log1p": np.log1p, "Negative": np.negative,
    "Square": np.square, "Sqrt": np.sqrt, "Reciprocal": np.reciprocal, "Absolute": np.abs,
    "Rsqrt": lambda x: 1 / np.sqrt(x), "Abs": np.abs, "Sinh": np.sinh, "Cosh": np.cosh,
    "Sign": np.sign, "Tanh": np.tanh, "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "Relu": lambda x: np.maximum(x, 0), "Softplus": lambda x: np.log1p(np.exp(x)),
}  # fmt: skip
_OF_TWO = {
    "Add": np.add, "Subtract": np.subtract, "Multiply": np.multiply, "TrueDivide": np.divide,
    "Divide": np.divide, "Power": np.power, "Maximum": np.maximum, "Minimum": np.minimum,
}  # fmt: skip
_ONE_LINK = "Tanh", "Sigmoid", "Relu"  # and numbers as factors: read without this module


def recognised(steps, outputs):
    """The steps of a trace with each formula for a known activation as one step, ops.Formula.

    Its config is {"chain": [["mul", 0.667], ["fn", "tanh"], ["mul", 1.7159]]}. Steps that nothing
    reads any more are left out.
    """
    curves, found = {}, {}
    for step in steps:
        with np.errstate(all="ignore"):
            if curve := _curve(step, curves):
                source, values, plain = curve
                curves[step["id"]] = curve
                if not plain and (chain := _known(values)):
                    made = {"op": "ops.Formula", "args": [{"tensor": source}], "kwargs": {}}
                    found[step["id"]] = {**step, **made, "config": {"chain": chain}}
    if not found:
        return steps
    steps = [found.get(step["id"], step) for step in steps]
    read, kept = {number for number, _ in outputs}, []
    for step in reversed(steps):
        if step["id"] in read:
            kept.append(step)
            read |= {number for number, _ in tensors([step["args"], step.get("kwargs")])}
    return kept[::-1]


def tensors(value):
    """Every [step, output] that a call's arguments name, in order."""
    if isinstance(value, dict):
        if "tensor" in value:
            return [value["tensor"]]
        return [ref for item in value.values() for ref in tensors(item)]
    if isinstance(value, list):
        return [ref for item in value for ref in tensors(item)]
    return []


def _curve(step, curves):
    """(the tensor that a step is a formula of, its values for _X, whether others read it as well);
    None for a step that is no formula."""
    library, _, name = step["op"].partition(".")
    arguments = step["args"]
    compute = {1: _OF_ONE, 2: _OF_TWO}.get(len(arguments), {}).get(name)
    if library != "ops" or compute is None or step.get("kwargs") or len(step["shapes"]) != 1:
        return None
    sources, inputs, plain = [], [], name in _ONE_LINK
    for argument in arguments:
        if isinstance(argument, dict) and "tensor" in argument:
            number, index = argument["tensor"]
            source, values, before = curves.get(number, ([number, index], _X, True))
            sources.append(source)
            inputs.append(values)
            plain = plain and before
        elif type(argument) in (int, float):
            inputs.append(np.full_like(_X, argument))
        else:
            return None
    if not sources or any(source != sources[0] for source in sources):
        return None
    if len(arguments) == 2 and len(sources) == 1 and isinstance(arguments[0], dict):
        plain = name in ("Multiply", "TrueDivide", "Divide") and before
    values = compute(*inputs)
    return (sources[0], values, plain) if np.isfinite(values).all() else None


def _known(values):
    """a·f(b·x) as a chain, for values at _X; None for any other function."""
    middle = values[len(_X) // 2]
    if fitted := _tanh(values - middle):
        a, b = fitted
        if abs(middle) <= _CLOSE * abs(a):
            return _links(b, "tanh", a)
        if abs(middle - a) <= _CLOSE * abs(a):  # 1 + tanh(x) is twice a sigmoid of 2x
            return _links(2 * b, "sigmoid", 2 * a)
    last = values[-1] / _X[-1]
    if last > 0 and np.allclose(values, last * np.maximum(_X, 0), rtol=0, atol=_CLOSE * last):
        return _links(1, "relu", float(last))
    if np.allclose(values, _X / (1 + np.exp(-_X)), rtol=0, atol=_CLOSE):
        return _links(1, "silu", 1)
    return None


def _links(inside, function, outside):
    chain = [["mul", inside], ["fn", function], ["mul", outside]]
    return [[kind, value] for kind, value in chain if kind == "fn" or abs(value - 1) > 1e-6]


def _tanh(values):
    """(a, b), if the values are those of a·tanh(b·x); None otherwise."""
    near, far = len(_X) // 2 + 4, len(_X) // 2 + 8  # x and 2x
    if not values[near]:
        return None
    # tanh(2x) = 2 tanh(x) / (1 + tanh²(x))
    square = 2 * values[near] / values[far] - 1 if values[far] else 0
    if not 1e-3 < square < 1:  # next to 0 it is a straight line
        return None
    a, b = values[near] / np.sqrt(square), np.arctanh(np.sqrt(square)) / _X[near]
    fits = np.allclose(values, a * np.tanh(b * _X), rtol=0, atol=_CLOSE * abs(a))
    return (float(a), float(b)) if fits else None
