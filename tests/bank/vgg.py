"""Answers to 04-vgg."""

from tests.bank import Mistake, letters

NOTEBOOK = "04-vgg/vgg.ipynb"

# The right letters
SEES = {"two 3 × 3": "b", "behind a pool": "b", "1 × 1": "a"}
GROWTH = {"eight more": "a", "two rows": "b", "fc6 as a convolution": "c"}
IN_MEMORY = {"dense rows": "c", "in use": "b", "a larger batch": "a"}
SAVES_MOST = {"fewer parameters": "c", "fewer values": "a", "less work": "c"}
FROZEN = {"trained": "c", "the way back": "a", "50 photographs": "a"}

RIGHT = {
    "loops": {
        "field-hand-answer": "sees = {'1 × 1': 'a', 'two 3 × 3': 'b', 'behind a pool': 'b'}\n",
        "field-answer": """
def receptive_field(windows):
    side = 1
    for size, stride in windows[::-1]:  # from the output back to the image
        side = (side - 1) * stride + size
    return side
""",
        "weights-answer": """
def stack_weights(sizes, channels):
    total = 0
    for size in sizes:
        total += size**2 * channels**2
    return total
""",
        "block-answer": """
def vgg_block(x, filters, convolutions, name):
    for _ in range(convolutions):
        x = keras.layers.ZeroPadding2D(1)(x)
        x = keras.layers.Conv2D(filters, kernel_size=(3, 3))(x)
        x = keras.activations.relu(x)
    return keras.layers.MaxPool2D(pool_size=(2, 2), strides=(2, 2), padding="valid")(x)
""",
        "growth-answer": "growth = {'eight more': 'a', 'two rows': 'b'}\n"
        "growth['fc6 as a convolution'] = 'c'\n",
        "kept-answer": "in_memory = {'dense rows': 'c', 'in use': 'b', 'a larger batch': 'a'}\n",
        "shares-answer": "saves_most = {'fewer parameters': 'c', 'fewer values': 'a'}\n"
        "saves_most['less work'] = 'c'\n",
        "frozen-answer": "frozen = {'trained': 'c', 'the way back': 'a', '50 photographs': 'a'}\n",
        "family-answer": """
def vgg(convolutions, input_shape=(224, 224, 3), classes=1000, widths=WIDTHS, units=4096):
    image = keras.Input(shape=input_shape)
    x = image
    for stage in range(len(convolutions)):
        x = vgg_block(x, widths[stage], convolutions[stage], str(stage + 1))
    x = layers.Reshape((-1,))(x)
    x = layers.ReLU()(layers.Dense(units, name="fc6")(x))
    x = layers.Dropout(0.5)(x)
    x = layers.Activation("relu", name="fc7")(layers.Dense(units)(x))
    x = layers.Dropout(0.5)(x)
    return keras.Model(image, layers.Softmax()(layers.Dense(classes)(x)))
""",
        "shapes-answer": """
def row_shapes(rows, input_shape):
    shapes = []
    now = list(input_shape)
    for step, filters, size, stride, padding in rows:
        if step == "conv" or step == "max_pool":
            now = [
                arithmetic.output_size(now[0], size, stride, padding),
                arithmetic.output_size(now[1], size, stride, padding),
                filters or now[2],
            ]
        else:
            now = [filters]
        shapes.append(now)
    return shapes
""",
        "memory-answer": """
def row_memory(rows, input_shape):
    kept = []
    for shape in [tuple(input_shape)] + [tuple(shape) for shape in row_shapes(rows, input_shape)]:
        values = 1
        for number in shape:
            values *= number
        kept.append(values)
    return kept
""",
        "counts-answer": """
def row_parameters(rows, input_shape):
    counts, above = [], input_shape
    for row, shape in zip(rows, row_shapes(rows, input_shape)):
        if row[0] == "max_pool":
            counts.append(0)
        else:
            seen = row[2] ** 2 * above[-1] if row[0] == "conv" else np.prod(above)
            counts.append(seen * row[1] + row[1])
        above = shape
    return counts
""",
        "fc7-answer": """
def new_task(classes, frozen=True, base=None):
    base = base or vgg(CONVOLUTIONS["VGG-16"])
    features = keras.Model(base.input, base.get_layer("fc7").output)
    for layer in features.layers:
        layer.trainable = not frozen
    image = keras.Input(features.input_shape[1:])
    return keras.Model(image, layers.Dense(classes, activation="softmax")(features(image)))
""",
    },
    "sequential": {
        "field-answer": """
def receptive_field(windows):
    sizes, strides = np.array(windows).T
    jumps = np.cumprod([1, *strides[:-1]])
    return 1 + int(np.sum((sizes - 1) * jumps))
""",
        "weights-answer": """
def stack_weights(sizes, channels):
    return int(np.square(sizes).sum()) * channels**2
""",
        "block-answer": """
def vgg_block(x, filters, convolutions, name):
    stack = [layers.Conv2D(filters, 3, 1, "same", activation="relu") for _ in range(convolutions)]
    return keras.Sequential([*stack, layers.MaxPooling2D()], name=f"stage{name}")(x)
""",
        "family-answer": """
def vgg(convolutions, input_shape=(224, 224, 3), classes=1000, widths=WIDTHS, units=4096):
    model = keras.Sequential([keras.Input(input_shape)])
    for stage, number in enumerate(convolutions):
        for _ in range(number):
            model.add(layers.Conv2D(widths[stage], 3, padding="same", activation="relu"))
        model.add(layers.MaxPooling2D(2, 2))
    model.add(layers.Flatten())
    for name in ["fc6", "fc7"]:
        model.add(layers.Dense(units, activation="relu", name=name))
    model.add(layers.Dense(classes))
    return model
""",
        "shapes-answer": """
def row_shapes(rows, input_shape):
    if not rows:
        return []
    step, filters, size, stride, padding = rows[0]
    if step == "dense":
        shape = (filters,)
    else:
        grid = (np.array(input_shape[:2]) + 2 * padding - size) // stride + 1
        shape = (*grid, input_shape[2] if filters is None else filters)
    return [shape] + row_shapes(rows[1:], shape)
""",
        "fc7-answer": """
def new_task(classes, frozen=True, base=None):
    if base is None:
        base = vgg([2, 2, 3, 3, 3])
    model = keras.Sequential([keras.Input(base.input_shape[1:])])
    for layer in base.layers:
        layer.trainable = not frozen
        model.add(layer)
        if layer.name == "fc7":
            break
    model.add(layers.Dense(classes, "softmax"))
    return model
""",
    },
    "fc6 as a convolution": {
        "block-answer": """
class Block(keras.layers.Layer):
    def __init__(self, filters, convolutions, name):
        super().__init__(name=f"stage{name}")
        self.steps = [
            layers.Conv2D(filters, 3, padding="same", activation="relu")
            for _ in range(convolutions)
        ] + [layers.MaxPooling2D(2)]

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x


def vgg_block(x, filters, convolutions, name):
    return Block(filters, convolutions, name)(x)
""",
        "family-answer": """
def vgg(convolutions, input_shape=(224, 224, 3), classes=1000, widths=WIDTHS, units=4096):
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1.0)(inputs)
    for stage, (width, count) in enumerate(zip(widths, convolutions), start=1):
        x = vgg_block(x, width, count, stage)
    x = layers.Conv2D(units, x.shape[1:3], activation="relu", name="fc6")(x)
    x = layers.Conv2D(units, 1, activation="relu", name="fc7_map")(x)
    x = layers.Flatten(name="fc7")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax", name="fc8")(x))
""",
    },
}

