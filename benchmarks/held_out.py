"""Make the images on which `08-project` is scored, and print their labels for its hidden tests.

500 digits of MNIST's test images, each turned by up to 15 degrees and moved by up to 4 pixels. The
images go into the package, the labels only into the hidden tests of solutions/08-project: paste
them there and release again. Another seed makes other images for another class.

  python benchmarks/held_out.py --seed 8
"""

import argparse

import numpy as np
from scipy import ndimage
from stored_runs import REPO, images, prepare

COUNT, TURN, MOVE = 500, 15, 4


def disturbed(image, rng):
    """The image turned and moved at random, with zeros where nothing was: (28, 28, 1), uint8."""
    turned = ndimage.rotate(image[..., 0], rng.uniform(-TURN, TURN), reshape=False, order=1)
    moved = ndimage.shift(turned, rng.integers(-MOVE, MOVE + 1, 2), order=0)
    return np.round(255 * np.clip(moved, 0, 1)).astype("uint8")[..., None]


def main():
    """Write the images, and print the labels in lines for a cell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True)
    rng = np.random.default_rng(parser.parse_args().seed)
    prepare()
    _, (tests, labels) = images(10_000, name="mnist")
    chosen = rng.choice(len(tests), COUNT, replace=False)
    made = np.stack([disturbed(tests[number], rng) for number in chosen])
    np.savez_compressed(REPO / "course/histories/08-held-out.npz", images=made)
    text = "".join(str(label) for label in labels[chosen])
    print("\n".join(f'"{text[at : at + 80]}"' for at in range(0, COUNT, 80)))


if __name__ == "__main__":
    main()
