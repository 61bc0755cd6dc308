"""What a check costs, against building the same network with its weights, in one run.

    python benchmarks/checks.py

Prints medians of a few runs: the check of VGG-16 against keras.applications.VGG16(weights=None),
the check of ResNet-152, the memory of both, and the import of the package.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time

from course.session import quietly

RUNS = 5


def seconds(work, runs=RUNS):
    """Median wall time of `work`, in seconds."""
    spent = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def peak():
    """The largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    with quietly():
        import keras

        keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3)])
    from course import check
    from course.architectures.resnet import RESNET152
    from course.architectures.vgg import VGG16

    def vgg16(classes=1000):
        return keras.applications.VGG16(weights=None, classes=classes)

    def resnet152(classes=1000):
        return keras.applications.ResNet152(weights=None, classes=classes)

    with check.silently():
        check.model(vgg16, like=VGG16)  # imports what a first check imports
        before = peak()
        checked = seconds(lambda: check.model(vgg16, like=VGG16))
        deep = seconds(lambda: check.model(resnet152, like=RESNET152))
        memory = peak() - before
    before = peak()
    eager = seconds(vgg16, runs=3)
    print(f"VGG-16: check {checked:.3f} s, eager build {eager:.2f} s: {eager / checked:.0f} times")
    print(f"ResNet-152: check {deep:.2f} s")
    print(f"further memory: checks {memory:.0f} MB, eager builds {peak() - before:.0f} MB")
    command = [sys.executable, "-c", "import course; course.check"]
    nothing = seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
    imported = seconds(lambda: subprocess.run(command, check=True)) - nothing
    print(f"import course with its checks: {imported:.2f} s")


if __name__ == "__main__":
    main()
