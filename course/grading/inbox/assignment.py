"""Which assignment each submitted file belongs to.

That follows from the grade ids in the notebook. The file's name counts only if the notebook is
broken.
"""

import re
from collections import Counter, defaultdict

from course.grading.inbox.archives import Unreadable
from course.grading.notebook.source import read_source
from course.notebook.official import grade_ids
from course.notebook.read import read_notebook


class Notebooks:
    """The course's notebooks, by their grade ids and by their names."""

    def __init__(self, course):
        self.order, self.notebooks = course.assignments(), []
        self.by_id = defaultdict(list)  # several assignments may use the same exercise name
        for assignment in self.order:
            for path in course.notebooks(assignment):
                self.notebooks.append((assignment, path.stem))
                for name in grade_ids(read_source(path)):
                    self.by_id[name].append((assignment, path.stem))

    def by_content(self, nb):
        """Each (assignment, notebook) that most of the named cells belong to.

        There are several if a damaged file holds only cells that all notebooks have.
        """
        homes = Counter(home for name in grade_ids(nb) for home in self.by_id.get(name, ()))
        return [home for home in homes if homes[home] == max(homes.values())]

    def most_frequent(self, counts):
        """The assignment that is counted most often, the later of two; None without any."""
        return max(counts, key=lambda name: (counts[name], self.order.index(name)), default=None)

    def by_name(self, name, only):
        """The (assignment, notebook) of a broken file, by a word of its name, or from `only`."""
        words = {home: rf"(?<![^\W_]){re.escape(home[1])}(?![^\W_])" for home in self.notebooks}
        found = [home for home in words if re.search(words[home], name, re.IGNORECASE)]
        found = found or [home for home in self.notebooks if home[0] == only]
        return found[0] if len(found) == 1 else None


def recognise(notebooks, files, only, lms):
    """Fill in each file's assignment and notebook, or the reason why it has none.

    Returns the assignment that the archive is for, or None if it holds several.
    """
    possible = []  # (file, the notebooks that it could be)
    for file in files:
        if file.reason:
            continue
        try:
            nb, file.broken = read_notebook(file.entry.read())
        except Unreadable as error:
            file.reason = str(error)
            continue
        if nb is None and not file.entry.is_notebook:
            file.reason = f"is no notebook: it {file.broken}"
        elif nb is not None and (homes := notebooks.by_content(nb)):
            possible.append((file, homes))
        elif nb is not None and nb.metadata.get("damage"):
            file.broken = "is damaged, and what can be read of it holds no exercise of this course"
        elif nb is not None:
            file.reason = "holds no exercise of this course"
    usual = notebooks.most_frequent(
        Counter(homes[0][0] for _, homes in possible if len(homes) == 1)
    )
    for file, homes in possible:
        file.assignment, file.notebook = max(
            homes,
            key=lambda home: (home[0] == only, home[0] == usual, notebooks.order.index(home[0])),
        )
    counts = Counter(f.assignment for f in files if f.assignment for _ in f.students)
    main = notebooks.most_frequent(counts)
    if lms == "folders" and len(counts) > 1:  # plain folders may hold several assignments
        main = None
    main = main or only
    for file in files:
        if not file.reason and not file.assignment:
            home = notebooks.by_name(file.name, only) or notebooks.by_name("", main)
            if home is None:
                file.reason = (
                    f"{file.broken}; its name does not say which assignment it is, so name that "
                    "with --assignment, or ask for the file again"
                )
            else:
                file.assignment, file.notebook = home
    return main
