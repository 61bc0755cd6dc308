"""The questions of 03-alexnet."""

from course.check.letters import RIGHT

QUESTIONS = {
    "alexnet-sees": {
        "conv1": {
            "a": "The image is not divided: both GPUs have all three colours of it.",
            "b": RIGHT,
            "c": "conv1 has 96 kernels, and makes 96 maps. The question is what one of them reads.",
        },
        "conv2": {
            "a": RIGHT,
            "b": "conv1 makes 96 maps, half of them on each GPU. conv2 reads those on its own.",
            "c": "conv2 makes 256 maps. The question is what one kernel reads.",
        },
        "conv3": {
            "a": RIGHT,
            "b": "conv3 makes 384 maps. The question is what one kernel reads.",
            "c": "conv3 is the convolution that looks across: it reads the maps of both GPUs.",
        },
        "conv5": {
            "a": "conv4 makes 384 maps, half of them on each GPU. conv5 reads those on its own.",
            "b": RIGHT,
            "c": "conv5 makes 256 maps. The question is what one kernel reads.",
        },
    },
    "alexnet-dropped": {
        "without fc7": {
            "a": RIGHT,
            "b": "It has a weight for each value that it reads. fc7 made 4,096 of them. How many "
            "does fc6 make?",
            "c": "It has a weight for each value that it reads. fc7 made 4,096 of them. How many "
            "does fc6 make?",
        },
        "without fc6 and fc7": {
            "a": "The 4,096 values that it read came from fc7. Now it reads pool5. How many values "
            "does pool5 make?",
            "b": RIGHT,
            "c": "It has a weight for each value that it reads. pool5 makes more of them than fc7 "
            "did.",
        },
        "without conv3 and conv4": {
            "a": "Its window stays. But a kernel has weights for each map that it reads, and now "
            "these are conv2's.",
            "b": "A kernel has weights for each map that it reads. conv2 makes fewer of them than "
            "conv4 did.",
            "c": RIGHT,
        },
        "without conv5": {
            "a": "pool5 now pools the maps of conv4. Does fc6 read as many values as before?",
            "b": "conv4 makes more maps than conv5 did. What does that do to fc6?",
            "c": RIGHT,
        },
    },
}
