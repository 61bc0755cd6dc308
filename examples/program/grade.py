"""Any other grader: the share of right checks, and a page in Markdown.

The student's module `lenet.py` lies beside this file.
"""

from contextlib import suppress

from convnet_course import check
from convnet_course.architectures.lenet import LENET5
from lenet import lenet5

with check.silently() as cards:
    with suppress(check.CheckFailed):
        check.model(lenet5, like=LENET5)
    with suppress(check.CheckFailed):
        check.model(lenet5, input_shape=(48, 40, 3), classes=17, like=LENET5)

right = sum(card.state == "right" for card in cards)
print(f"{right} of {len(cards)} checks are right.")
for card in cards:
    print(f"\n{card.markdown()}")
