"""What a check costs, against building the same network with its weights, in one run.

    python benchmarks/checks.py

Prints medians of a few runs: the check of VGG-16 against keras.applications.VGG16(weights=None),
the check of ResNet-152, the memory of both, and the import of the package.
"""

import argparse
import statistics
import subprocess
import sys
import time

from course.kit.quiet import quietly

RUNS = 5


def seconds(work, runs=RUNS):
    """Median wall time of `work`, in seconds."""
    spent = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def memory(work):
    """Further peak memory of `work` in a process that has imported Keras, in MB."""
    code = (
        "import resource, keras, keras.applications\n"
        "from course import check\n"
        "from course.architectures.vgg import VGG16\n"
        "keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3)])\n"
        "def vgg16(classes=1000):\n"
        "    return keras.applications.VGG16(weights=None, classes=classes)\n"
        "def peak():\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024\n"
        f"before = peak()\n{work}\nprint('further', peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(done.stdout.rsplit("further", 1)[1])


def main():
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    # First, while this process is small: a child's peak begins at its parent's.
    checks, builds = memory("check.model(vgg16, like=VGG16)"), memory("model = vgg16()")
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
        checked = seconds(lambda: check.model(vgg16, like=VGG16))
        deep = seconds(lambda: check.model(resnet152, like=RESNET152))
    eager = seconds(vgg16, runs=3)
    print(f"VGG-16: check {checked:.3f} s, eager build {eager:.2f} s: {eager / checked:.0f} times")
    print(f"ResNet-152: check {deep:.2f} s")
    print(f"VGG-16, further peak memory: check {checks:.0f} MB, eager build {builds:.0f} MB")
    command = [sys.executable, "-c", "import course; course.check"]
    nothing = seconds(lambda: subprocess.run([sys.executable, "-c", ""], check=True))
    imported = seconds(lambda: subprocess.run(command, check=True)) - nothing
    print(f"import course with its checks: {imported:.2f} s more than a bare Python")


if __name__ == "__main__":
    main()
