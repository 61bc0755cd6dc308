"""A cell made without a look at nbformat's schema, which costs 1 ms each time.

The file is checked as a whole when it is written.
"""

import secrets

from nbformat import NotebookNode, from_dict


def new_cell(is_code, source, id=None, metadata=None):
    """A code cell without outputs, or a markdown cell."""
    kind = {"cell_type": "code", "execution_count": None, "outputs": []} if is_code else {}
    cell = {"id": id or secrets.token_hex(4), "cell_type": "markdown", **kind}
    about = from_dict(metadata) if metadata else NotebookNode()
    return NotebookNode({**cell, "metadata": about, "source": source})
