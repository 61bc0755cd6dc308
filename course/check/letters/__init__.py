"""Questions with a choice of answers: the reason why each wrong letter is wrong.

The questions stand in the notebooks, before the cells that show the effect. The right letters and
the reasons stand here, a module for each notebook, so that the locked cells below an answer do not
show them. Each wrong letter is a misconception that learners have. Whoever reads these files finds
the right letters: a check explains wrong ones offline, so they cannot be kept from the student's
machine.
"""

RIGHT = ""  # stands in the place of the right letter's reason
