"""What errors of Keras, TensorFlow, JAX and PyTorch mean in a student's code.

PyTorch's own texts are in `course.evidence.pytorch.errors`.
"""

import difflib
import inspect
import re
import sys

from course.evidence.pytorch import errors, fits
from course.language import N_, _

NO_TENSORFLOW = N_(
    "There is no TensorFlow here: Keras computes on another library. Use Keras's layers and "
    "keras.ops, and for slopes `gradient` from course.kit.gradients"
)
SUPER = N_("super().__init__() should be the first line of __init__")
_NO_ARGUMENT = N_("{first} has no argument {second}")
_OPTIMIZER = N_("the optimizer has no argument {first}")
_NO_ACTIVATION = N_("Keras knows no activation {first}")
_NO_NAME = N_("{first} has no {second}")
_PRODUCT = N_(
    "a product of matrices goes along the rows of the first, of length {first}, and the columns of "
    "the second, of length {second}. Both lengths have to be the same"
)
_TOGETHER = N_("tensors of the shapes {first} and {second} do not fit together")
_JOINED = N_(
    "{first} and {second} cannot be concatenated: they may differ only along the joined axis"
)
_RESHAPED = N_("reshape got {first} numbers, and the new shape has {second}")
_MULTIPLE = N_(
    "reshape got {first} numbers, which is no multiple of {second}, the product of the given sides"
)
_NONE = N_("None stands where a tensor should. A function that ends without return gives None")
_SHAPE = r"[(\[]([\d, ]*)[)\]]"
_TOO_LARGE = (
    r"Computed output size would be zero .*inputs.shape=[\[(]None,?\s+([\d,\s]+?),?\s+\d+[\])]`,"
)
_OF_IMAGES = r"[(\[]None, ([\d, ]*)[)\]]"  # a shape whose first side is the number of images

