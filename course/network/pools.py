"""Layers and operations of Keras that pool maps or make them larger, as rows."""

from course.language import _
from course.network import steps
from course.network.unknown import NotUnderstood, common, must_be_map, pair


def pool2d(step, x):
    """A max or average pool."""
    config = step["config"]
    must_be_map(step, x)
    padding = "same" if config["padding"].lower() == "same" else steps.IF_IT_FITS
    kernel = pair(config["pool_size"])
    stride = pair(config.get("strides") or kernel)
    return steps.pool(x, step["name"], _pools(step), kernel, stride, padding, **common(step))


def adaptive_pool2d(step, x):
    """A pool whose output size is given. If all windows are equal, their size follows from it."""
    must_be_map(step, x)
    sides = pair(step["config"]["output_size"])
    sides = tuple(side or own for side, own in zip(sides, x.grid, strict=True))
    if any(own % side for side, own in zip(sides, x.grid, strict=True)):
        raise NotUnderstood
    kernel = tuple(own // side for side, own in zip(sides, x.grid, strict=True))
    return steps.pool(x, step["name"], _pools(step), kernel, kernel, 0, **common(step))


def global_pool(step, x):
    """One number for each map, or for each channel of all tokens."""
    if x.flat or step["config"].get("data_format", "channels_last") != "channels_last":
        raise NotUnderstood
    flat = not step["config"].get("keepdims")
    return steps.global_pool(x, step["name"], _pools(step), flat, **common(step))


def mean(step, x):
    """The mean over all pixels or tokens: a global average."""
    axis = step["config"].get("axis")
    axes = [axis] if isinstance(axis, int) else list(axis or [])
    inside = list(range(1, len(x.shape)))
    if x.flat or sorted(a % (len(x.shape) + 1) for a in axes) != inside:
        said = _("mean along axis {axes}").format(axes=", ".join(map(str, axes)))
        raise NotUnderstood(said if axes else "")
    flat = not step["config"].get("keepdims")
    return steps.global_pool(x, step["name"], "average_pool", flat, **common(step))


def _pools(step):
    return "max_pool" if "Max" in step["op"] else "average_pool"


def upsampling(step, x):
    """A map made larger by whole factors."""
    must_be_map(step, x)
    config = step["config"]
    return _larger(step, x, pair(config["size"]))


def resize(step, x):
    """ops.image.resize, if the new size is a multiple of the old one."""
    must_be_map(step, x)
    sizes = list(zip(step["shapes"][0][:2], x.grid, strict=True))
    odd = ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio")
    if any(made % size for made, size in sizes) or any(map(step["config"].get, odd)):
        raise NotUnderstood
    return _larger(step, x, tuple(made // size for made, size in sizes))


def _larger(step, x, factor):
    interpolation = step["config"].get("interpolation", "nearest")
    return steps.upsample(x, step["name"], factor, interpolation, **common(step))
