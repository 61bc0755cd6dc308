"""What Keras computes on here: its backend, and the GPUs that the backend sees."""

import contextlib
import os
import sys

from course.language import _


def keras3():
    """Keras 3, or an ImportError that says that it is older, or which backend is missing."""
    try:
        import keras
    except ImportError as error:
        default = _("tensorflow (or what ~/.keras/keras.json says)")
        wanted = os.environ.get("KERAS_BACKEND") or default
        missing = (error.name or "tensorflow").partition(".")[0]
        said = _(
            "Keras cannot start on its backend, {backend}: {error}. Likely cause: a package is not "
            "installed in this Python. Install it (pip install {package}), or set KERAS_BACKEND to "
            "one that is there before anything imports Keras, and restart the kernel."
        )
        raise ImportError(said.format(backend=wanted, error=error, package=missing)) from error
    if keras.__version__.startswith("2."):  # nobody looks at our requirements in Colab
        said = _(
            "The course needs Keras 3. This Python has Keras {version}. Install a newer one "
            "(pip install -U keras), and restart the kernel."
        )
        raise ImportError(said.format(version=keras.__version__))
    return keras


def machine():
    """(the name of Keras's backend, its version, the names of the GPUs that it sees)."""
    backend = keras3().backend.backend()
    look = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}.get(backend)
    version, gpus = look() if look else (_version(backend), [])
    return backend, version, gpus


def _tensorflow():
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        with contextlib.suppress(RuntimeError):  # the GPU is in use: too late to change it
            tf.config.experimental.set_memory_growth(gpu, True)
    names = [tf.config.experimental.get_device_details(gpu).get("device_name") for gpu in gpus]
    return tf.__version__, [name or _("of unknown name") for name in names]


def _jax():
    import jax

    return jax.__version__, [d.device_kind for d in jax.devices() if d.platform != "cpu"]


def _torch():
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return torch.__version__, gpus


def _version(backend):
    return getattr(sys.modules.get(backend), "__version__", "")
