"""Element-wise functions: what each computes, and the name of several in a row.

A chain is a tuple of links ("fn", name), ("mul", factor) and ("add", number), applied in order.
"""

from math import erf, exp, isclose, log1p, sqrt, tanh

from course.network import words

#: 1.7159 · tanh(2a/3), the squashing function of LeCun et al. 1998, appendix A.
SCALED_TANH = (1.7159, 2 / 3)

#: Element-wise functions by their Keras names.
FUNCTIONS = {
    "relu": lambda v: max(v, 0),
    "relu6": lambda v: min(max(v, 0), 6),
    "tanh": tanh,
    "sigmoid": lambda v: 1 / (1 + exp(-v)),
    "scaled_tanh": lambda v: SCALED_TANH[0] * tanh(SCALED_TANH[1] * v),
    "elu": lambda v: v if v > 0 else exp(v) - 1,
    "selu": lambda v: 1.05070099 * (v if v > 0 else 1.67326324 * (exp(v) - 1)),
    "silu": lambda v: v / (1 + exp(-v)),
    "hard_sigmoid": lambda v: min(max(v + 3, 0), 6) / 6,
    "hard_silu": lambda v: v * min(max(v + 3, 0), 6) / 6,
    "softplus": lambda v: log1p(exp(v)),
    "gelu": lambda v: v * (1 + erf(v / sqrt(2))) / 2,
}

_OTHER_NAMES = {"swish": "silu", "hard_swish": "hard_silu"}
#: Links that change nothing.
NOTHING = (("mul", 1), ("add", 0), ("fn", "linear"))
#: max(f(a), f(b)) = f(max(a, b)): these give the same before and behind a max pool.
MONOTONE = {"relu", "tanh", "sigmoid"}
#: Applying these twice is the same as applying them once.
IDEMPOTENT = {"relu", "relu6"}
#: f(0) = 0.
KEEPS_ZERO = {
    "relu", "relu6", "tanh", "scaled_tanh", "elu", "selu", "silu", "hard_silu", "gelu",
    "leaky_relu",
}  # fmt: skip


def named(name):
    """The chain of the activation with this name."""
    if name in (None, "linear"):
        return ()
    if name == "scaled_tanh":
        return (("mul", SCALED_TANH[1]), ("fn", "tanh"), ("mul", SCALED_TANH[0]))
    return (("fn", _OTHER_NAMES.get(name, name)),)


def name_of_chain(chain):
    """The name of a chain as an activation, or None if it is empty."""
    links = _factors_joined(chain)
    if not links:
        return None
    if len(links) == 3 and [kind for kind, _ in links] == ["mul", "fn", "mul"]:
        inner, function, outer = (value for _, value in links)
        near = isclose(inner, SCALED_TANH[1], rel_tol=2e-3)
        if function == "tanh" and near and isclose(outer, SCALED_TANH[0], rel_tol=1e-3):
            return "scaled_tanh"
    return (len(links) > 1 and _same_as(links)) or words.chain(links)


def _factors_joined(links):
    """Factors in a row as one factor: 2 · a / 3 is (2/3) · a."""
    joined = []
    for kind, value in links:
        if kind == "mul" and joined and joined[-1][0] == "mul":
            joined[-1] = ("mul", joined[-1][1] * value)
        else:
            joined.append((kind, value))
    return joined


def _same_as(links):
    """The name of the function in `FUNCTIONS` that a chain equals, or None."""
    values = points = [number / 4 for number in range(-32, 33)]
    for kind, what in links:
        if kind == "fn" and what not in FUNCTIONS:
            return None
        try:
            if kind == "fn":
                values = [FUNCTIONS[what](value) for value in values]
            else:
                values = [value * what if kind == "mul" else value + what for value in values]
        except OverflowError:
            return None
    same = (n for n, f in FUNCTIONS.items() if agree(values, [f(value) for value in points]))
    return next(same, None)


def softmax(values):
    """The softmax of a list of numbers."""
    largest = max(values)
    powers = [exp(value - largest) for value in values]
    total = sum(powers)
    return [power / total for power in powers]


def agree(got, wanted):
    """Whether two lists of numbers agree within the rounding of float32."""
    return all(
        value is not None and abs(value - right) <= 1e-5 + 2e-4 * abs(right)
        for value, right in zip(got, wanted, strict=True)
    )
