"""The tests' own way of running notebooks does not wait for a kernel that stands still."""

from nbformat.v4 import new_code_cell, new_notebook

from tests.notebook import executed


def test_a_notebook_whose_kernel_stands_still_runs_once_more(tmp_path):
    cell = """
import pathlib, time
seen = pathlib.Path("seen")
first = not seen.exists()
seen.touch()
time.sleep(10_000 * first)
print("run")
"""
    nb = executed(new_notebook(cells=[new_code_cell(cell)]), tmp_path, still=5)
    assert nb.cells[0].outputs[0].text == "run\n"
