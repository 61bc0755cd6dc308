"""Questions with a choice of answers: the reason why each wrong letter is wrong.

The questions stand in the notebooks, before the cells that show the effect. What belongs to the
letters stands here, so that the locked cells below an answer do not give it away. Each wrong letter
is a misconception that learners have. Whoever reads this file finds the right letters: a check
explains wrong ones offline, so they cannot be kept from the student's machine.
"""

from course.check import words
from course.diagnosis import Cause, finding
from course.language import _

RIGHT = ""  # stands in the place of the right letter's reason

QUESTIONS = {
    "convolution-sharing": {
        "a patch only": {
            "a": "Every value of a map has weights of its own here. What becomes fewer is what one "
            "of them sees.",
            "b": RIGHT,
            "c": "Every value of a map has weights of its own here. What becomes fewer is what one "
            "of them sees.",
        },
        "shared": {
            "a": "There are still 8 scanners. In each map one of them serves all places. How many "
            "places are these?",
            "b": RIGHT,
            "c": "Each of the 8 maps keeps a scanner of its own. So what is shared is shared by "
            "the values of one map.",
        },
        "a larger image": {
            "a": "A scanner of 5 × 5 has as many numbers on a large image as on a small one.",
            "b": "In the layer with patches each value has weights of its own. A larger image "
            "gives more values.",
            "c": RIGHT,
        },
    },
    "convolution-moves": {
        "stride 1": {
            "a": "That would be invariance. The scanner finds the same thing, three pixels "
            "further.",
            "b": RIGHT,
            "c": "Each patch of the old image is there again, three pixels further. So its answer "
            "is, too.",
        },
        "stride 2": {
            "a": "One place of this map is two pixels of the image.",
            "b": "The image has moved by 3, so the scanner looks at patches that lay between its "
            "steps before. Their answers are new.",
            "c": RIGHT,
        },
        "two pools": {
            "a": "That would be invariance. A maximum stays only as long as it does not leave its "
            "window.",
            "b": "That is so behind the first pool. The second one halves once more.",
            "c": RIGHT,
        },
    },
    "lenet-bridge": {
        "C3": {
            "a": "Both make 16 maps.",
            "b": "Both have kernels of 5 × 5. Look how many of them a map has.",
            "c": RIGHT,
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
            "a": "conv3 is the convolution that looks across: it reads the maps of both GPUs.",
            "b": "conv3 makes 384 maps. The question is what one kernel reads.",
            "c": RIGHT,
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
            "a": "The three dense rows hold 93 % of VGG-11's parameters, and they stay as they "
            "are.",
            "b": RIGHT,
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
            "b": RIGHT,
            "c": "Each of fc6's 4,096 units has weights of its own as well, one for each of the 7 "
            "· 7 · 512 values.",
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
            "a": "The way back ends where nothing is left to train: no gradient goes into the "
            "frozen rows.",
            "b": RIGHT,
            "c": "The gradient of a weight is the error times the value that the weight was "
            "multiplied with.",
        },
        "50 photographs": {
            "a": "A better fit to 50 photographs, yes: 134 million parameters can learn these by "
            "heart.",
            "b": RIGHT,
            "c": "A small training error can be had by learning by heart. What counts are other "
            "photographs.",
        },
    },
    "inception-mixing": {
        "shuffled pixels": {
            "a": RIGHT,
            "b": "It reads no neighbours: its window is one pixel.",
            "c": "That would be invariance. A value is made of one pixel, and stands where this "
            "pixel stands now.",
        },
        "without ReLU": {
            "a": "Two steps that only multiply and add are one such step. Without a ReLU between "
            "them they are one 3 × 3 convolution.",
            "b": RIGHT,
            "c": "The 442,368 weights of a single convolution could be anything. Here they are "
            "made of 126,976 numbers, and all that is read has to pass through 64 maps.",
        },
        "before or behind": {
            "a": RIGHT,
            "b": "Behind it the 5 × 5 has already read all 256 maps. The 1 × 1 then comes on top.",
            "c": "Before the 5 × 5 it makes the kernels of 25 · 256 weights smaller. What could it "
            "save behind them?",
        },
        "smaller maps": {
            "a": "Kernels have no weights for places. So smaller maps leave all parameters as they "
            "are.",
            "b": RIGHT,
            "c": "The side is half in both directions, so there are a quarter of the places. And "
            "parameters do not depend on it.",
        },
    },
    "inception-cost": {
        "work": {
            "a": "That would be so if each weight were used equally often. A dense layer uses a "
            "weight once for an image, a convolution at every place of a map.",
            "b": "GoogLeNet's weights are in convolutions, which use them at every place. Its "
            "conv2 alone takes nearly half as many MACs as all of AlexNet.",
            "c": RIGHT,
        },
        "where they went": {
            "a": "Bottlenecks save weights of convolutions, and AlexNet's convolutions hold only "
            "4 % of its parameters.",
            "b": RIGHT,
            "c": "More layers are more weights. In which of its layers does AlexNet keep 96 %?",
        },
        "a larger image": {
            "a": "So it would be behind a Flatten. The average makes one number of each map, "
            "however large the map is.",
            "b": RIGHT,
            "c": "Convolutions, pools and averages take any size. AlexNet cannot take it: its fc6 "
            "has a weight for each place.",
        },
    },
    "resnet-degradation": {
        "overfitting": {
            "a": RIGHT,
            "b": "A network that overfits has learned its training images by heart. So its "
            "training error is small.",
            "c": "A network fits the images that it is trained with. If it overfits, it fits these "
            "too well, and not the others.",
        },
        "a copy": {
            "a": "A layer can also hand on what it gets. Copy the layers of plain-20, and let all "
            "others do just that.",
            "b": RIGHT,
            "c": "Nobody can say what training will *find*. What the best weights can do is "
            "another question: copy plain-20, and let the other layers hand on what they get.",
        },
        "both large": {
            "a": "These act against overfitting: they keep a network from fitting its training "
            "images too well. This one fits them badly.",
            "b": RIGHT,
            "c": "It has carried all that it learned over to new images, but that was little: it "
            "is wrong on 30 % of the very images that it was trained with.",
        },
    },
    "resnet-blocks": {
        "order": {
            "a": "Take the values −1 and 1. Normalised they stay as they are, and ReLU makes 0 and "
            "1 of them. ReLU first makes 0 and 1, and normalised these are −1 and 1 again.",
            "b": RIGHT,
            "c": "That is so behind a ReLU. Here the normalisation comes last, and takes the mean "
            "off each value.",
        },
        "folding": {
            "a": RIGHT,
            "b": "The ReLU stands between the two, and cuts off what is negative. No kernel does "
            "that, so the two steps do not become one convolution.",
            "c": "Two steps become one convolution if both only multiply and add. A ReLU between "
            "them does something else.",
        },
        "two blocks": {
            "a": "Only its two 1 × 1 convolutions read or make 256 maps, with one weight for each "
            "pair of maps. Add up F · F · C · K.",
            "b": RIGHT,
            "c": "A 1 × 1 convolution has a weight for each pair of maps. Two of them between 64 "
            "and 256 maps have nearly as many as a 3 × 3 between 64 and 64.",
        },
        "values kept": {
            "a": "A larger window costs weights and work. Values are what comes out: count the "
            "maps that leave each convolution.",
            "b": "Parameters belong to kernels, values to maps. Count the maps that leave each "
            "convolution.",
            "c": RIGHT,
        },
    },
    "comparison-relative": {
        "the same images": {
            "a": "The architecture and its number of parameters are the same. It was trained "
            "seven times.",
            "b": "The list says `val 2014` behind both.",
            "c": RIGHT,
        },
        "the larger step": {
            "a": "Points are no measure of what is left: of 25.77 errors 10.46 went, two of five. "
            "Do the same for 2015.",
            "b": RIGHT,
            "c": "What kind of network won is another question. Divide the errors that went by "
            "the errors that were there.",
        },
    },
    "comparison-costs": {
        "larger images": {
            "a": "A kernel is as large for a large image as for a small one: it moves to more "
            "positions, and brings no new parameters.",
            "b": "Each of those values has to be computed, with as many multiplications as before.",
            "c": "The work is done at each position, and each position leaves a value.",
            "d": RIGHT,
        },
        "more maps": {
            "a": "Twice as many kernels, that is right. But each of them also reads twice as many "
            "maps.",
            "b": RIGHT,
            "c": "A map is made by a kernel of its own. More maps are more kernels.",
        },
        "a larger batch": {
            "a": "All images of a batch meet the same weights. Only their values are their own.",
            "b": "Weights do not depend on the number of images.",
            "c": RIGHT,
        },
    },
    "comparison-flops": {
        "two numbers": {
            "a": RIGHT,
            "b": "Backwards is about twice the work of forwards, so both together would be about "
            "46 billion.",
            "c": "Both are right, each in its unit. Divide one by the other.",
        },
        "the naive module": {
            "a": "A MAC is two operations, not half of one.",
            "b": "That is the number of MACs. The chart counts the multiplication and the "
            "addition.",
            "c": RIGHT,
        },
    },
    "comparison-rate": {
        "twice the MACs": {
            "a": "If every MAC took the same time, it would. Small rows do not fill a machine, and "
            "rows that fetch many numbers for few MACs wait for memory.",
            "b": "B can also be faster: few large rows fill a machine better than many small ones.",
            "c": RIGHT,
        },
        "a dense layer": {
            "a": "For one image, most of the time goes into fetching weights that are used once. "
            "Who shares them in a batch?",
            "b": RIGHT,
            "c": "The batch as a whole takes longer. The question is about each image.",
        },
    },
    "comparison-phone": {
        "VGG-16 on a phone": {
            "a": "While it computes, an image needs memory as well: conv1_1 and conv1_2 alone make "
            "6.4 million values.",
            "b": RIGHT,
            "c": "All values are kept in training only. A phone lets a value go when the last row "
            "that reads it has run.",
            "d": "Gradients are for training. A phone trains nothing.",
        },
        "half the bytes": {
            "a": "Values are numbers as well, and in float16 each of them takes two bytes.",
            "b": RIGHT,
            "c": "There are as many multiplications as before. What may change is how fast each of "
            "them is.",
        },
        "two networks": {
            "a": "Memory holds both. Parameters that are few do not help if the values need the "
            "rest.",
            "b": "Memory holds both. VGG-16's parameters need 22 times as much as its values in "
            "use.",
            "c": RIGHT,
        },
    },
    "comparison-energy": {
        "two chips": {
            "a": RIGHT,
            "b": "Watts say how fast energy is used. Multiply them by the seconds of one image: A "
            "takes 10 · 2 = 20 joules.",
            "c": "A takes 10 · 2 joules for an image, and B 40 · 0.25.",
        },
        "the same power": {
            "a": "Equal power is equal energy a *second*. An image that takes longer takes more.",
            "b": "Parameters use no energy while they lie in memory. At equal power, time decides.",
            "c": RIGHT,
        },
    },
    "comparison-error": {
        "four times the images": {
            "a": "The number of images stands under the root.",
            "b": "More images make the measurement more certain.",
            "c": RIGHT,
        },
        "two people": {
            "a": "Each of the two is uncertain by its standard error, 0.57 and 0.56 points. The "
            "difference is 0.2.",
            "b": RIGHT,
            "c": "That a difference cannot be seen in 1,500 images does not mean that there is "
            "none.",
        },
        "what was shown": {
            "a": RIGHT,
            "b": "It was one task, and one person who had practised it. How people and networks "
            "see elsewhere was not measured.",
            "c": "The standard errors are 0.06 and 0.57 points, and the difference is 1.5.",
        },
    },
    "project-plan": {
        "twenty images": {
            "a": "Too few for new images, yes. But the network is asked about the same twenty, and "
            "those it could know by heart.",
            "b": "A network that overfits has all of its training images right. This one has not.",
            "c": RIGHT,
        },
        "whose mean": {
            "a": RIGHT,
            "b": "Then the same pixel would become another number than in training. The network "
            "learned with the training images' two numbers.",
            "c": "The held-out images would then take part in the training. In use they are not "
            "there beforehand, and perhaps come one by one.",
        },
        "which images": {
            "a": "What has been chosen by them no longer says how the network does on new images.",
            "b": "A rate can be good for learning the training images by heart, and bad for new "
            "ones.",
            "c": RIGHT,
        },
        "two changes": {
            "a": "One of them could even have done harm. Make each alone to see it.",
            "b": RIGHT,
            "c": "That is a good guess. The two runs cannot tell it from the other one.",
        },
        "ranges": {
            "a": "The means of three runs move by as much when the seeds change: 92.0 to 93.0 % "
            "came from both settings.",
            "b": "Not shown is not the same as equal. More seeds may show a difference.",
            "c": RIGHT,
        },
    },
}


