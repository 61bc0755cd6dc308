"""The course's own first network: one step of each kind, for digits of 16 × 16 pixels."""

from course.architectures import Table, conv, dense, max_pool

FIRST = Table(
    name="first network",
    source="assignment 01",
    input_shape=(16, 16, 1),
    rows=(
        conv("conv1", 8, 3, activation="relu"),
        max_pool("pool1", 2),
        dense("output", 10, activation="softmax"),
    ),
)
