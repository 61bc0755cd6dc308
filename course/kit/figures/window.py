"""A kernel at one place of an image: what it computes there, and what comes back."""

from __future__ import annotations

from course.kit.figures.pictures import Picture, canvas
from course.kit.figures.tiles import numbers

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from typing import Any


_FRAME, _EDGE = "#E05A00", "#3F97CB"  # seen on greys, which are the same on every page


def window(
    image: Any, kernel: Any, *, position: int = 0, stride: int = 1, padding: int = 0,
    channel: int = 0, backwards: bool = False,
) -> Picture:  # fmt: skip
    """One position of a kernel: patch × kernel, added up over all channels, is a value of the map.

    image: (H, W, C), kernel: (F, G, C), whole numbers; one channel of both is drawn. Positions are
    counted row by row from 0; a number beyond the last stands for the last. With `backwards` a
    gradient of 1 arrives at that value instead, and the picture shows what goes back to the image
    and to the kernel.
    """
    import numpy as np

    image, kernel = np.asarray(image), np.asarray(kernel)
    padded = np.pad(image, [(padding, padding), (padding, padding), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2], axis=(0, 1))
    windows = windows[::stride, ::stride]
    values = np.einsum("hwcij,ijc->hw", windows, kernel)
    row, column = np.unravel_index(min(position, values.size - 1), values.shape)
    patch, weights = windows[row, column, channel], kernel[..., channel]
    top, left, (height, width) = row * stride, column * stride, weights.shape
    title = f"Row {row}, column {column} of a map of {values.shape[0]} × {values.shape[1]}"
    if backwards:
        to_image, arriving = np.zeros_like(padded[..., channel]), np.zeros_like(values)
        to_image[top : top + height, left : left + width] = weights
        arriving[row, column] = 1
        shown = {
            "to the image": to_image, "kernel": weights, "to the kernel": patch,
            "arriving gradient": arriving,
        }  # fmt: skip
        title += ": the way back"
        said = f"the image gets the kernel ({_told(weights)}), the kernel gets the patch "
        said += f"({_told(patch)})" + (", what falls on the padding is dropped" if padding else "")
    else:
        shown = {
            "image": padded[..., channel], "kernel": weights, "patch × kernel": patch * weights,
            "map": values,
        }  # fmt: skip
        one, total = (patch * weights).sum(), values[row, column]
        title += f": {total}, of which {one} from channel {channel}"
        said = f"the patch ({_told(patch)}) times the kernel ({_told(weights)})"
    figure, panels = canvas(
        (7.4, 0.9 + 0.29 * max(map(len, shown.values()))), 1, 4,
        gridspec_kw={"width_ratios": [array.shape[1] for array in shown.values()]},
    )  # fmt: skip
    for axes, (caption, array) in zip(panels, shown.items(), strict=True):
        numbers(axes, array, caption)
    _frame(panels[0], padding, padding, *image.shape[:2], color=_EDGE, linestyle=":")
    _frame(panels[0], top, left, height, width, color=_FRAME, linewidth=2)
    _frame(panels[3], row, column, 1, 1, color=_FRAME, linewidth=2)
    figure.suptitle(title, fontsize=11)
    settings = f"Stride {stride}, padding {padding}, channel {channel}"
    return Picture(figure, f"{title}. {settings}: {said}.")


def _frame(axes, top, left, height, width, **look):
    """A line around some cells of an array that is drawn."""
    left, right, top, bottom = left - 0.5, left + width - 0.5, top - 0.5, top + height - 0.5
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], **look)


def _told(array):
    return " / ".join(" ".join(map(str, line)) for line in array)
