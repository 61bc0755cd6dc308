"""The arithmetic of convolutional networks: plain numbers in, plain numbers out.

Sizes are in pixels along one axis unless they are pairs (height, width). A MAC is one
multiply-accumulate of a convolution or a dense layer; biases, activations, pooling and
normalisation are not counted. This module needs nothing but Python and the course's language.
"""

from __future__ import annotations

from math import prod

from course.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Iterable


def output_size(
    size: int, kernel: int, stride: int = 1, padding: int | tuple[int, int] = 0, dilation: int = 1,
    ceil: bool = False,
) -> int:  # fmt: skip
    """Positions of a sliding window along one axis: ⌊(N + 2P − F) / stride⌋ + 1.

    `padding` is one number for both sides or a pair (before, after); `dilation` spreads the kernel
    to F = dilation·(kernel − 1) + 1. With `ceil` the last window may hang over the edge, as in
    Caffe's pooling.

    Raises ValueError if the window does not fit even once.
    """
    before, after = padding if isinstance(padding, (tuple, list)) else (padding, padding)
    window = dilation * (kernel - 1) + 1
    room = size + before + after - window
    if min(size, kernel, stride, dilation) < 1:
        said = _(
            "Size, kernel, stride and dilation should be at least 1. Received: size={size}, "
            "kernel={kernel}, stride={stride}, dilation={dilation}."
        )
        raise ValueError(said.format(size=size, kernel=kernel, stride=stride, dilation=dilation))
    if room < 0:
        said = _(
            "The window ({window}) should fit into the padded input ({sum}). The map has become "
            "too small: check strides and pools before this layer."
        )
        padded = f"{size} + {before} + {after} = {size + before + after}"
        raise ValueError(said.format(window=window, sum=padded))
    if ceil:
        # The last window hangs over, but it does not begin beyond the input.
        return min(-(-room // stride), (size + before - 1) // stride) + 1
    return room // stride + 1


def same_padding(size: int, kernel: int, stride: int = 1, dilation: int = 1) -> tuple[int, int]:
    """The pixels (before, after) that Keras's padding="same" adds, for ⌈N / stride⌉ positions.

    An odd total puts the extra pixel after, as TensorFlow does.
    """
    total = max(0, (-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1 - size)
    return total // 2, total - total // 2


def conv_parameters(
    kernel: int | tuple[int, int], channels: int, filters: int, groups: int = 1, bias: bool = True
) -> int:
    """Weights and biases of a convolution: kh·kw·(C/groups)·K + K.

    `kernel` is one number for a square or a pair (height, width).
    """
    return _area(kernel) * (channels // groups) * filters + bias * filters


def conv_macs(
    kernel: int | tuple[int, int], channels: int, filters: int, output: tuple[int, int],
    groups: int = 1,
) -> int:  # fmt: skip
    """Multiply-accumulates of a convolution: one per weight and output position.

    `output` is (height, width) of the output map.
    """
    return _area(kernel) * (channels // groups) * filters * prod(output)


def dense_parameters(inputs: int, units: int, bias: bool = True) -> int:
    """Weights and biases of a dense layer: N·M + M. Its MACs are N·M."""
    return inputs * units + bias * units


def receptive_field(steps: Iterable[tuple[int, int]]) -> int:
    """Side of the input patch that one output value sees, after (kernel, stride) steps in order.

    r ← r + (kernel − 1)·j and j ← j·stride, beginning with r = j = 1: each step widens the patch
    by its kernel, measured in input pixels (the product of the strides before it).
    """
    field, jump = 1, 1
    for kernel, stride in steps:
        field += (kernel - 1) * jump
        jump *= stride
    return field


def _area(kernel: int | tuple[int, int]) -> int:
    return kernel**2 if isinstance(kernel, int) else prod(kernel)
