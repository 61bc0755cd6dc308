"""Answers to 08-project; the report of exercise 8 is graded by a person."""

import ast
import json

from tests.bank import Mistake, letters
from tests.classroom import ROOT

NOTEBOOK = "08-project/project.ipynb"
PLAN = {
    "twenty images": "c",
    "whose mean": "a",
    "which images": "c",
    "two changes": "a",
    "ranges": "c",
}


def _handed_in():
    """(runs, predictions) as the solution hands them in."""
    cells = json.loads((ROOT / "solutions" / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    (source,) = ("".join(c["source"]) for c in cells if c["id"] == "hand-in-answer")
    *_, runs, predictions = ast.parse(source).body
    return ast.literal_eval(runs.value), ast.literal_eval(predictions.value)


RUNS, PREDICTIONS = _handed_in()


def hand_in(runs=RUNS, predictions=PREDICTIONS):
    """The cell of exercise 7 with these runs and predictions."""
    return f"runs = {runs!r}\npredictions = {predictions!r}"


def report(base=(0.473, 0.492), changed=(0.939, 0.949), shown=True):
    return f"report = {{'base': {base}, 'changed': {changed}, 'shown': {shown}}}"


def next_class(digits):
    """A text with another class in the place of each."""
    return "".join(str((int(digit) + 1) % 10) for digit in digits)


NORMALISE = """
def measured(images):
    {}

def normalised(images, mean, deviation):
    {}
"""
MEASURED = "return [images.mean(), images.std()]"
NORMALISED = "return (images - mean) / deviation"

COMPILE = """
def compiled(network, peak, steps):
    rate = {rate}
    network.compile(optimizer=keras.optimizers.Adam(rate), loss={loss}, metrics={metrics})
    return network

def fitted(network, train, validation, epochs):
    run = {fit}
    return {returns}
"""
SETTINGS = {
    "rate": "keras.optimizers.schedules.CosineDecay(peak, steps)",
    "loss": "keras.losses.SparseCategoricalCrossentropy()",
    "metrics": "['accuracy']",
    "fit": "network.fit(x=train[0], y=train[1], batch_size=64, epochs=epochs, "
    "validation_data=validation, verbose=0)",
    "returns": "run.history",
}

DESIGN = """
def own_network(input_shape=(28, 28, 1), classes=10):
    x = inputs = keras.Input(input_shape)
{}
    return keras.Model(inputs, x)
"""


def design(*rows):
    return DESIGN.format("\n".join(f"    x = {row}(x)" for row in rows))


CONV = "layers.Conv2D(8, 3, 2, activation='relu')"
END = "layers.Flatten()", "layers.Dense(classes, activation='softmax')"

RIGHT = {
    "other words": {
        "normalise-answer": NORMALISE.format(
            "flat = np.ravel(images)\n    return [flat.mean(), np.sqrt(np.var(flat))]",
            "return images / deviation - mean / deviation",
        ),
        "move-answer": """
def moved(images, down, right):
    made = np.roll(np.array(images), (down, right), axis=(1, 2))
    if down > 0:
        made[:, :down] = 0
    elif down < 0:
        made[:, down:] = 0
    if right > 0:
        made[:, :, :right] = 0
    elif right < 0:
        made[:, :, right:] = 0
    return made
""",
        "compile-answer": COMPILE.format(**SETTINGS),
        "plan-answer": letters("plan", PLAN),
        "design-answer": """
def own_network(input_shape=(28, 28, 1), classes=10):
    return keras.Sequential([
        keras.Input(input_shape),
        layers.Conv2D(8, 5, strides=2, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Conv2D(16, 3),
        layers.Activation("relu"),
        layers.MaxPooling2D(2),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2D(32, 1, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dropout(0.2),
        layers.Dense(classes),
        layers.Softmax(),
    ])
""",
        "rates-answer": """
def rates(low, high, count):
    return np.geomspace(low, high, count)
""",
        "hand-in-answer": hand_in(
            predictions=PREDICTIONS[:400] + next_class(PREDICTIONS[400:430]) + PREDICTIONS[430:]
        ),
        "report-answer": """
ends = {name: [run["val_accuracy"][-1] for run in runs[name]] for name in ("base", "changed")}
report = {name: (min(found), max(found)) for name, found in ends.items()}
report["shown"] = max(ends["base"]) < min(ends["changed"])
""",
    },
    "a branch": {
        "move-answer": """
def moved(images, down, right):
    count, height, width, channels = images.shape
    made = np.zeros(images.shape)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                made[:, row, column] = images[:, row - down, column - right]
    return made
""",
        "compile-answer": COMPILE.format(
            **SETTINGS
            | {
                "loss": "'sparse_categorical_crossentropy'",
                "rate": "keras.optimizers.schedules.CosineDecay(initial_learning_rate=peak, "
                "decay_steps=steps, alpha=0.0)",
                "fit": "network.fit(train[0], train[1], 64, epochs, validation_data=validation, "
                "callbacks=[course.training.line()], verbose=0)",
            }
        ),
        "design-answer": """
def own_network(input_shape=(28, 28, 1), classes=10):
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu")(inputs)
    y = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = layers.Add()([x, y])
    x = layers.Concatenate()([layers.Conv2D(8, 3, 2)(x), layers.MaxPooling2D(3, 2)(x)])
    x = layers.GlobalMaxPooling2D()(x)
    return keras.Model(inputs, keras.ops.softmax(layers.Dense(classes)(x)))
""",
        # No difference is shown where the ranges overlap.
        # With dropout, only the accuracy that is measured without it has to reach 1.
        "hand-in-answer": hand_in(
            RUNS
            | {"changed": RUNS["base"]}
            | {"twenty": {"loss": [2.4, 0.1], "accuracy": [0.1, 0.95], "val_accuracy": [0.2, 1.0]}}
        ),
        "report-answer": report(changed=(0.473, 0.492), shown=False),
    },
}

MISTAKES = [
    Mistake("the mean of each image", "normalise-answer",
            NORMALISE.format("return [images.mean(axis=0), images.std(axis=0)]", NORMALISED),
            ("project-normalise",), "two numbers for all pixels of all images together"),
    Mistake("the variance", "normalise-answer",
            NORMALISE.format("return [images.mean(), images.var()]", NORMALISED),
            ("project-normalise",), "two numbers for all pixels"),
    Mistake("its own mean", "normalise-answer",
            NORMALISE.format(MEASURED, "return (images - images.mean()) / images.std()"),
            ("project-normalise",), "Use the mean and the deviation that are given."),
    Mistake("divided first", "normalise-answer",
            NORMALISE.format(MEASURED, "return images / deviation - mean"),
            ("project-normalise",), "Use the mean and the deviation that are given."),
    Mistake("what leaves comes back", "move-answer",
            "def moved(images, down, right):\n    return np.roll(images, (down, right), (1, 2))",
            ("project-move",), "What leaves the image is lost"),
    Mistake("right and down", "move-answer", """
def moved(images, down, right):
    return np.array([[[[image[r - right, c - down, k]
        if 0 <= r - right < image.shape[0] and 0 <= c - down < image.shape[1] else 0.0
        for k in range(image.shape[2])] for c in range(image.shape[1])]
        for r in range(image.shape[0])] for image in images])
""", ("project-move",), "Down comes first, then right."),
    Mistake("only forwards", "move-answer", """
def moved(images, down, right):
    made = np.zeros_like(images)
    made[:, down:, right:] = images[:, : images.shape[1] - down, : images.shape[2] - right]
    return made
""", ("project-move",), "Your code stops with an error"),
    Mistake("scores expected", "compile-answer",
            COMPILE.format(**SETTINGS | {
                "loss": "keras.losses.SparseCategoricalCrossentropy(from_logits=True)"}),
            ("project-compile",), "its loss gets probabilities"),
    Mistake("the same rate", "compile-answer", COMPILE.format(**SETTINGS | {"rate": "peak"}),
            ("project-compile",), "the rate in the first step, halfway and at the end"),
    Mistake("validation forgotten", "compile-answer",
            COMPILE.format(**SETTINGS | {
                "fit": "network.fit(*train, batch_size=64, epochs=epochs, verbose=0)"}),
            ("project-compile",), "images and labels to learn from, those for validation"),
    Mistake("learned from all", "compile-answer",
            COMPILE.format(**SETTINGS | {
                "fit": "network.fit(np.concatenate([train[0], validation[0]]), np.concatenate("
                "[train[1], validation[1]]), epochs=epochs, validation_data=validation)"}),
            ("project-compile",), "it should give [6, 6, [2, 2], 64, 3"),
    Mistake("batches of 32", "compile-answer",
            COMPILE.format(**SETTINGS | {
                "fit": "network.fit(*train, epochs=epochs, validation_data=validation)"}),
            ("project-compile",), "those for validation, batch, epochs"),
    Mistake("labels one-hot", "compile-answer",
            COMPILE.format(**SETTINGS | {"loss": "'categorical_crossentropy'"}),
            ("project-compile",), "labels that are whole numbers"),
    Mistake("network not returned", "compile-answer",
            COMPILE.format(**SETTINGS).replace("return network\n", "\n"),
            ("project-compile",), "compiled returns the network;"),
    Mistake("another optimizer", "compile-answer",
            COMPILE.format(**SETTINGS).replace("optimizers.Adam(", "optimizers.SGD("),
            ("project-compile",), "and the optimizer."),
    Mistake("no history", "compile-answer", COMPILE.format(**SETTINGS | {"returns": "None"}),
            ("project-compile",), "what fitted returns"),
    Mistake("no accuracy", "compile-answer", COMPILE.format(**SETTINGS | {"metrics": "[]"}),
            ("project-compile",), "This is what it sets: loss, accuracy"),
    Mistake("overfits", "plan-answer", letters("plan", PLAN, twenty_images="b"),
            ("project-plan",), "A network that overfits has all of its training images right."),
    Mistake("its own numbers", "plan-answer", letters("plan", PLAN, whose_mean="b"),
            ("project-plan",), "Then the same pixel would become another number"),
    Mistake("chosen by the score", "plan-answer", letters("plan", PLAN, which_images="a"),
            ("project-plan",), "What has been chosen by them"),
    Mistake("a higher mean", "plan-answer", letters("plan", PLAN, ranges="a"),
            ("project-plan",), "The means of three runs move"),
    Mistake("LeNet-5", "design-answer", design(
        "layers.Conv2D(6, 5, padding='same', activation='tanh')", "layers.AveragePooling2D(2)",
        "layers.Conv2D(16, 5, activation='tanh')", "layers.AveragePooling2D(2)",
        "layers.Flatten()", "layers.Dense(120, activation='tanh')",
        "layers.Dense(84, activation='tanh')", "layers.Dense(classes, activation='softmax')"),
        ("project-design",),
        "It has 61,706 parameters, at most 12,000 are allowed. dense alone has 48,120."),
    Mistake("too much work", "design-answer", design(
        "layers.Conv2D(16, 3, activation='relu')", "layers.Conv2D(16, 3, activation='relu')",
        "layers.GlobalAveragePooling2D()", END[1]),
        ("project-design",), "MACs, at most 250,000 are allowed. conv2d_1 alone has"),
    Mistake("dense only", "design-answer", design("layers.AveragePooling2D(2)", *END),
            ("project-design",), "It has no convolutions, it should have at least 2 convolutions."),
    Mistake("scores", "design-answer",
            design(CONV, CONV, CONV, "layers.Flatten()", "layers.Dense(classes)"),
            ("project-design",),
            "It has no activation at its end, it should have softmax at its end. Probabilities"),
    Mistake("ten classes always", "design-answer",
            design(CONV, CONV, CONV, "layers.Flatten()", "layers.Dense(10, activation='softmax')"),
            ("project-design",), "It has 10 outputs. It needs 4, one for each class."),
    Mistake("a map at the end", "design-answer",
            design(CONV, CONV, "layers.Conv2D(classes, 3, activation='softmax')"),
            ("project-design",), "Flatten the last map"),
    Mistake("work that is not counted", "design-answer",
            design(CONV, CONV, "layers.PReLU()", *END),
            ("project-design",), "It is PReLU, and what that costs is not counted here."),
    Mistake("equal steps", "rates-answer",
            "def rates(low, high, count):\n    return np.linspace(low, high, count)",
            ("project-rates",), "the same number of times as large"),
    Mistake("one too many", "rates-answer",
            "def rates(low, high, count):\n    return np.geomspace(low, high, count + 1)",
            ("project-rates",), "Its size is 4, it should be 3."),
    Mistake("without the end", "rates-answer", """
def rates(low, high, count):
    return [low * (high / low) ** (number / count) for number in range(count)]
""", ("project-rates",), "low and high belong to them"),
    Mistake("twenty not learned", "hand-in-answer",
            hand_in(RUNS | {"twenty": {"loss": [2.3, 2.2], "accuracy": [0.1, 0.65]}}),
            ("project-twenty",), "With twenty images the accuracy should become 1"),
    Mistake("one image too few", "hand-in-answer", hand_in(predictions=PREDICTIONS[1:]),
            ("project-predictions", "project-good-predictions"),
            "The number of characters is 499, it should be 500. One digit for each"),
    Mistake("never moved", "hand-in-answer",
            hand_in(predictions=PREDICTIONS[:300] + next_class(PREDICTIONS[300:])),
            ("project-predictions", "project-good-predictions"), "At most 200 may be wrong."),
    Mistake("partly right", "hand-in-answer",
            hand_in(predictions=PREDICTIONS[:400] + next_class(PREDICTIONS[400:])),
            ("project-good-predictions",), "At most 75 may be wrong. The held-out digits do not"),
    Mistake("a list of numbers", "hand-in-answer",
            f"runs = {RUNS!r}\npredictions = {list(map(int, PREDICTIONS))!r}",
            ("project-predictions", "project-good-predictions"),
            "It should be a text in quotation marks. Received: [8, 4, 0,"),
    Mistake("far too much", "hand-in-answer",
            f"runs = {RUNS!r}\npredictions = 10_000 * {PREDICTIONS!r}",
            ("project-predictions", "project-good-predictions"), "far too large"),
    Mistake("only runs", "hand-in-answer", f"runs = {RUNS!r}\npredictions = None",
            ("project-predictions", "project-good-predictions"), "There is no answer yet."),
    Mistake("no numbers any more", "hand-in-answer",
            hand_in(RUNS | {"changed": [{"val_accuracy": [None]}] * 3}),
            ("project-report",), 'runs["changed"] should be [{"val_accuracy": [0.1, ..., 0.9]'),
    Mistake("numbers by hand", "hand-in-answer",
            hand_in(RUNS | {"twenty": [0.5, 1.0], "base": [0.47, 0.48, 0.49]}),
            ("project-twenty",),
            'runs["twenty"] should be {"accuracy": [0.1, ..., 1.0], ...}, as fit returns it. It is '
            "[0.5, 1.0].", follows=("project-report",)),
    Mistake("one seed", "hand-in-answer",
            hand_in(RUNS | {"changed": RUNS["changed"][:1]}),
            ("project-report",), "Each setting is trained with three seeds."),
    Mistake("better than it was", "report-answer", report(changed=(0.939, 0.99)),
            ("project-report",), "The smallest and the largest validation accuracy"),
    Mistake("the first epoch", "report-answer", report(base=(0.436, 0.455)),
            ("project-report",), "after the last epoch, from 0 to 1"),
    Mistake("not seen", "report-answer", report(shown=False),
            ("project-report",), "shown: The value is not right. You have False."),
    Mistake("per cent", "report-answer", report((47.3, 49.2), (93.9, 94.9)),
            ("project-report",), "from 0 to 1, as they stand in runs"),
]  # fmt: skip

# Neither a small example nor a square nor a single map shows these mistakes.
MISTAKES += [
    Mistake(
        "up is forgotten", "move-answer",
        "def moved(images, down, right):\n"
        "    made = np.roll(images, (down, right), axis=(1, 2))\n"
        "    made[:, : max(down, 0)] = 0\n"
        "    if right:\n"
        "        made[:, :, slice(0, right) if right > 0 else slice(right, None)] = 0\n"
        "    return made",
        ("project-move",), "moved([[[[1], [2]], [[3], [4]]]], -1, 1) gives",
    ),
    Mistake(
        "half of the file", "hand-in-answer",
        hand_in({name: RUNS[name] for name in ("base", "changed")}),
        ("project-twenty",), "twenty: It is missing in your answer. Copy all that your",
    ),
]  # fmt: skip
