"""Read a source notebook in solutions/: answers and tests that the gradebook does not have."""

from types import SimpleNamespace

from course.grading.notebook.repair import Official, Release


def code_of(nb):
    """[(grade id or None, text), ...] of the code cells, answers included, in order."""
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    return [(_grade_id(cell), cell.source) for cell in cells]


def official_of(nb):
    """The Release that the gradebook would have if this notebook were released now."""
    found = {}
    for cell in nb.cells:
        meta = cell.metadata.get("nbgrader")
        if meta:
            source = SimpleNamespace(
                name=meta["grade_id"],
                source=cell.source,
                cell_type=cell.cell_type,
                locked=meta["locked"],
                checksum="",
            )
            points = meta.get("points") if meta["grade"] or meta.get("task") else None
            found[source.name] = Official(source, points, meta["solution"], bool(meta.get("task")))
    return Release(found, nb)


def not_released(nb, official):
    """Grade ids of graded cells that differ from the last release."""
    return [
        name
        for name, cell in official_of(nb).items()
        if cell.points is not None
        and not cell.solution
        and (
            name not in official
            or (official[name].source, official[name].points) != (cell.source, cell.points)
        )
    ]


def _grade_id(cell):
    return cell.metadata.get("nbgrader", {}).get("grade_id")
