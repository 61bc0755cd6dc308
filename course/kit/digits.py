"""The built-in set of small digits, which needs no download."""

import functools


@functools.cache
def digits(tfds):
    """The class of the set as one of `tfds`, the package tensorflow-datasets."""

    class Digits(tfds.core.GeneratorBasedBuilder):
        """1,797 handwritten digits, 8 × 8: the test part of the UCI set of Alpaydin and Kaynak.

        Every fifth image of each digit is a test image: 1,437 training and 360 test images. The 13
        writers are in both parts, so the accuracy is a little higher than for unknown writers.
        """

        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            return self.dataset_info_from_configs(
                description=type(self).__doc__,
                homepage="https://archive.ics.uci.edu/dataset/80",
                features=tfds.features.FeaturesDict(
                    {
                        "image": tfds.features.Image(shape=(8, 8, 1)),
                        "label": tfds.features.ClassLabel(num_classes=10),
                    }
                ),
                supervised_keys=("image", "label"),
            )

        def _split_generators(self, dl_manager):
            import numpy as np
            from sklearn.datasets import load_digits

            known = load_digits()
            # 0..16 counts the dark pixels of a 4 × 4 cell; an image of tfds has 0..255.
            images = np.round(known.images * 255 / 16).astype("uint8")[..., None]
            by_digit = np.argsort(known.target, kind="stable")
            parts = {"train": np.delete(by_digit, np.s_[::5]), "test": by_digit[::5]}
            return {part: self._examples(images, known.target, parts[part]) for part in parts}

        def _generate_examples(self, **_given):
            raise NotImplementedError  # the splits bring their own generators

        @staticmethod
        def _examples(images, labels, chosen):
            for i in chosen:
                yield int(i), {"image": images[i], "label": int(labels[i])}

    return Digits