#: {a pattern of how a text of Keras, TensorFlow or JAX begins: its meaning in a student's code}.
#: {first} and {second} are the numbers in the groups of the pattern.
_IN_WORDS = {
    r"No module named 'tensorflow\b": NO_TENSORFLOW,
    r".*Matrix size-incompatible: In\[0\]: \[(?:\d+,)*(\d+)\], "
    r"In\[1\]: \[(?:\d+,)*(\d+),\d+\]": _PRODUCT,
    rf"dot_general requires contracting .* got {_SHAPE} and {_SHAPE}": _PRODUCT,
    rf".*Incompatible shapes: {_SHAPE} vs\. {_SHAPE}": _TOGETHER,
    rf"\w+ got incompatible shapes for broadcasting: {_SHAPE}, {_SHAPE}": _TOGETHER,
    rf"Cannot broadcast shape.* are: {_OF_IMAGES} and {_OF_IMAGES}": _TOGETHER,
    rf"Incompatible shapes for broadcasting: shapes=\[{_SHAPE}, {_SHAPE}\]$": _TOGETHER,
    rf".*ConcatOp : .*shape\[0\] = {_SHAPE} vs\. shape\[1\] = {_SHAPE}": _JOINED,
    rf"Cannot concatenate arrays with shapes .* {_SHAPE}, {_SHAPE}": _JOINED,
    rf"A `Concatenate` layer requires inputs .*=\[{_OF_IMAGES}, {_OF_IMAGES}\]$": _JOINED,
    r".*Input to reshape .* with (\d+) values, but the requested shape has (\d+)": _RESHAPED,
    r"cannot reshape array of .* \(size (\d+)\) into .* \(size (\d+)\)": _RESHAPED,
    r".*Input to reshape .* with (\d+) values, .* a multiple of (\d+)": _MULTIPLE,
    r"cannot reshape array of .* \(size (\d+)\) into .* axis sizes \((\d+)\)": _MULTIPLE,
    r"'jaxlib\S*ArrayImpl' object has no attribute '_id'": N_(
        "TensorFlow's GradientTape finds no slopes here, because Keras computes on JAX. Use "
        "`gradient` from course.kit.gradients"
    ),
    "Arguments `target` and `output` must have the same": N_(
        "the labels do not have the shape of the predictions, which this loss needs. For labels "
        "that are whole numbers there is sparse_categorical_crossentropy"
    ),
    r"A KerasTensor is (a )?symbolic|Cannot convert a symbolic tf.Tensor"
    r"|The numpy.ndarray conversion method": N_(  # TensorFlow's text, and JAX's
        "NumPy and math take numbers only, and the tensors of a network have none yet. "
        "Write it with keras.ops"
    ),
    "A KerasTensor cannot be used as input to a TensorFlow function": N_(
        "TensorFlow's functions do not take the tensors of a network. Write it with keras.ops "
        "or as a layer"
    ),
    r"Input 0 .* expected axis -1 of input shape to have value (\d+), .*\(.*, (\d+)\)$": N_(
        "This layer was called before, and its weights were made for tensors whose last side is "
        "{first}. Here it is {second}. A new layer is needed here"
    ),
    r"Input 0 .* expected shape=\(None, ([\d, ]+)\), found shape=\(None, ([\d, ]+)\)$": N_(
        "The model that is called here was made for an input of {first}, and here comes {second}. "
        "Make it for that shape"
    ),
    r"Input 0 .* expected shape=\((?:None, )+(\d+)\), found shape=\((?:\w+, )+(\d+)\)$": N_(
        "The model that is called here was made for an input of {first} maps, and here come "
        "{second}. Make it for that number"
    ),
    r"Unsupported key type for array slice\. Received: `slice": N_(
        "the first axis is that of the images, which a network does not cut. Maps lie on the last "
        "axis: x[..., a:b]"
    ),
    rf"{_TOO_LARGE} `kernel.shape=[\[(](\d+,?\s+\d+)": N_(
        "The map is {first} here, and the window is {second}. Look at what comes before: the "
        "padding, the strides, the pools. Conv2D takes the number of maps first, then the kernel"
    ),
    rf"{_TOO_LARGE} `pool.size=[\[(](\d+,?\s+\d+)": fits.TOO_LARGE,
    r"Kernel shape must have .* input of shape \(None, \w+, (\d+, \d+, \d+)\)": N_(
        "keras.Input takes the shape of one image, {first} here. The number of images is left open"
    ),
    r"Input 0 .* expected (?:min_)?ndim=4, found ndim=3\. .*: \(None, ([\d, ]+)\)$": N_(
        "Convolutions and pools take maps with height, width and channels, and here comes {first}. "
        "An image has channels, too: keras.Input((height, width, channels))"
    ),
    r"Input 0 .* expected (?:min_)?ndim=4, found ndim=2": N_(
        "Convolutions and pools take maps, and here comes a vector. Flatten(), a global pool and "
        "Dense belong after the last of them"
    ),
    "too many positional arguments$": N_(  # Keras's text for a layer; Python's differs
        "A layer that merges takes its tensors in one list: layers.Add()([a, b])"
    ),
    r"Attempt to convert a value \(None\) with an unsupported type": N_(
        "A size is None here: the number of images is not known while a network is built. "
        "Use a function of keras.ops that needs no sizes, such as ops.pad or ops.zeros_like"
    ),
    r"All `(in|out)puts` values must be KerasTensors.*models\.": N_(
        "keras.Model(inputs, outputs) takes tensors and was given a model. Let the function that "
        "made it return its last tensor, or call the model on a tensor"
    ),
    r"Layer\.__init__\(\) takes 1 positional argument but": N_(
        "keras.Model(inputs, outputs) needs both. A layer of your own takes what its __init__ names"
    ),
    r"Output with path `.*` is not connected to `inputs`": N_(
        "the outputs that keras.Model gets were not made from its inputs. Look for a step that "
        "reads another tensor, such as that of a second keras.Input"
    ),
    r".*In\[[01]\] ndims must be >= 2: 1 .*MatMul": N_(
        "@ multiplies TensorFlow's tensors by matrices, not by a vector. ops.matmul takes both, "
        "and so do NumPy's arrays (ops.convert_to_numpy makes one)"
    ),
    errors.NO_SUPER
    + r"|descriptor '__init__' of 'super' object needs|In layer '\w+', you forgot to call": SUPER,
    "cannot access local variable 'batch_outputs'": N_(  # of Keras's predict
        "predict() was given no images: its array has length 0"
    ),
    # what a layer gets in its parentheses
    r"(\w+)\.__init__\(\) missing \d+ required positional arguments?: (.+)": N_(
        "{first} needs a value for {second}"
    ),
    r"(\w+)\.__init__\(\) got multiple values for argument '(\w+)'": N_(
        "{first} gets {second} twice, once by its place and once by its name"
    ),
    r"Unrecognized keyword arguments passed to (\w+): \{'(\w+)'": _NO_ARGUMENT,
    r"Could not interpret activation function identifier: (\d+)$": N_(
        '{first} stands where the activation should, which is a word such as "relu". Dense takes '
        "the number of its units first, and sees itself how many values come in"
    ),
    r"Could not interpret activation function identifier: (\w+)$": _NO_ACTIVATION,
    r"The `data_format` argument must be one of .*Received: data_format=(\d+)": N_(
        "{first} is not needed here. The layer sees the size of its input itself, so its "
        "parentheses stay empty"
    ),
    r".* must be .*Received: (?:padding=)?(SAME|VALID)": N_(
        'pools of Keras take "same" and "valid" in small letters only. Received: {first}'
    ),
    r"Argument `name` must be .* cannot contain .*Received: name=(\S+) \(of": N_(
        'a name cannot contain "/" in Keras. Received: {first}. Write "_" in its place'
    ),
    r"Sequential model \S+ cannot be built because it has no layers": N_(
        "keras.Sequential() has no layers here and cannot be called. Where nothing should happen, "
        "write layers.Identity()"
    ),
    "URL fetch failure": N_(
        "a check fetches nothing, and compares no weights. Write weights=None here"
    ),
    r"Argument\(s\) not recognized: \{'(\w+)'": _OPTIMIZER,
    r"(?:The|Argument) `padding` (?:argument )?must be .*Received: (?:padding=)?(\w+)": N_(
        'padding is a word in Keras: "valid" adds no zeros, "same" keeps the size if the stride '
        "is 1. Received: {first}"
    ),
    r"The `strides` argument must be .*Received strides=([a-z]+)": N_(
        'this place is for the stride, which is a number. Write "{first}" after the name of its '
        "argument, such as padding= or activation="
    ),
    r"Cannot convert '.*' to a shape. Found invalid dimension '(\d+\.\d+)'": N_(
        "{first} is no whole number. In Python, / gives a fraction and // a whole number"
    ),
    r"Cannot convert '\d+' to a shape": N_(
        "keras.Input takes the sides of an image in parentheses of their own: "
        "keras.Input((height, width, channels))"
    ),
    "Invalid value received for argument `rate`.*Received: rate=(.+)": N_(
        "the rate of Dropout is the share that it sets to zero, such as 0.5. Received: {first}"
    ),
    r"The total size of the tensor must be .*input_shape=\(([\d, ]+)\), target_shape=(\(.*\))": N_(
        "Reshape keeps the number of values, so {first} cannot become {second}"
    ),
    r"The number of input channels must be .* groups=(\d+), but the input has (\d+)": N_(
        "{second} maps come in, which cannot be divided into {first} equal groups"
    ),
    r"The number of filters must be .* groups=(\d+), filters=(\d+)": N_(
        "{second} maps cannot be divided into {first} equal groups"
    ),
    r"`x` size on given `axis` must be divisible .* (\d+) and (\d+)": N_(
        "a side of {first} cannot be split into {second} equal parts. Maps lie on the last axis: "
        "axis=-1"
    ),
    # what a layer is called on
    r"Input 0 .* expected (?:min_)?ndim=[35], found ndim=4"
    r"|Kernel shape must have .* kernel of shape \(\d+, \d+, \d+\)": N_(
        "layers whose names end in 1D or 3D do not take images. Those for images end in 2D"
    ),
    "Input 0 .* expected min_ndim=2, found ndim=1": N_(
        "here comes one long vector for all images together. layers.Flatten() makes one for each"
    ),
    r"Layer \"(\w+)\" expects 1 input\(s\), but it received (\d+) input": N_(
        "{first} takes one tensor, and here come {second}"
    ),
    r"Inputs have incompatible shapes. Received shapes \((.*?)\) and \((.*?)\)": N_(
        "only maps of the same shape can be added, and here come {first} and {second}"
    ),
    r"Only input tensors .*: <function (\w+)": N_(
        "{first} is a function that was not called on a tensor: write {first}(x)"
    ),
    "Only input tensors .*: <InputLayer ": N_(
        "layers.InputLayer is no tensor. keras.Input(shape) gives one"
    ),
    r"Only input tensors .*: <\w+ name=(\w+)": N_(
        "a tensor is needed here, and {first} is a layer or a model. Call it on a tensor first"
    ),
    r"(?:Only input tensors .*|Inputs to a layer should be tensors. Got ')None"
    r"|Invalid dtype: NoneType": _NONE,
    r"(?:Only input tensors .*: |Inputs to a layer should be tensors. Got ')(.*?)'? \(of type": N_(
        "a tensor is needed here. Received: {first}"
    ),
    # a Sequential
    r"Only instances of `keras.Layer` can be .* Received: <class '(?:\w+\.)*(\w+)'>": N_(
        "Sequential takes layers, and {first} is a class: write {first}()"
    ),
    r"Only instances of `keras.Layer` can be .* Received: <function (\w+)": N_(
        "Sequential takes layers, and {first} is a function: write layers.Activation({first})"
    ),
    r"Only instances of `keras.Layer` can be .* Received: (.*) \(of type"
    r"|Expected `trainable` to be a boolean. Received: trainable=<(\w+)": N_(
        "Sequential takes layers in one list: Sequential([a, b]). Received: {first}"
    ),
    r"The layer \w+ has never been called and thus has no defined (input|output)": N_(
        "a Sequential that was not called has no .{first} in Keras 3. Write .{first}s[0]"
    ),
    # Python
    r"'NoneType' object has no attribute '(\w+)'": N_(
        "what stands before .{first} is None. A function without return gives None, and so do "
        "model.add() and model.summary()"
    ),
    r"unsupported operand type\(s\) for \S+ "
    r"(?:'NoneType' and '\w*Tensor'|'\w*Tensor' and 'NoneType')": _NONE,
    r"unsupported operand type\(s\) for \S+ (?:'NoneType' and|'\w+' and 'NoneType')": N_(
        "None stands in a calculation here. In a network x.shape[0] is None, because the number of "
        "images is left open"
    ),
    "'NoneType' object cannot be interpreted as an integer": N_(
        "None stands where a whole number should. In a network of Keras x.shape[0] is None, "
        "because the number of images is left open. ops.zeros_like and ops.pad need no sizes"
    ),
    r"'KerasTensor' object has no attribute '(\w+)'": N_(
        "the tensors of a network have no {first}. Write it as a layer or with keras.ops"
    ),
    "A symbolic KerasTensor cannot be used as a boolean": N_(
        "the tensors of a network have no values yet, so an if cannot look at them. Several "
        "tensors go into one list: ops.concatenate([a, b], axis=-1)"
    ),
    "Iterating over a symbolic KerasTensor": N_(
        "a loop cannot run over a tensor of a network. ops.split takes its maps apart"
    ),
    r"module '(keras[\w.]*)' has no attribute '(\w+)'": _NO_NAME,
}