_BLOCK = """
def vgg_block(x, filters, convolutions, name):
    for i in range(convolutions):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return layers.MaxPooling2D(2)(x)
"""
_BLOCK_IDS = ("vgg-block", "vgg-16", "vgg-family", "vgg-fc7")
_VGG = """
def vgg(convolutions, input_shape=(224, 224, 3), classes=1000, widths=WIDTHS, units=4096):
    inputs = keras.Input(input_shape)
    x = inputs
    for stage, (filters, count) in enumerate(zip(widths, convolutions), 1):
        x = vgg_block(x, filters, count, name=f"{stage}")
    x = layers.Flatten()(x)
    x = layers.Dense(units, activation="relu", name="fc6")(x)
    x = layers.Dense(units, activation="relu", name="fc7")(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""
_NEW = """
def new_task(classes, frozen=True, base=None):
    base = base or vgg([2, 2, 3, 3, 3])
    base.trainable = not frozen
    outputs = layers.Dense(classes, activation="softmax")(base.get_layer("fc7").output)
    return keras.Model(base.inputs, outputs)
"""
_SHAPES = """
def row_shapes(rows, input_shape):
    shapes, shape = [], input_shape
    for step, filters, size, stride, padding in rows:
        if step == "dense":
            shape = (filters,)
        else:
            h, w = [(n + 2 * padding - size) // stride + 1 for n in shape[:2]]
            shape = (h, w, filters if step == "conv" else shape[2])
        shapes.append(shape)
    return shapes
"""
_COUNTS = """
def row_parameters(rows, input_shape):
    counts, above = [], input_shape
    for (step, filters, size, _, _), shape in zip(rows, row_shapes(rows, input_shape)):
        if step == "conv":
            counts.append((size * size * above[-1] + 1) * filters)
        elif step == "dense":
            counts.append((int(np.prod(above)) + 1) * filters)
        else:
            counts.append(0)
        above = shape
    return counts
"""

MISTAKES = [
    # 1 · how far an output sees
    Mistake(
        "both windows see the same",
        "field-hand-answer",
        letters("sees", SEES, **{"two 3 × 3": "a"}),
        ("vgg-field-hand",),
        "two 3 × 3: It is not a. Each value that it reads has seen 3 × 3 pixels itself",
    ),
    Mistake(
        "sides added",
        "field-hand-answer",
        letters("sees", SEES, **{"two 3 × 3": "c"}),
        ("vgg-field-hand",),
        "Neighbouring windows overlap.",
    ),
    Mistake(
        "areas multiplied",
        "field-hand-answer",
        letters("sees", SEES, **{"two 3 × 3": "d"}),
        ("vgg-field-hand",),
        "It reads nine values, but their patches overlap",
    ),
    Mistake(
        "a pool changes nothing",
        "field-hand-answer",
        letters("sees", SEES, behind_a_pool="a"),
        ("vgg-field-hand",),
        "How many pixels lie between two of them?",
    ),
    Mistake(
        "smaller maps, smaller view",
        "field-hand-answer",
        letters("sees", SEES, behind_a_pool="c"),
        ("vgg-field-hand",),
        "The maps are smaller because their values lie further apart.",
    ),
    Mistake(
        "a pixel for 1 × 1",
        "field-hand-answer",
        letters("sees", SEES, **{"1 × 1": "b"}),
        ("vgg-field-hand",),
        "so F − 1 is 0.",
    ),
    Mistake(
        "maps taken for pixels",
        "field-hand-answer",
        letters("sees", SEES, **{"1 × 1": "c"}),
        ("vgg-field-hand",),
        "All 512 maps are read at the same place.",
    ),
    Mistake(
        "jump first",
        "field-answer",
        """
def receptive_field(windows):
    field, jump = 1, 1
    for size, stride in windows:
        jump *= stride
        field += (size - 1) * jump
    return field
""",
        ("vgg-field",),
        "receptive_field([[11, 4], [3, 2], [5, 1]]) gives 89, it should give 51.",
    ),
    Mistake(
        "strides left out",
        "field-answer",
        """
def receptive_field(windows):
    return 1 + sum(size - 1 for size, stride in windows)
""",
        ("vgg-field",),
        "receptive_field([[11, 4], [3, 2], [5, 1]]) gives 17, it should give 51.",
    ),
    Mistake(
        "nothing returned",
        "field-answer",
        """
def receptive_field(windows):
    field, jump = 1, 1
    for size, stride in windows:
        field += (size - 1) * jump
        jump *= stride
""",
        ("vgg-field",),
        "gives None (is the return missing?), it should give 7.",
    ),
    # 2 · three small windows for a large one
    Mistake(
        "one map read",
        "weights-answer",
        """
def stack_weights(sizes, channels):
    return sum(size * size * channels for size in sizes)
""",
        ("vgg-weights",),
        "stack_weights([3, 3, 3], 64) gives 1728, it should give 110592.",
    ),
    Mistake(
        "with biases",
        "weights-answer",
        """
def stack_weights(sizes, channels):
    return sum((size * size * channels + 1) * channels for size in sizes)
""",
        ("vgg-weights",),
        "stack_weights([3, 3, 3], 64) gives 110784, it should give 110592.",
    ),
    Mistake(
        "first window only",
        "weights-answer",
        """
def stack_weights(sizes, channels):
    return len(sizes) * sizes[0] ** 2 * channels**2
""",
        ("vgg-weights",),
        "stack_weights([3, 3, 1], 256) gives 1769472, it should give 1245184.",
    ),
    # 3 · a block
    Mistake(
        "not padded",
        "block-answer",
        _BLOCK.replace(' padding="same",', ""),
        ("vgg-block",),
        "conv1_1 gives 54 × 54 × 64, the table has 56 × 56 × 64. The padding is none",
        follows=("vgg-16", "vgg-family", "vgg-fc7"),
    ),
    Mistake(
        "no activation",
        "block-answer",
        _BLOCK.replace(', activation="relu"', ""),
        ("vgg-block",),
        "conv1_1: It has no activation, the table has relu.",
        follows=("vgg-16", "vgg-family", "vgg-fc7"),
    ),
    Mistake(
        "a pool behind each convolution",
        "block-answer",
        _BLOCK.replace("    return layers", "        x = layers") + "    return x\n",
        ("vgg-block",),
        "stands where conv1_2 (convolution 3 × 3, padding 1, relu) should come",
        follows=("vgg-16", "vgg-family", "vgg-fc7"),
    ),
    Mistake(
        "stride 1 in the pool",
        "block-answer",
        _BLOCK.replace("MaxPooling2D(2)", "MaxPooling2D(2, strides=1)"),
        ("vgg-block",),
        "pool1 gives 55 × 55 × 64, the table has 28 × 28 × 64. The stride is 1, the table has 2.",
        follows=("vgg-16", "vgg-family", "vgg-fc7"),
    ),
    Mistake(
        "always two",
        "block-answer",
        _BLOCK.replace("range(convolutions)", "range(2)"),
        ("vgg-block",),
        "conv3_3: This row is missing",
        follows=("vgg-16", "vgg-family", "vgg-fc7"),
    ),
    Mistake(
        "one layer for all",
        "block-answer",
        """
def vgg_block(x, filters, convolutions, name):
    x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    conv = layers.Conv2D(filters, 3, padding="same", activation="relu")
    for _ in range(convolutions - 1):
        x = conv(x)
    return layers.MaxPooling2D(2)(x)
""",
        ("vgg-block",),
        "conv3_3: It is the same layer object as conv3_2, with the same weights.",
        follows=("vgg-16", "vgg-family", "vgg-fc7"),
    ),
    # 4 · a family from one table
    Mistake(
        "more layers, more parameters",
        "growth-answer",
        letters("growth", GROWTH, eight_more="b"),
        ("vgg-growth",),
        "The three dense rows hold 93 % of VGG-11's parameters",
    ),
    Mistake(
        "a weight is one multiplication",
        "growth-answer",
        letters("growth", GROWTH, eight_more="c"),
        ("vgg-growth",),
        "That would be so if each weight were used once for an image.",
    ),
    Mistake(
        "more weights, more work",
        "growth-answer",
        letters("growth", GROWTH, two_rows="a"),
        ("vgg-growth",),
        "conv5_1 has 64 times as many weights.",
    ),
    Mistake(
        "larger maps, more parameters",
        "growth-answer",
        letters("growth", GROWTH, two_rows="c"),
        ("vgg-growth",),
        "A kernel has no weights for places.",
    ),
    Mistake(
        "a convolution always shares",
        "growth-answer",
        letters("growth", GROWTH, fc6_as_a_convolution="a"),
        ("vgg-growth",),
        "Sharing saves where a kernel has many places.",
    ),
    Mistake(
        "a kernel for each map is more",
        "growth-answer",
        letters("growth", GROWTH, fc6_as_a_convolution="b"),
        ("vgg-growth",),
        "Each of fc6's 4,096 units has weights of its own as well",
    ),
    Mistake(
        "not flattened",
        "family-answer",
        _VGG.replace("    x = layers.Flatten()(x)\n", ""),
        ("vgg-16", "vgg-family"),
        "fc6 gives 7 × 7 × 4096, the table has 4096. Dense was applied to a map",
        follows=("vgg-fc7",),
    ),
    Mistake(
        "always VGG-16",
        "family-answer",
        _VGG.replace("zip(widths, convolutions)", "zip(widths, [2, 2, 3, 3, 3])"),
        ("vgg-family",),
        "conv3_4: This row is missing",
    ),
    Mistake(
        "units written as a number",
        "family-answer",
        _VGG.replace("Dense(units", "Dense(4096"),
        ("vgg-family",),
        "fc6: It has 4096 units, the table has 256.",
    ),
    Mistake(
        "classes written as a number",
        "family-answer",
        _VGG.replace("Dense(classes", "Dense(1000"),
        ("vgg-16", "vgg-family"),
        "fc8: It has 1000 outputs.",
    ),
    Mistake(
        "averaged instead of flattened",
        "family-answer",
        _VGG.replace("Flatten()", "GlobalAveragePooling2D()"),
        ("vgg-16", "vgg-family"),
        "stands where fc6 (dense, relu) should come",
        follows=("vgg-fc7",),
    ),
    Mistake(
        "one hidden dense row",
        "family-answer",
        _VGG.replace('    x = layers.Dense(units, activation="relu", name="fc6")(x)\n', ""),
        ("vgg-16", "vgg-family"),
        "This row is missing",
        follows=("vgg-fc7",),
    ),
    # 5 · the slides' table
    Mistake(
        "padding on one side",
        "shapes-answer",
        _SHAPES.replace("2 * padding", "padding"),
        ("vgg-rows-shapes",),
        "row_shapes([['conv', 6, 5, 2, 2], ['max_pool', None, 2, 2, 0]",
        follows=("vgg-rows-memory", "vgg-rows-parameters"),
    ),
    Mistake(
        "a pool without maps",
        "shapes-answer",
        _SHAPES.replace('filters if step == "conv" else shape[2]', "filters"),
        ("vgg-rows-shapes",),
        "it should give [[15, 10, 6], [7, 5, 6], [10]]",
        follows=("vgg-rows-memory", "vgg-rows-parameters"),
    ),
    Mistake(
        "without the image",
        "memory-answer",
        """
def row_memory(rows, input_shape):
    return [int(np.prod(shape)) for shape in row_shapes(rows, input_shape)]
""",
        ("vgg-rows-memory",),
        "gives [900, 210, 10], it should give [1800, 900, 210, 10].",
    ),
    Mistake(
        "weights alone",
        "counts-answer",
        _COUNTS.replace(" + 1)", ")"),
        ("vgg-rows-parameters",),
        "gives [450, 0, 2100], it should give [456, 0, 2110].",
    ),
    Mistake(
        "its own shape instead of the one above",
        "counts-answer",
        _COUNTS.replace("above", "shape"),
        ("vgg-rows-parameters",),
        "it should give [456, 0, 2110].",
    ),
    Mistake(
        "values where the parameters are",
        "kept-answer",
        letters("in_memory", IN_MEMORY, dense_rows="a"),
        ("vgg-memory",),
        "How many values leave a dense row with 4,096 units?",
    ),
    Mistake(
        "a tenth of the values",
        "kept-answer",
        letters("in_memory", IN_MEMORY, dense_rows="b"),
        ("vgg-memory",),
        "Add them up: 4,096 + 4,096 + 1,000.",
    ),
    Mistake(
        "no values in use",
        "kept-answer",
        letters("in_memory", IN_MEMORY, in_use="a"),
        ("vgg-memory",),
        "Each row still has to read what the row before it has made.",
    ),
    Mistake(
        "fewer bytes in use",
        "kept-answer",
        letters("in_memory", IN_MEMORY, in_use="c"),
        ("vgg-memory",),
        "A float32 has four bytes in both.",
    ),
    Mistake(
        "a gradient for each image",
        "kept-answer",
        letters("in_memory", IN_MEMORY, a_larger_batch="b"),
        ("vgg-memory",),
        "The gradients of all images are added up.",
    ),
    Mistake(
        "parameters for each image",
        "kept-answer",
        letters("in_memory", IN_MEMORY, a_larger_batch="c"),
        ("vgg-memory",),
        "All images of a batch meet the same parameters.",
    ),
    # 6 · where the weights are
    Mistake(
        "large maps, many parameters",
        "shares-answer",
        letters("saves_most", SAVES_MOST, fewer_parameters="a"),
        ("vgg-shares",),
        "conv1_2 has 64 kernels of 3 · 3 · 64 weights.",
    ),
    Mistake(
        "values by the number of maps",
        "shares-answer",
        letters("saves_most", SAVES_MOST, fewer_values="b"),
        ("vgg-shares",),
        "Each of its maps has 28 · 28 values",
    ),
    Mistake(
        "values read taken for values made",
        "shares-answer",
        letters("saves_most", SAVES_MOST, fewer_values="c"),
        ("vgg-shares",),
        "fc6 itself makes 4,096 values.",
    ),
    Mistake(
        "work by places alone",
        "shares-answer",
        letters("saves_most", SAVES_MOST, less_work="a"),
        ("vgg-shares",),
        "How many times fewer weights has it?",
    ),
    Mistake(
        "work by weights alone",
        "shares-answer",
        letters("saves_most", SAVES_MOST, less_work="b"),
        ("vgg-shares",),
        "At how many times fewer places are they used?",
    ),
    Mistake(
        "work where the parameters are",
        "shares-answer",
        letters("saves_most", SAVES_MOST, less_work="d"),
        ("vgg-shares",),
        "All of fc6 does less than a hundredth of the work.",
    ),
    # 7 · fc7 features
    Mistake(
        "frozen layers learn",
        "frozen-answer",
        letters("frozen", FROZEN, trained="a"),
        ("vgg-frozen",),
        "frozen parameters keep their values.",
    ),
    Mistake(
        "fc7 learns",
        "frozen-answer",
        letters("frozen", FROZEN, trained="b"),
        ("vgg-frozen",),
        "fc7 makes the features, and it is frozen as well.",
    ),
    Mistake(
        "all values kept",
        "frozen-answer",
        letters("frozen", FROZEN, the_way_back="b"),
        ("vgg-frozen",),
        "The way back ends where nothing is left to train",
    ),
    Mistake(
        "no values kept",
        "frozen-answer",
        letters("frozen", FROZEN, the_way_back="c"),
        ("vgg-frozen",),
        "The gradient of a weight is the error times the value",
    ),
    Mistake(
        "134 million for 50 photographs",
        "frozen-answer",
        letters("frozen", FROZEN, **{"50 photographs": "b"}),
        ("vgg-frozen",),
        "134 million parameters can learn these by heart.",
    ),
    Mistake(
        "the training error decides",
        "frozen-answer",
        letters("frozen", FROZEN, **{"50 photographs": "c"}),
        ("vgg-frozen",),
        "A small training error can be had by learning by heart.",
    ),
    Mistake(
        "not frozen",
        "fc7-answer",
        _NEW.replace("    base.trainable = not frozen\n", ""),
        ("vgg-fc7",),
        "conv1_1: Its weights are trained, the table keeps them fixed.",
    ),
    Mistake(
        "always frozen",
        "fc7-answer",
        _NEW.replace("= not frozen", "= False"),
        ("vgg-fc7",),
        "conv1_1: Its weights are frozen, the table trains them.",
    ),
    Mistake(
        "everything frozen",
        "fc7-answer",
        """
def new_task(classes, frozen=True, base=None):
    base = base or vgg([2, 2, 3, 3, 3])
    outputs = layers.Dense(classes, activation="softmax")(base.get_layer("fc7").output)
    model = keras.Model(base.inputs, outputs)
    model.trainable = not frozen
    return model
""",
        ("vgg-fc7",),
        "fc8: Its weights are frozen, the table trains them.",
    ),
    Mistake(
        "behind the old classes",
        "fc7-answer",
        _NEW.replace('base.get_layer("fc7").output', "base.output"),
        ("vgg-fc7",),
        "should come",
    ),
    Mistake(
        "cut after fc6",
        "fc7-answer",
        _NEW.replace('"fc7"', '"fc6"'),
        ("vgg-fc7",),
        "This row is missing",
    ),
    Mistake(
        "not floored",
        "shapes-answer",
        _SHAPES.replace("//", "/"),
        ("vgg-rows-shapes",),
        "it should give [[15, 10, 6], [7, 5, 6], [10]]",
        follows=("vgg-rows-memory", "vgg-rows-parameters"),
    ),
    Mistake(
        "sizes added",
        "memory-answer",
        """
def row_memory(rows, input_shape):
    return [int(sum(shape)) for shape in [input_shape, *row_shapes(rows, input_shape)]]
""",
        ("vgg-rows-memory",),
        "gives [53, 31, 18, 10], it should give [1800, 900, 210, 10].",
    ),
    Mistake(
        "in bytes",
        "memory-answer",
        """
def row_memory(rows, input_shape):
    return [4 * int(np.prod(shape)) for shape in [input_shape, *row_shapes(rows, input_shape)]]
""",
        ("vgg-rows-memory",),
        "gives [7200, 3600, 840, 40], it should give [1800, 900, 210, 10].",
    ),
    Mistake(
        "a pool counts like a convolution",
        "counts-answer",
        """
def row_parameters(rows, input_shape):
    counts, above = [], input_shape
    for (step, filters, size, _, _), shape in zip(rows, row_shapes(rows, input_shape)):
        seen = int(np.prod(above)) if step == "dense" else size * size * above[-1]
        counts.append((seen + 1) * (filters or above[-1]))
        above = shape
    return counts
""",
        ("vgg-rows-parameters",),
        "gives [456, 150, 2110], it should give [456, 0, 2110].",
    ),
]

# Neither a square nor a symmetric matrix, nor a pool of 2, shows these mistakes.
MISTAKES += [
    Mistake(
        "twenty classes", "fc7-answer",
        "def new_task(classes, frozen=True, base=None):\n"
        "    base = vgg([2, 2, 3, 3, 3]) if base is None else base\n"
        "    base.trainable = not frozen\n"
        "    outputs = layers.Dense(20, activation='softmax')(base.get_layer('fc7').output)\n"
        "    return keras.Model(base.inputs, outputs)",
        ("vgg-fc7",), "It has 20 outputs. It needs 7, one for each class.",
    ),
    Mistake(
        "every pool halves", "shapes-answer",
        "def row_shapes(rows, input_shape):\n"
        "    shapes, shape = [], input_shape\n"
        "    for step, filters, size, stride, padding in rows:\n"
        "        if step == 'dense':\n"
        "            shape = (filters,)\n"
        "        elif step == 'conv':\n"
        "            sides = [(n + 2 * padding - size) // stride + 1 for n in shape[:2]]\n"
        "            shape = (*sides, filters)\n"
        "        else:\n"
        "            shape = (shape[0] // 2, shape[1] // 2, shape[2])\n"
        "        shapes.append(shape)\n"
        "    return shapes",
        ("vgg-rows-shapes",), "gives [[4, 4, 3]], it should give [[3, 4, 3]].",
        follows=("vgg-rows-memory", "vgg-rows-parameters"),
    ),
]  # fmt: skip
