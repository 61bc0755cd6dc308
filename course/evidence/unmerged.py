"""Sizes that do not fit together, passed by, so that all that came before is judged as usual.

`recorded` runs beside the student's code. Where maps of different sizes should be added or put side
by side, it puts a step `Unmerged` in the place of the error, with the shape that a right merge most
likely has, and the code runs on. `course.diagnosis.merges` makes the sentence about it. A window
that is larger than its map makes one pixel of it. A network with such a step never is right.
"""

from contextlib import contextmanager
from functools import partial

from course.evidence.building import output_for
from course.evidence.keras_private import is_symbolic, patches
from course.evidence.lines import own_line
from course.network.faults import likely

_TOO_SMALL = "output size would be zero"  # in Keras's text about a window larger than its map
MERGES = {"Concatenate": "concatenate", "Add": "add"}


@contextmanager
def recorded(keras, stopped):
    """Let merges of sizes that do not fit pass, and windows that are larger than their map.

    Gives a list, with "" for each that did. If a window is the first, it has `stopped` instead, the
    text of the error with which the code stops. Such a window makes one pixel of each map.
    """
    passed = []

    def or_stand_in(call):
        def called(self, *args, **kwargs):
            try:
                return call(self, *args, **kwargs)
            except ValueError as error:
                kind = type(self)
                tensors = keras.tree.flatten([args, kwargs])
                symbolic = all(map(is_symbolic, tensors))
                ours = kind.__module__.startswith("keras.") and symbolic
                if ours and kind.__name__ in MERGES and len(tensors) > 1:
                    passed.append("")
                    return _stand_in(keras, self, tensors)
                if not (ours and _TOO_SMALL in str(error) and "padding" in vars(self)):
                    raise
                passed.append("" if passed else stopped)
                with patches() as for_now:
                    for_now(self, "padding", "same")
                    for_now(self, "strides", tuple(tensors[0].shape[1:3]))
                    return call(self, *args, **kwargs)

        return called

    with patches() as replace:
        replace(keras.Operation, "symbolic_call", or_stand_in(keras.Operation.symbolic_call))
        replace(keras.Layer, "__call__", or_stand_in(keras.Layer.__call__))
        for kind in keras.Model.__subclasses__():
            if kind.__module__.startswith("keras.") and kind.__name__ == "Functional":
                replace(kind, "compute_output_spec", _or_by_its_layers(keras, kind))
        yield passed


def _or_by_its_layers(keras, functional):
    """`compute_output_spec` of a model in a model, which asks its merges for their shapes alone.

    If a shape does not fit, its layers are called one by one, and a stand-in takes the place of the
    merge.
    """
    spec = functional.compute_output_spec

    def or_by_its_layers(self, *args, **kwargs):
        try:
            return spec(self, *args, **kwargs)
        except ValueError:
            made = self.call(*args, **kwargs)
            return keras.tree.map_structure(partial(output_for, keras, self), made)

    return or_by_its_layers


def _stand_in(keras, operation, tensors):
    """The output of a step `Unmerged`, which stands for a merge of these tensors."""
    merge = MERGES[type(operation).__name__]
    config = {"mode": merge, "axis": getattr(operation, "axis", -1), "line": own_line()}
    shape = likely(merge, [tuple(tensor.shape[1:]) for tensor in tensors])

    class Unmerged(keras.Operation):
        def call(self, *tensors):
            raise NotImplementedError

        def compute_output_spec(self, *tensors):
            return keras.KerasTensor((None, *shape), tensors[0].dtype)

        def get_config(self):
            return config

    return Unmerged(name=operation.name).symbolic_call(*tensors)