#: For a word that is not known: how like it another has to be, and all words that are known (a
#: function of the pattern's groups).
_KNOWN = {
    _NO_ARGUMENT: (0.6, lambda kind, _name: _arguments_of(kind)),
    _NO_ACTIVATION: (0.6, lambda name, _nothing: dir(sys.modules["keras"].activations)),
    _NO_NAME: (0.75, lambda module, _name: dir(sys.modules.get(module))),
}


#: Arguments of older versions of Keras, and what they are called today.
_TODAY = {
    "border_mode": "padding", "subsample": "strides", "nb_filter": "filters",
    "dim_ordering": "data_format", "W_regularizer": "kernel_regularizer",
    "init": "kernel_initializer", "lr": "learning_rate",
}  # fmt: skip


def in_words(text: str) -> str:
    """What the text of an error means in a student's code; "" if it is none that is known here."""
    for beginning, said in (_IN_WORDS | errors.IN_WORDS).items():
        if match := re.match(beginning, text):
            first, second, *_others = [*map(_plain, filter(None, match.groups())), "", ""]
            told = _(said).format(first=first, second=second)
            like, known = _KNOWN.get(said, (1, lambda *groups: ()))
            meant = _TODAY.get(second or first) if said in (_NO_ARGUMENT, _OPTIMIZER) else ""
            if meant := meant or _nearest(second or first, known(first, second), like):
                told = _("{said}. Is {meant} meant?").format(said=told, meant=meant)
            return told
    return ""


def _plain(group):
    """What a group has matched: the numbers of a shape with × between them, or the words."""
    numbers = re.findall(r"\d+", group)
    return " × ".join(numbers) if re.fullmatch(r"[\d,\s]+", group) else group.strip()


def _nearest(word, known, like):
    """The known word that is most like this one, whatever their capitals; "" if none is like it.

    `like` is the least likeness, from 0 to 1.
    """
    small = {name.lower(): name for name in known if not name.startswith("_")}
    found = difflib.get_close_matches(word.lower(), small, 1, like)
    return small[found[0]] if found else ""


def _arguments_of(kind):
    """The names of the arguments that a layer of Keras, or keras.Model, takes."""
    keras = sys.modules["keras"]
    made = getattr(keras.layers, kind, None)
    return inspect.signature(made).parameters if made else ("inputs", "outputs", "name")
