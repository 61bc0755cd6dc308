"""Trace a PyTorch module: the same plain steps as `course.evidence.trace` writes for Keras.

The module runs once on tensors without values (the meta device), and every function that it calls
is written down: `nn.Conv2d`, a subclass of it and `F.conv2d` are the same step. Shapes and axes
are those of channels last, and a function has the name of Keras's layer that does the same
(`course.evidence.pytorch.steps`). So code that reads a trace serves both libraries. The layout of a
tensor is explained in `course.evidence.pytorch.calls`.

The module does not change. Its weights are not read, and it runs in the mode that it is in.
"""

import contextlib
import re
from functools import partial

from course.evidence import regions, values
from course.evidence.ends import TraceError, mixed, must_have_room
from course.evidence.keras_private import patches
from course.evidence.lines import Misused, own_line
from course.evidence.pytorch import biases, calls, errors, fits, masks, steps, without_triton
from course.evidence.pytorch.again import again
from course.evidence.pytorch.known import Constant, Known, each, each_of, tensors
from course.language import _
from course.network.faults import likely
from course.network.recognise import FIXED

_RANDOM = {"rand", "randn", "rand_like", "randn_like", "bernoulli", "uniform", "normal", "randint"}
_OF_A_SHAPE = {"rand_like", "randn_like", "empty_like", "new_empty"}  # of tensors without values


def trace(module, input_shape, numbers=FIXED, passed=None):
    """Write down a PyTorch module as plain steps.

    `input_shape` is (height, width, channels), or (units,). `numbers` are the random inputs for
    `course.evidence.probes`. With a list as `passed`, the trace goes on after a layer that gets
    another number of maps or units than it is made for, after a window that is larger than its map,
    and after a merge of sizes that do not fit. The list gets a sentence about such a layer or
    window, and "" for such a merge.

    Raises TraceError if the shape is missing or the result depends on no input.
    """
    import torch

    if input_shape is None:
        raise TraceError(
            _(
                "A module of PyTorch does not say which shape it takes: give "
                "input_shape=(height, width, channels)."
            )
        )
    module = getattr(module, "_orig_mod", module)  # what torch.compile was given
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise TraceError(_("What torch.jit made cannot be read. Hand over the module itself."))
    tracer = _tracer(torch)(module, passed)
    with _quiet(torch):
        x = tracer.image(tuple(input_shape))
        with tracer.named(), tracer:
            outputs = module(x)
        return tracer.traced(outputs, numbers)


@contextlib.contextmanager
def _quiet(torch):
    """Within this, no gradients are followed, and the student's random numbers stay as they are.

    Beside that `torch.inference_mode` would do nothing but hide which tensors are overwritten.
    """
    of = torch.nn.utils.parametrize.ParametrizationList
    with without_triton(), torch.no_grad(), torch.random.fork_rng(devices=[]), patches() as replace:
        for name in ("__enter__", "__exit__"):
            replace(torch.inference_mode, name, lambda *_: None)
        replace(of, "forward", _or_as_it_is(of.forward))
        yield


def _or_as_it_is(forward):
    """`forward` of a parametrisation. One of PyTorch's own may need values, as `orthogonal` does.

    Such a weight is computed from one parameter of the same shape, which is given instead.
    """

    def weight(parts):
        try:
            return forward(parts)
        except TypeError:
            if not all(type(part).__module__.startswith("torch.") for part in parts):
                raise
            return parts.original

    return weight


def _tracer(torch):
    from torch.overrides import TorchFunctionMode

    class Tracer(_Tracer, TorchFunctionMode):
        pass

    Tracer.torch = torch
    return Tracer


