"""Images per second in training: the course's networks as its notebooks train them, against a plain
`fit` of keras.applications (or of the same network, where Keras has none) on the same device.

    python benchmarks/training.py                          all four, on the GPU at hand
    KERAS_BACKEND=jax python benchmarks/training.py        on another backend of Keras
    python benchmarks/training.py --networks ResNet-50 --size 64 --batch 4 --steps 2     a try

"Course" is `course.setup(mixed_precision=True)` and XLA; "plain" is float32 as Keras comes. The
images are random numbers that lie in memory, so that only the device is measured. The builders are
the model answers of the assignments.
"""

import argparse
import sys
import time
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

#            solution            arguments                      its peer in keras.applications
NETWORKS = {
    "AlexNet": ("03-alexnet/alexnet", "alexnet", (), None),
    "VGG-16": ("04-vgg/vgg", "vgg", ([2, 2, 3, 3, 3],), "VGG16"),
    "GoogLeNet": ("05-inception/inception", "googlenet", (), None),
    "ResNet-50": ("06-resnet/resnet", "resnet", ("bottleneck", [3, 4, 6, 3]), "ResNet50"),
}


def builder(notebook, name):
    """A function of the model answers, with everything above it that it needs."""
    known = {}
    for cell in nbformat.read(ROOT / "solutions" / f"{notebook}.ipynb", 4).cells:
        marks = cell.metadata.get("nbgrader", {})
        imports = cell.source.startswith(("import ", "from "))
        if cell.cell_type == "code" and (imports or marks.get("solution")):
            exec(cell.source, known)
        if name in known:
            return known[name]
    raise LookupError(f"{notebook} should define {name}().")


def speed(model, size, batch, steps, **options):
    """Images per second of `steps` batches, after as many that only warm up."""
    import numpy as np

    draw = np.random.default_rng(0)
    images = draw.random((batch, size, size, 3), "float32")
    labels = draw.integers(0, 1000, batch)
    model.compile("sgd", "sparse_categorical_crossentropy", **options)
    for _ in range(2):
        begun = time.perf_counter()
        for _ in range(steps):
            loss = model.train_on_batch(images, labels)
        assert np.isfinite(loss), "The loss is not a number."
        spent = time.perf_counter() - begun
    return steps * batch / spent


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--size", type=int, default=227, help="pixels of a side (227)")
    parser.add_argument("--batch", type=int, default=128, help="images in a batch (128)")
    parser.add_argument("--steps", type=int, default=30, help="batches that are timed (30)")
    options = parser.parse_args()

    import keras

    import course

    how = options.size, options.batch, options.steps
    for name in options.networks:
        notebook, function, arguments, peer = NETWORKS[name]
        build, shape = builder(notebook, function), (options.size, options.size, 3)
        course.setup(mixed_precision=True)
        ours = speed(build(*arguments, input_shape=shape), *how, jit_compile=True)
        keras.config.set_dtype_policy("float32")
        keras.utils.clear_session()
        if peer:
            plain = getattr(keras.applications, peer)(weights=None, input_shape=shape, classes=1000)
        else:
            plain = build(*arguments, input_shape=shape)
        theirs = speed(plain, *how)
        rival = "keras.applications" if peer else "the same network"
        print(
            f"{name:10} course {ours:8.1f} images a second, "
            f"plain {theirs:8.1f} ({rival}), ratio {ours / theirs:.2f}"
        )
        keras.utils.clear_session()


if __name__ == "__main__":
    main()
