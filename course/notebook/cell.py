"""A cell made without a look at nbformat's schema, which costs 1 ms each time.

The file is checked as a whole when it is written.
"""

import secrets

from nbformat import NotebookNode


def new_cell(is_code, source, **more):
    """A code cell without outputs, or a markdown cell; `more` are its `id` and `metadata`."""
    kind = {"cell_type": "code", "execution_count": None, "outputs": []} if is_code else {}
    cell = {"id": secrets.token_hex(4), "cell_type": "markdown", "metadata": {}, **kind, **more}
    return NotebookNode({key: _node(value) for key, value in cell.items()}, source=source)


def _node(value):
    if isinstance(value, dict):
        return NotebookNode({key: _node(item) for key, item in value.items()})
    return value
