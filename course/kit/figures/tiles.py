"""Images, feature maps, kernels and arrays, in tiles."""

from __future__ import annotations

from course.kit.figures.pictures import Picture, canvas

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Mapping, Sequence
    from typing import Any


def feature_maps(model: Any, image: Any, layer: str | None = None, *, most: int = 16) -> Picture:
    """The maps that a layer makes of one image, (height, width, channels).

    `layer` is its name; the first convolution if it is not given. Each map has its own grey scale,
    from its smallest value (black) to its largest (white).

    Raises ValueError for an unknown layer, and lists those there are.
    """
    import keras
    import numpy as np

    chosen = _layer(model, layer)
    look = keras.Model(model.inputs[0], chosen.output)
    maps = keras.ops.convert_to_numpy(look(np.asarray(image)[None]))[0]
    shown = min(most, maps.shape[-1])
    figure = _tiles(
        [maps[..., i] for i in range(shown)], [f"map {i}" for i in range(shown)],
        f"{chosen.name}: {maps.shape[0]} × {maps.shape[1]} × {maps.shape[2]}",
    )  # fmt: skip
    return Picture(
        figure, f"{shown} of {maps.shape[-1]} maps of {chosen.name} for one image, grey values."
    )


def filters(model: Any, layer: str | None = None, *, most: int = 96) -> Picture:
    """The kernels of a convolution on the image: grey for one channel, in colours for three.

    All kernels share one scale around zero: white is the largest weight, black its negative.

    Raises ValueError for an unknown layer, or one that does not read one or three channels.
    """
    import keras

    chosen = _layer(model, layer)
    kernels = keras.ops.convert_to_numpy(chosen.kernel)
    channels, count = kernels.shape[2:]
    if channels not in (1, 3):
        raise ValueError(
            f"{chosen.name} should read an image of 1 or 3 channels, so that its kernels can be "
            f"shown. It reads {channels} maps; choose the first convolution."
        )
    largest = abs(kernels).max() or 1.0
    shown = min(most, count)
    pictures = [(kernels[..., i] / largest + 1) / 2 for i in range(shown)]
    figure = _tiles(
        [p[..., 0] if channels == 1 else p for p in pictures], [""] * shown,
        f"{chosen.name}: {count} kernels, {kernels.shape[0]} × {kernels.shape[1]}, ±{largest:.2f}",
        limits=(0, 1),
    )  # fmt: skip
    return Picture(figure, f"The {shown} kernels of {chosen.name}, weights from -{largest:.2f} on.")


def images(
    pictures: Any, labels: Sequence[object] | None = None,
    predictions: Sequence[object] | None = None,
) -> Picture:  # fmt: skip
    """Example images, (n, height, width, channels) in [0, 1], with labels below if given.

    With predictions each is marked ✓ or ✗.
    """
    import numpy as np

    pictures = np.asarray(pictures)
    captions = [""] * len(pictures)
    if labels is not None:
        captions = [str(label) for label in labels]
        if predictions is not None:
            captions = [
                f"✓ {want}" if want == got else f"✗ {got}, it is {want}"
                for want, got in zip(labels, predictions, strict=True)
            ]
    shown = [p[..., 0] if p.shape[-1] == 1 else p for p in pictures]
    figure = _tiles(shown, captions, "")
    return Picture(
        figure, f"{len(shown)} images: {'; '.join(filter(None, captions)) or 'no labels'}."
    )


def arrays(chosen: Mapping[str, Any], *, title: str = "", digits: int = 0) -> Picture:
    """Small 2-D arrays {caption: array} side by side; each value is a number on its grey."""
    import numpy as np

    chosen = {caption: np.asarray(array) for caption, array in chosen.items()}
    widths = [array.shape[1] for array in chosen.values()]
    tallest = max(array.shape[0] for array in chosen.values())
    ratios = {"width_ratios": widths}
    figure, _ = canvas(
        (max(3, 0.45 * sum(widths) + 1), 0.45 * tallest + 0.9),
        1, len(chosen), gridspec_kw=ratios,
    )  # fmt: skip
    for axes, (caption, array) in zip(figure.panels, chosen.items(), strict=True):
        numbers(axes, array, caption, digits)
    if title:
        figure.suptitle(title)
    told = "; ".join(
        f"{caption}: " + " / ".join(" ".join(f"{v:z.{digits}f}" for v in row) for row in array)
        for caption, array in chosen.items()
    )
    return Picture(figure, f"{title or 'Arrays'}. {told}.")


def numbers(axes, array, caption, digits=0):
    """Draw a small array into a panel: each value is a number on its grey."""
    import numpy as np

    low, high = float(array.min()), float(array.max())
    axes.imshow(array, cmap="gray", vmin=low - 0.2 * (high - low) - 1e-9, vmax=high + 1e-9)
    for (row, column), value in np.ndenumerate(array):
        bright = value > low + 0.35 * (high - low) or low == high  # black is read better on it
        axes.text(
            column, row, f"{value:z.{digits}f}", ha="center", va="center", fontsize=8,
            color="black" if bright else "white",
        )  # fmt: skip
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(caption, fontsize=9)


def _tiles(pictures, captions, title, limits=None):
    columns = min(8, len(pictures))
    rows = -(-len(pictures) // columns)
    figure, _ = canvas((1.25 * columns, 1.45 * rows + 0.3), rows, columns)
    low, high = limits or (None, None)
    for at, panel in enumerate(figure.panels):
        panel.axis("off")
        if at < len(pictures):
            panel.imshow(pictures[at], cmap="gray", vmin=low, vmax=high)
            panel.set_title(captions[at], fontsize=8, fontweight="normal")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _layer(model, name):
    """A layer by its name, or the first convolution."""
    names = [layer.name for layer in model.layers]
    for layer in model.layers:
        if layer.name == name or (name is None and type(layer).__name__ == "Conv2D"):
            return layer
    wanted = f"a layer named {name!r}" if name else "a Conv2D"
    raise ValueError(f"{model.name} should have {wanted}. It has: {', '.join(names)}.")
