"""Rules of the normal form about sums that are written in other ways, and about attention.

Each rule looks at one node and its inputs, and returns whether it changed anything.
"""

from course.network import steps
from course.network.about import about


@about(moves=("sum",))
def sum_of_what_is_stacked(graph, number, node):
    """Values are stacked, and the sum along the new axis adds them."""
    if len(node.inputs[0].parts) != 1:
        return False
    (stack,) = graph.sources(node.inputs[0])
    if stack.moves != ("stack", node.moves[1]) or len(stack.inputs) < 2:
        return False
    rest = {"layer": node.layer, "written": node.written}
    graph.put(number, steps.add(stack.inputs, node.name, **rest))
    return True


@about("Subtract")
def minus_a_negative(graph, number, node):
    """a − (−b) is a + b."""
    if len(node.inputs) != 2:
        return False
    x, y = node.inputs
    if (x.grid, x.channels, x.flat) != (y.grid, y.channels, y.flat) or len(y.parts) != 1:
        return False
    (source,) = graph.sources(y)
    if source.chain[-1:] != (("mul", -1),):
        return False
    if source.step == "activation" and len(source.chain) == 1:
        y = source.inputs[0]
    elif graph.only_reader(y, number):
        graph.put(y.parts[0][0], source.with_(chain=source.chain[:-1]))
    else:
        return False
    graph.put(number, steps.add((x, y), node.name, layer=node.layer, written=node.written))
    return True


@about("attention")
def attention_to_itself(graph, number, node):
    """If keys and values, or queries too, are made of one value, the row reads it once."""
    *others, last = node.inputs
    if not others or others[-1].parts != last.parts:
        return False
    graph.put(number, node.with_(inputs=tuple(others)))
    return True


@about(moves=("bias",))
def bias_into_its_step(graph, number, node):
    """A number that is added to each map of a convolution or dense layer is its bias."""
    if node.moves != ("bias",) or not graph.only_reader(node.inputs[0], number):
        return False
    takers = {n: graph.nodes[n] for n, _, _ in node.inputs[0].parts}
    learned = "conv", "conv_transpose", "dense"
    if any(t.step not in learned or t.bias or t.chain for t in takers.values()):
        return False
    for taker, step in takers.items():
        graph.put(taker, step.with_(bias=True))
    graph.vanish(number, node.inputs[0])
    return True
