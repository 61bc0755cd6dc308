"""The questions of 02-lenet."""

from course.check.letters import RIGHT

QUESTIONS = {
    "lenet-bridge": {
        "C3": {
            "a": RIGHT,
            "b": "Both have kernels of 5 × 5. Look how many of them a map has.",
            "c": "Both make 16 maps.",
        },
        "output": {
            "a": "Both have them. But the layer of 1998 compares with fixed patterns: its weights "
            "are never trained.",
            "b": "It has no biases, that is right. But which of its weights are trained?",
            "c": RIGHT,
        },
        "S2 and S4": {
            "a": "Today's averages and maxima have nothing to train. In 1998 each map had a "
            "coefficient and a bias.",
            "b": RIGHT,
            "c": "Today's network has none. In 1998 each map had a coefficient and a bias, which "
            "were trained.",
        },
    },
    "lenet-relu": {
        "what changes": {
            "a": "Neither of the two has parameters: S2 and S4 of today's LeNet-5 have none. Those "
            "of 1998 had.",
            "b": "MACs are counted in convolutions and dense layers, and these stay as they are.",
            "c": RIGHT,
        },
        "ReLU and max pooling": {
            "a": RIGHT,
            "b": "ReLU never puts a smaller value above a larger one. So the largest value of a "
            "window is the same one before and after it.",
            "c": "ReLU never puts a smaller value above a larger one. So the largest value of a "
            "window is the same one before and after it.",
        },
        "ReLU and averages": {
            "a": "Take −3, 1, −2 and 2: the average of 0, 1, 0 and 2 is 0.75, and ReLU of −0.5 "
            "is 0.",
            "b": "Negative values make an average smaller. With ReLU first they count as 0.",
            "c": RIGHT,
        },
        "a moved digit": {
            "a": "Invariant is what does not change at all. The same kernel finds the same stroke "
            "two pixels further.",
            "b": RIGHT,
            "c": "S2 has one value for each two columns of C1.",
        },
    },
}
