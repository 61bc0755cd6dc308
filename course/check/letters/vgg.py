"""The questions of 04-vgg."""

from course.check.letters import RIGHT

QUESTIONS = {
    "vgg-field-hand": {
        "two 3 × 3": {
            "a": "Each value that it reads has seen 3 × 3 pixels itself, and not the same ones.",
            "b": RIGHT,
            "c": "Neighbouring windows overlap. The second window adds one pixel on each side.",
            "d": "It reads nine values, but their patches overlap: neighbours are one pixel apart.",
        },
        "behind a pool": {
            "a": "The window reads 3 × 3 values of a smaller map. How many pixels lie between two "
            "of them?",
            "b": RIGHT,
            "c": "The maps are smaller because their values lie further apart. So a step to the "
            "next value is a larger step in the image.",
        },
        "1 × 1": {
            "a": RIGHT,
            "b": "Its window has one value in each direction, so F − 1 is 0.",
            "c": "All 512 maps are read at the same place. The patch of pixels is about height and "
            "width.",
        },
    },
    "vgg-growth": {
        "eight more": {
            "a": RIGHT,
            "b": "The three dense rows hold 93 % of VGG-11's parameters, and they stay as they "
            "are.",
            "c": "That would be so if each weight were used once for an image. A convolution uses "
            "its weights at every place of a map, fc6 only once.",
        },
        "two rows": {
            "a": "conv5_1 has 64 times as many weights. But it uses each at 14 · 14 places, and "
            "conv1_2 at 224 · 224, which are 256 times as many.",
            "b": RIGHT,
            "c": "A kernel has no weights for places. It has one for each pixel of its window and "
            "each map that it reads, and there is a kernel for each map.",
        },
        "fc6 as a convolution": {
            "a": "Sharing saves where a kernel has many places. Here it has one: 7 × 7 fits once "
            "on 7 × 7.",
            "b": "Each of fc6's 4,096 units has weights of its own as well, one for each of the 7 "
            "· 7 · 512 values.",
            "c": RIGHT,
        },
    },
    "vgg-memory": {
        "dense rows": {
            "a": "That is their share of the parameters. How many values leave a dense row with "
            "4,096 units?",
            "b": "Add them up: 4,096 + 4,096 + 1,000. conv1_1 alone makes 224 · 224 · 64 values.",
            "c": RIGHT,
        },
        "in use": {
            "a": "Each row still has to read what the row before it has made.",
            "b": RIGHT,
            "c": "A float32 has four bytes in both. Fewer bytes would be a choice, possible in "
            "both.",
        },
        "a larger batch": {
            "a": RIGHT,
            "b": "The gradients of all images are added up. So there is one number for each "
            "parameter, whatever the batch is.",
            "c": "All images of a batch meet the same parameters. Only the values are each image's "
            "own.",
        },
    },
    "vgg-shares": {
        "fewer parameters": {
            "a": "A kernel has no weights for places. conv1_2 has 64 kernels of 3 · 3 · 64 "
            "weights.",
            "b": "It has 512 kernels of 3 · 3 · 512 weights, 2.4 million. Count fc6: 4,096 units "
            "with 7 · 7 · 512 weights each.",
            "c": RIGHT,
        },
        "fewer values": {
            "a": RIGHT,
            "b": "Each of its maps has 28 · 28 values, a 64th of the 224 · 224 of conv1_2.",
            "c": "What it reads was made by the row before it. fc6 itself makes 4,096 values.",
        },
        "less work": {
            "a": "It has 64 times as many places as conv4_2. How many times fewer weights has it?",
            "b": "It has 64 times as many weights as conv1_2. At how many times fewer places are "
            "they used?",
            "c": RIGHT,
            "d": "fc6 uses each weight once for an image. All of fc6 does less than a hundredth of "
            "the work.",
        },
    },
    "vgg-frozen": {
        "trained": {
            "a": "The loss depends on all, but frozen parameters keep their values.",
            "b": "fc7 makes the features, and it is frozen as well.",
            "c": RIGHT,
        },
        "the way back": {
            "a": RIGHT,
            "b": "The way back ends where nothing is left to train: no gradient goes into the "
            "frozen rows.",
            "c": "The gradient of a weight is the error times the value that the weight was "
            "multiplied with.",
        },
        "50 photographs": {
            "a": RIGHT,
            "b": "A better fit to 50 photographs, yes: 134 million parameters can learn these by "
            "heart.",
            "c": "A small training error can be had by learning by heart. What counts are other "
            "photographs.",
        },
    },
}