class _Tracer:
    """While it is entered, it sees every call of a function of PyTorch."""

    batch = 2  # number of images: with more than one, a view() that mixes them shows

    def __init__(self, module, passed):
        super().__init__()
        self.passed = passed
        kinds = (weight.dtype for weight in module.parameters() if weight.is_floating_point())
        self.dtype = next(kinds, None)
        self.paths = {id(m): path for path, m in module.named_modules() if path}
        self.registered = set(map(id, module.parameters()))
        self.stack = []  # the modules that are being called, the innermost last
        self.known = Known()  # what is known of each tensor
        self.steps, self.inputs, self.calls = [], [], {}  # the calls by the number of their step
        self.layers = {}  # the ids of a layer's weights -> the number of the layer
        self.counts = {}  # kind of step -> how many have a name made of it

    def image(self, shape):
        """The tensor that goes in."""
        sides = [shape[axis] for axis in calls.usual(len(shape))]
        x = self.torch.empty((self.batch, *sides), dtype=self.dtype, device="meta")
        self.inputs.append({"id": 0, "name": "input", "shape": list(shape)})
        self.known.remember(x, (0, 0), calls.usual(len(shape)))
        return x

    @contextlib.contextmanager
    def named(self):
        """Within this, know which modules are being called."""

        def left(*_):
            self.stack.pop()  # what a hook returns takes the place of the result: nothing

        hooks = self.torch.nn.modules.module
        before = hooks.register_module_forward_pre_hook(lambda m, _: self.stack.append(m))
        after = hooks.register_module_forward_hook(left)
        try:
            yield
        finally:
            before.remove()
            after.remove()

    # --- calls

    def __torch_function__(self, function, types, args=(), kwargs=None):
        """Run a function of PyTorch on tensors without values, and write it down."""
        kwargs = dict(kwargs or {})
        name = calls.plain_name(function)
        given = tensors([args, kwargs])
        reads = [tensor for tensor in given if self.known.depends(tensor)]
        if not reads or name in _OF_A_SHAPE:
            return self._computed(function, name, args, kwargs, given)
        if name in calls.MOVES:  # here is one device only
            function, args, kwargs = self.torch.Tensor.contiguous, args[:1], {}
        args, kwargs = each_of(args, self.known.twin), each(kwargs, self.known.twin)
        call = calls.Call(self, function, name, args, kwargs)
        before = [(tensor, tensor._version) for tensor in tensors([args, kwargs])]
        result = self._run(call)
        changed = [tensor for tensor, version in before if tensor._version != version]
        call.made = tensors(result) or changed
        if call.made and self.torch.is_tensor(call.made[0]):
            steps.write(call)
        return result

    def _computed(self, function, name, args, kwargs, given):
        """Run a function that does not depend on the input: it makes a constant."""
        recipe = partial(self._computed_again, function, args, kwargs)
        in_place = function.__name__.endswith("_") and not function.__name__.endswith("__")
        if in_place or any(tensor.device.type == "meta" for tensor in given):
            args, kwargs = each_of(args, self.known.twin), each(kwargs, self.known.twin)
        result = function(*args, **kwargs)
        shapes = 0 if name.endswith("_like") else 1 if name.endswith("_as") else len(given)
        given = given[:shapes]  # of the others, only the shape counts
        constants = [self.known.constant(tensor) for tensor in given]
        learned = {id(p): p for c in constants for p in c.learned}
        chance = name in _RANDOM or any(constant.random for constant in constants)
        zeros = name in ("zeros", "zeros_like", "new_zeros")
        mask = masks.of(name, constants)
        if in_place and mask:
            masks.overwritten(self.known, args[0], mask)
        for tensor in tensors(result):
            known = self.known.is_constant(tensor) and not chance
            if known or isinstance(tensor, self.torch.nn.Parameter):  # an initialiser is no step
                continue
            whole = not constants or _is_whole(tensor, constants, learned.values())
            plain = tensor is result and not (chance or learned)
            more = {"recipe": recipe if plain else None, "version": tensor._version, "mask": mask}
            more |= {"view": name in ("data", "detach")}
            constant = Constant(tensor, tuple(learned.values()), whole, zeros, chance, **more)
            self.known.note(tensor, constant)
        return result

    def _computed_again(self, function, args, kwargs):
        """What a function makes of constants, with values: it is not run on the device `meta`."""

        def real(tensor):
            return self.known.constant(tensor).real()

        kwargs = each(kwargs, real) | ({"device": "cpu"} if "device" in kwargs else {})
        with self.torch.device("cpu"):
            return function(*each_of(args, real), **kwargs)

    def _run(self, call):
        """The result of a call. If sizes do not fit, it is made as if they did (see `passed`)."""
        try:
            if found := fits.misfit(call):
                text, width = found
                self._passes(text, width is not None)
                fits.fit(call, width)
            if text := fits.too_large(call):
                self._passes(text)
                call.too_large = True
                maps = call.get(1, "weight").shape[0] if call.name == "conv2d" else call.x.shape[1]
                return self.torch.empty((self.batch, maps, 1, 1), device="meta")
            if call.name == "batch_norm":  # PyTorch takes 30 ms to say that the shape stays
                return self.torch.empty_like(call.x)
            return call.function(*call.args, **call.kwargs)
        except RuntimeError:
            merge, merged = fits.merge(call)
            if self.passed is None or merge is None:
                raise
            return self._unmerged(call, merge, merged)

    def _passes(self, text, may_pass=True):
        """Note that the trace goes on where PyTorch would stop. Raises Misused if it may not."""
        if self.passed is None or not may_pass:
            raise Misused(text)
        line = own_line()
        self.passed.append(text + (_(" ({line})").format(line=line) if line else ""))

    def _unmerged(self, call, merge, merged):
        """The likely result of a merge of sizes that do not fit (`course.evidence.unmerged`)."""
        self.passed.append("")
        shape = likely(merge, [call.shape(value) for value in merged])
        sides = [shape[axis] for axis in calls.usual(len(shape))]
        axis = fits.axis_of_merge(call, merged)
        call.unmerged = {"mode": merge, "axis": axis, "line": own_line()}
        return self.torch.empty((self.batch, *sides), device="meta")

    # --- the trace

    def step(self, call, op, config, args, shapes, weights=(), name="", **more):
        """Add a step. `weights` are the constants that it holds; returns the step's number."""
        must_have_room(self.steps)
        number = len(self.inputs) + len(self.steps)
        key = tuple(id(weight) for weight in weights) or ("step", number)
        step = {
            "id": number, "op": op, "name": name or self._called(op, weights), "config": config,
            "args": args, "shapes": shapes,
            "layer": self.layers.setdefault(key, len(self.layers)),
        }  # fmt: skip
        if weights:
            # A layer in a plain list is not among parameters(), and no optimiser trains it.
            trained = [w for w in weights if w.requires_grad and id(w) in self.registered]
            step["parameters"] = sum(weight.numel() for weight in weights)
            step["trained"] = sum(weight.numel() for weight in trained)
            step["trainable"] = any(weight is weights[0] for weight in trained)  # not only a bias
        self.steps.append(step | more)
        self.calls[number] = call
        return number

    def module(self):
        """The innermost module of PyTorch's own that is being called, or None."""
        inner = self.stack[-1] if self.stack else None
        return inner if type(inner).__module__.startswith("torch.nn.") else None

    def _called(self, op, weights):
        """A step's name: the path of the module that makes it, or its kind with a number."""
        inner = self.stack[-1] if self.stack else None
        alone = self.module() and not list(inner.parameters(recurse=False))
        if (alone or weights) and self.paths.get(id(inner)):
            return self.paths[id(inner)]
        kind = re.sub(r"(?<!^)(?=[A-Z][a-z])", "_", op.split(".")[1]).lower()
        number = self.counts[kind] = self.counts.get(kind, -1) + 1
        return f"{kind}_{number}" if number else kind

    def traced(self, outputs, numbers):
        """The trace of all steps down to the outputs."""
        made = tensors(outputs)
        if not made:
            if said := errors.as_not_called(outputs, _("What forward() returns")):
                raise TraceError(f"{said}.")
            received = values.kind_of(outputs).removesuffix(".")
            said = _("forward() should return a tensor. Received: {received}.")
            raise TraceError(said.format(received=received))
        if not all(map(self.known.depends, made)):
            raise TraceError(_("The output of forward() does not depend on its input."))
        for tensor in made:
            if not tensor.shape or tensor.shape[0] != self.batch:
                raise mixed(self.batch, tensor.shape, "torch.flatten(x, 1)")
        outputs = [list(self.known.found[id(tensor)]) for tensor in made]
        steps = biases.joined(self.steps, outputs)
        found = {"inputs": self.inputs, "steps": steps, "outputs": outputs, "library": "torch"}
        regions.try_out(found, partial(again, self), numbers)
        return found


def _is_whole(tensor, constants, learned):
    """Whether a tensor is all numbers of one parameter: turned, scaled or normalised by itself."""
    from torch.nn.parameter import is_lazy

    (one, *more) = learned or [c.value for c in constants]
    lazy = any(map(is_lazy, (tensor, one, *(c.value for c in constants))))
    if more or lazy or tensor.numel() != one.numel():
        return False
    whole = any(c.whole and c.value.numel() == one.numel() for c in constants)
    return whole and all(c.learned or c.value is one or c.value.numel() == 1 for c in constants)
