"""A student's text stays one line, wherever it is shown."""

import pytest

from course.plain import one_line

FORGED = "too small{}h9 100 / 100"
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]
MOVES = ("\x1b[2K\x1b[1G", "\x9b1G", "\b" * 9, "\x1b]8;;http://x\x07", "\u202e", "\u2066", "\ue000")


@pytest.mark.parametrize("between", [*BREAKS, *MOVES])
def test_nothing_breaks_the_line_or_moves_the_cursor(between):
    shown = one_line(FORGED.format(between))
    assert len(shown.splitlines()) == 1
    assert shown.isprintable()
    assert shown.startswith("too small\\")  # it is seen that something stood there
    assert shown.endswith("h9 100 / 100")


@pytest.mark.parametrize(
    "blanks", [" " * 200, "\t" * 9, "\u00a0" * 90, "\u3000" * 40, "\u2800" * 80]
)
def test_no_row_is_forged_by_filling_the_line_with_blanks(blanks):
    assert one_line(FORGED.format(blanks)) == "too small h9 100 / 100"


def test_real_texts_stay_as_they_are():
    text = "C1 gives 32 × 32 × 6 – “naïve” 👩‍🔬 می‌خواهم 卷积 e\u0301"
    assert one_line(text) == text
    assert one_line(17) == "17"


@pytest.mark.parametrize("text", ["x" * 1_900_000, "\n" * 1_900_000, "\ud800" * 2_000, "a\n" * 300])
def test_a_long_text_is_cut_and_says_so(text):
    shown = one_line(text)
    assert len(shown) <= 500
    assert shown.endswith("more characters]")
    assert one_line(shown) == shown  # whoever shows it next adds nothing
    shown.encode()