def wrong(got, questions):
    """Findings about a dict {question: letter}; none if all letters are right.

    `questions` is a name in `QUESTIONS`, or a dict like one of its values. Raises TypeError if a
    question of such a dict has not one right letter.
    """
    questions = QUESTIONS[questions] if isinstance(questions, str) else questions
    for question, reasons in questions.items():
        if list(reasons.values()).count(RIGHT) != 1:
            raise TypeError(
                f"One letter of {question!r} should be right, with {RIGHT!r} as its reason; each "
                "other one should have a reason why it is wrong."
            )
    if got is None:
        return [finding("", Cause.NOT_ANSWERED, hint=words.answer_above())]
    if not isinstance(got, dict):
        kind = {
            "expected": _("a dict with a letter for each question"),
            "received": words.brief(got),
        }
        return [finding("", Cause.WRONG_KIND_OF_VALUE, **kind)]
    findings = []
    for question, reasons in questions.items():
        letter = got.get(question)
        if isinstance(letter, str):
            letter = letter.strip(" ().").lower()  # "B" and "b)" are b
        if letter is None:
            findings.append(finding(question, Cause.NOT_ANSWERED))
        elif letter not in list(reasons):
            hint = _(
                'Write one of the letters "a" to "{last}", in quotation marks. You have {value}.'
            )
            hint = hint.format(last=max(reasons), value=words.quoted(letter))
            findings.append(finding(question, Cause.WRONG_VALUE, received=letter, hint=hint))
        elif reasons[letter] != RIGHT:
            hint = _(reasons[letter])
            findings.append(finding(question, Cause.CHOICE, received=letter, hint=hint))
    return findings
