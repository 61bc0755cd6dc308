"""Measure a network's time, row by row, on this machine, and a GPU's power meanwhile.

Each row is run alone, on random maps of its size. So no network has to be built, and one of a
hundred million parameters fits into a laptop's memory. Rows of equal size are timed once. The sum
leaves out a real network's costs (passing maps on) and savings (rows that are computed together).
"""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from statistics import mean, median

from course.anatomy import anatomy
from course.language import _

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing is slow to import
    from collections.abc import Callable
    from typing import Any

    from course.architectures import Table


_COUNTERS = "/sys/class/powercap"


def forward(
    table: Table, repeats: int = 3, *, known: dict[tuple[Any, ...], float] | None = None
) -> dict[str, float]:
    """{row: seconds} of one forward pass with one image; each is the median of `repeats` runs.

    `table` is a Table. `known` is a dict in which the rows' times are kept. Hand the same one over
    for each of several networks, and a row that some of them share is timed once.

    Raises ValueError for a row of a kind that cannot be run by itself.
    """
    known = {} if known is None else known
    found = {}
    for step in anatomy(table):
        shapes = tuple((*value.grid, value.channels) for value in step.inputs)
        window = step.kernel, step.stride, step.padding
        key = (step.step, *window, step.groups, step.filters, shapes, repeats)
        if key not in known:
            known[key] = _seconds(step, shapes, repeats)
        found[step.name] = known[key]
    return found


def _seconds(step, shapes, repeats):
    import numpy as np
    from keras import ops

    maps = [ops.convert_to_tensor(np.random.rand(1, *shape).astype("float32")) for shape in shapes]
    run = _row(step, maps)
    spent = []
    for _turn in range(repeats + 1):
        begun = time.perf_counter()
        ops.convert_to_numpy(run())  # waits until a GPU has finished
        spent.append(time.perf_counter() - begun)
    return median(spent[1:])  # the first run creates the weights


def _row(step, maps):
    """A function without arguments that runs one row."""
    from keras import layers, ops

    x = maps[0]
    padding = "same" if any(map(any, step.padding)) else "valid"
    window = {"strides": step.stride, "padding": padding}
    # The time does not depend on the weights, and a hundred million ones are made sooner than
    # random numbers. Zeros would not do: the memory for them may not even be there.
    ones = {"kernel_initializer": "ones"}
    if step.step == "conv":
        layer = layers.Conv2D(step.filters, step.kernel, groups=step.groups, **window, **ones)
    elif step.step == "dense":
        layer, x = layers.Dense(step.filters, **ones), ops.reshape(x, (1, -1))
    elif step.step == "max_pool":
        layer = layers.MaxPooling2D(step.kernel, **window)
    elif step.step == "average_pool":
        layer = layers.AveragePooling2D(step.kernel, **window)
    elif step.step == "global_average_pool":
        layer = layers.GlobalAveragePooling2D()
    elif step.step == "batch_norm":
        layer = layers.BatchNormalization()
    elif step.step == "lrn":
        return lambda: x / (2.0 + 1e-4 * ops.square(x)) ** 0.75
    elif step.step == "add":
        return lambda: sum(maps[1:], maps[0])
    elif step.step == "concatenate":
        return lambda: ops.concatenate(maps, axis=-1)
    else:
        said = _("A row of the kind {kind} cannot be run by itself ({name}).")
        raise ValueError(said.format(kind=step.step, name=step.name))
    return lambda: layer(x)


def energy_counters() -> list[Path]:
    """Paths of the processor's energy counters that can be read here (RAPL, in microjoules)."""
    found = []
    for path in sorted(Path(_COUNTERS).glob("intel-rapl:*/energy_uj")):
        try:
            path.read_text()
        except OSError:
            continue  # on most machines only the administrator may
        found.append(path)
    return found


def gpu_watts(run: Callable[[], object], every: float = 0.1) -> float | None:
    """Mean power of the first NVIDIA GPU while `run()` runs, in watts; None without nvidia-smi.

    nvidia-smi reads it (through NVML) each `every` seconds.
    """
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    query = ["--id=0", "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
    query += [f"--loop-ms={round(1000 * every)}"]
    with subprocess.Popen([tool, *query], stdout=subprocess.PIPE, text=True) as asking:
        try:
            run()
        finally:
            asking.terminate()
        told = asking.stdout.read()
    watts = [float(text) for text in told.split() if text.replace(".", "", 1).isdigit()]
    return mean(watts) if watts else None
