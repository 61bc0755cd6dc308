"""The first cell of every notebook: it seeds, and prints a line about the machine.

    import course
    course.setup()

Notebooks call only `setup`. It also finds tables of an instructor's own (`course.kit.tables`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
import sys
import warnings

from course import language as languages
from course.kit.machine import keras3, machine
from course.kit.quiet import quietly
from course.language import _, ngettext


def setup(
    *,
    seed: int = 0,
    mixed_precision: bool | None = None,
    language: str | None = None,
    keep_progress: bool | None = None,
) -> None:
    """Seed every random generator and print one line: versions, device, data folder.

    seed             seeds Python, NumPy and the Keras backend, so that a rerun starts from the
                     same weights. Curves that agree to the last digit need the same machine too.
    mixed_precision  True: compute in float16 and keep the weights in float32. It has an effect on
                     a GPU only, as a CPU is slower that way; the line then says that it is off.
                     False: everything in float32. None: leave Keras as it is.
    language         "de", "es" or "zh": checks and cards say what they find in German, Spanish or
                     Chinese. "en": in English, as at first. None: leave it as it is.
    keep_progress    True: the output of the last cell keeps the runs of the checks, so that they
                     are handed in with the notebook; more lines then say what is kept, and how to
                     leave it out. For an instructor to set (`course.check.process`). None: leave
                     it as it is, at first off.

    Works with every backend of Keras, and imports TensorFlow only if that is the backend.
    TensorFlow then takes a GPU's memory as it needs it. XLA is left to Keras: on a GPU `compile`
    switches it on (`jit_compile="auto"`).

    Raises ImportError if Keras is older than 3 or its backend cannot be imported, and ValueError
    for any other `mixed_precision`, `language` or `keep_progress`.
    """
    if mixed_precision not in (True, False, None):
        said = _(
            "mixed_precision should be True, False or None. Received: {value}. Write "
            "course.setup(mixed_precision=True) on a machine with a GPU."
        )
        raise ValueError(said.format(value=repr(mixed_precision)))
    if language is not None:
        languages.use(language)
    if keep_progress not in (True, False, None):
        said = _(
            "keep_progress should be True, False or None. Received: {value}. Write "
            "course.setup(keep_progress=True) to keep the runs of the checks in the notebook."
        )
        raise ValueError(said.format(value=repr(keep_progress)))
    with quietly():
        keras = keras3()
        backend, version, gpus = machine()
        keras.utils.set_random_seed(seed)

    # Keras warns at each fit on a tf.data pipeline, and the reader need not do anything.
    warnings.filterwarnings("ignore", message="`shuffle=True` was passed, but will be ignored")

    # TensorFlow warns about many small, different calls, which a lecture makes on purpose.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)

    device = _device(keras, gpus, mixed_precision)

    from course import __version__
    from course.check import process, record
    from course.evidence import watch
    from course.kit import data, tables

    with contextlib.suppress(FileNotFoundError):  # the working directory was deleted
        tables.look_in(os.getcwd())
    keeps = record.watch(keep_progress)
    watch.watch()
    said = _(
        "course {version} · Python {python} · Keras {keras} on {backend} · {device} · data in "
        "{folder}"
    )
    print(
        said.format(
            version=__version__,
            python=platform.python_version(),
            keras=keras.__version__,
            backend=" ".join(filter(None, [backend, version])),
            device=device,
            folder=_short(data.folder()),
        )
    )
    if keeps and keep_progress:
        print(process.said())


def _device(keras, gpus, mixed_precision):
    """The device in words. Sets Keras's precision as `setup` says of `mixed_precision`."""
    device = f"GPU {', '.join(gpus)}" if gpus else f"CPU, {_cores()}"
    if not gpus and "google.colab" in sys.modules:
        device = _("{device} (for a GPU: Runtime > Change runtime type)").format(device=device)
    if mixed_precision and not gpus:
        said = _("{device} (mixed precision left off: it pays on a GPU only)")
        device = said.format(device=device)
    elif mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
        device = _("{device}, mixed precision").format(device=device)
    if mixed_precision is False or (mixed_precision and not gpus):
        keras.config.set_dtype_policy("float32")
    return device


def _cores():
    try:
        count = len(os.sched_getaffinity(0))  # what this process may use, as on a shared server
    except AttributeError:  # macOS, Windows
        count = os.cpu_count() or 1
    return ngettext("{count} core", "{count} cores", count).format(count=count)


def _short(path):
    """A path with ~ for the home folder, so that no user name is handed in with the notebook."""
    home = os.path.expanduser("~")
    inside = home != os.sep and path.startswith(home + os.sep)
    return "~" + path[len(home) :] if inside else path
