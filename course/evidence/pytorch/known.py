"""What is known of the tensors of PyTorch while a module is traced."""

from dataclasses import dataclass

from course.evidence.lines import Misused
from course.language import _

_MOST_VALUES = 4_000_000  # of a constant that is made once more, with values


@dataclass(frozen=True)
class Constant:
    """A tensor that does not depend on the input: its parameters, and what is known of it."""

    value: object
    learned: tuple = ()  # the parameters that it is computed from
    whole: bool = False  # one parameter with all its numbers, perhaps turned or scaled
    zeros: bool = False
    random: bool = False
    recipe: object = None  # () -> the tensor with values, if it was made where tensors have none
    version: int = 0  # how often it had been overwritten then
    mask: object = None  # the Constant that a parameter is multiplied with
    view: bool = False  # what overwrites it overwrites the parameter

    def real(self):
        """The tensor with its values, if they can be had."""
        lost = self.value.device.type == "meta" and self.value._version == self.version
        if not lost or self.value.numel() > _MOST_VALUES:
            return self.value
        known = known_values(self.value) if self.recipe is None else self.recipe()
        return self.value if known is None else known


def known_values(tensor):
    """A tensor with the numbers of another, which has none if it was made on the device `meta`.

    None if nothing is known of them.
    """
    if tensor.device.type != "meta":
        return tensor
    return getattr(tensor, "known_values", None)


class Known:
    """For each tensor: which step makes it, and its layout; or that it is a constant."""

    def __init__(self):
        self.found, self.layouts = {}, {}  # id(tensor) -> (step, output), and -> its layout
        self.flattened = {}  # id(vector) -> (layout, sides) of the map that it was
        self.unexpanded, self.unscaled = {}, {}  # id(tensor) -> what it was before, as an argument
        self.filled = {}  # id(tensor) -> (what it was before, {(first, end) of its maps: what now})
        self._constants, self._twins = {}, {}  # id(tensor) -> Constant, and -> its twin
        self._versions = {}  # id(tensor) -> how often it had been overwritten when it was made
        self._kept = []  # keeps all of them alive, so that no id is used twice

    def remember(self, tensor, output, layout):
        """Note which output of which step a tensor is, as (step, output), and its layout."""
        self.found[id(tensor)], self.layouts[id(tensor)] = output, layout
        self._versions[id(tensor)] = tensor._version
        for before in (self.flattened, self.unexpanded, self.unscaled, self.filled):
            before.pop(id(tensor), None)
        self._kept.append(tensor)

    def depends(self, tensor):
        """Whether a tensor depends on the input."""
        return id(self._twins.get(id(tensor), tensor)) in self.found

    def argument(self, tensor):
        """A tensor as an argument in the trace. Raises Misused if its values were overwritten."""
        if tensor._version != self._versions[id(tensor)]:  # a view of it was overwritten
            raise Misused(
                _(
                    "a part of this tensor, or one that it is a part of, was overwritten in place. "
                    "Write that without the underscore, or without inplace=True"
                )
            )
        return {"tensor": list(self.found[id(tensor)])}

    def note(self, tensor, constant):
        """Note that a tensor does not depend on the input."""
        self._constants[id(tensor)] = constant
        self._kept.append(tensor)

    def is_constant(self, tensor):
        """Whether something is known of this tensor as a constant."""
        return id(tensor) in self._constants

    def constant(self, tensor):
        """The Constant of a tensor that does not depend on the input."""
        import torch

        if not self.is_constant(tensor):
            learns = isinstance(tensor, torch.nn.Parameter)
            learned, version = (tensor,) if learns else (), tensor._version
            self.note(tensor, Constant(tensor, learned, True, version=version))
        return self._constants[id(tensor)]

    def twin(self, tensor):
        """The tensor itself if it has no values, or else one like it that has none."""
        if tensor.device.type == "meta":
            return tensor
        if id(tensor) not in self._twins:
            twin = self._twins[id(tensor)] = tensor.to("meta")
            self.note(twin, self.constant(tensor))
        return self._twins[id(tensor)]


def each(value, change):
    """Arguments or results with all tensors changed."""
    import torch

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: each(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, torch.Size):
        return [each(item, change) for item in value]
    return value


def each_of(args, change):
    """Positional arguments with all tensors changed; tuples stay tuples, as indices have to."""
    made = zip(args, each(list(args), change), strict=True)
    return tuple(tuple(new) if isinstance(old, tuple) else new for old, new in made)


def tensors(value):
    """All tensors in arguments or results, in order."""
    found = []
    each(value, found.append)
    return found
