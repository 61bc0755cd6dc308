"""Activations, and arithmetic of values and numbers, as rows."""

from math import prod

from course.language import _
from course.network import functions, moving, steps
from course.network.unknown import NotUnderstood, common, unknown


def _activation(step, x, chain):
    return steps.alike(x, step["name"], "activation", chain=chain, **common(step))


def activation_layer(step, x):
    """layers.Activation."""
    return _activation(step, x, functions.named(step["config"].get("activation")))


def named(name):
    """An activation that is a layer or an operation of its own."""

    def read(step, x, *others):
        config = step["config"]
        axis = config.get("axis", -1)
        if name == "softmax" and axis not in (-1, len(x.shape)):
            said = _("softmax along axis {axis} (the classes lie along axis -1)")
            raise NotUnderstood(said.format(axis=axis))
        words = name
        if step["op"] in ("layers.ReLU", "ops.ReLU"):
            odd = {
                k: config[k] for k in ("max_value", "negative_slope", "threshold") if config.get(k)
            }
            if odd == {"max_value": 6}:
                words = "relu6"
            elif odd:
                settings = _(", ").join(f"{key} {value:g}" for key, value in odd.items())
                words = _("{function} with {settings}").format(function=words, settings=settings)
        return _activation(step, x, (("fn", words),))

    return read


def leaky_relu(step, x, *_):
    """With a slope of 0, a leaky ReLU is a ReLU."""
    slope = step["config"].get("negative_slope")
    return _activation(step, x, (("fn", "relu" if slope == 0 else "leaky_relu"),))


def maximum(step, x, *others):
    """The larger of a value and 0 is a ReLU."""
    if not others and len(step["args"]) == 2 and 0 in step["args"]:
        return _activation(step, x, (("fn", "relu"),))
    raise NotUnderstood


_NO_BOUND = 1e6  # no activation is that large


def clip(step, x):
    """Values between 0 and 6 are relu6; values above 0 are a ReLU."""
    ends = [step["config"].get(name) for name in ("x_min", "x_max")]
    if not all(isinstance(end, int | float) for end in ends):
        raise NotUnderstood
    name = "relu6" if ends == [0, 6] else _("clip from {low:g} to {high:g}")
    if ends[0] == 0 and ends[1] >= _NO_BOUND:
        name = "relu"
    name = name.format(low=ends[0], high=ends[1])
    return _activation(step, x, (("fn", name),))


def arithmetic(name):
    """An operation of a tensor and a number, or of two tensors."""

    def read(step, *values):
        numbers = [
            n for n in step["args"] if isinstance(n, int | float) and not isinstance(n, bool)
        ]
        x = values[0]
        own = [n["weight"] for n in step["args"] if isinstance(n, dict) and "weight" in n]
        if name == "add" and len(own) == 1:
            one_a_map = own[0][-1:] == [x.channels] and prod(own[0]) == x.channels
            return unknown(step, x, moves=("bias",) if one_a_map else ())
        if len(values) == 1 and len(numbers) == 1 and len(step["args"]) == 2:
            number, tensor_first = numbers[0], isinstance(step["args"][0], dict)
            if name == "multiply" and number == 0:
                return moving.zeros(step, x)
            link = {
                "add": ("add", number),
                "subtract": ("add", -number) if tensor_first else None,
                "multiply": ("mul", number),
                "divide": ("mul", 1 / number) if tensor_first and number else None,
            }[name]
            if link:
                return _activation(step, x, (link,))
        same = len({(value.grid, value.channels, value.flat) for value in values}) == 1
        if name == "add" and len(values) > 1 and same:
            return steps.add(values, step["name"], **common(step))
        # Only the layer reads a vector as a gate for all pixels; the operation does not.
        fits = step["op"] == "layers.Multiply" or len({value.flat for value in values}) == 1
        if name == "multiply" and len(values) > 1 and not numbers and fits:
            return _product(step, values)
        raise NotUnderstood

    return read


def _product(step, values):
    try:
        return steps.multiply(values, step["name"], **common(step))
    except ValueError:
        raise NotUnderstood from None


def scaled_addition(step, x, y):
    """x + scale · y, as the Inception-ResNet of keras.applications has it."""
    scaled = _activation(step, y, (("mul", step["config"]["scale"]),))
    return steps.add((x, scaled), step["name"], **common(step))


def negative(step, x):
    """−x."""
    return _activation(step, x, (("mul", -1),))


def rescaling(step, x):
    """scale · x + offset."""
    links = ("mul", step["config"].get("scale", 1)), ("add", step["config"].get("offset", 0))
    if not all(isinstance(link[1], int | float) for link in links):
        raise NotUnderstood
    return _activation(step, x, tuple(link for link in links if link not in functions.NOTHING))
