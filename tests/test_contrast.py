"""Marks and lines stand out by 3 to 1, text by 4.5 to 1, on light pages and on dark ones.

WCAG 2.2, 1.4.3 and 1.4.11. What axe-core cannot measure is computed here.
"""

import re

import pytest
from nbformat.v4 import new_notebook

from course.check import card
from course.grading.out.feedback import page as feedback_page
from course.grading.out.feedback import rendered
from course.kit.figures.pictures import LINES, PALETTE, Picture, canvas
from course.kit.figures.stages import COLOURS

#: The colours of (page, text) where outputs of notebooks are shown.
PAGES = {
    "JupyterLab": ("#ffffff", "#212121"), "JupyterLab, dark": ("#111111", "#ffffff"),
    "Colab": ("#ffffff", "#212121"), "Colab, dark": ("#383838", "#d5d5d5"),
    "VS Code": ("#ffffff", "#3b3b3b"), "VS Code, dark": ("#1f1f1f", "#cccccc"),
    "the website": ("#ffffff", "#222832"), "the website, dark": ("#121212", "#ced6dd"),
}  # fmt: skip


def parts(colour):
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def luminance(colour):
    shares = [part / 255 for part in parts(colour)]
    r, g, b = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def mixed(colour, share, text):
    both = zip(parts(colour), parts(text), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in both)


def test_the_contrast_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("page, text", PAGES.values(), ids=PAGES)
def test_marks_of_cards_and_pictures_are_seen(page, text):
    for state, colour in card._COLOURS.items():
        assert contrast(colour, page) >= 3, state
    figure, axes = canvas((3, 3))
    for colour in PALETTE:
        axes.plot([0, 1], color=colour)
    html = Picture(figure, "lines")._repr_html_()
    drawn = re.findall(r"stroke: color-mix\(in srgb, (#\w+) (\d+)%, currentColor\)", html)
    assert {colour for colour, _ in drawn} == set(map(str.lower, PALETTE))
    assert set(PALETTE) >= {*COLOURS.values(), *LINES}
    for colour, share in drawn:
        assert contrast(mixed(colour, int(share) / 100, text), page) >= 3, colour


def themes():
    """{theme: {name: colour}} of the style sheet of our own pages."""
    style, _, _ = rendered("style.css").partition("@media print")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return dict(
        zip(
            ("light", "dark"),
            (dict(re.findall(r"--(\w+): (#\w+)", b)) for b in blocks),
            strict=True,
        )
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_our_pages_can_be_read(theme):
    colours = themes()[theme]
    for behind in ("page", "panel"):
        for name in ("text", "soft", "right", "wrong", "waits"):
            assert contrast(colours[name], colours[behind]) >= 4.5, (name, behind)
    for behind in ("page", "track"):
        assert contrast(colours["bar"], colours[behind]) >= 3, behind
    names = {"notebook": "p", "assignment": "a", "student": "s", "score": 0, "max_score": 1}
    light, _, dark = feedback_page(new_notebook(), names).partition("@media screen and (prefers")
    code = re.findall(r"pre code \.(\w+) \{ color: (#\w{6})", dark if theme == "dark" else light)
    assert len(code) > 20
    for token, colour in code:
        if token != "w":  # blanks
            assert contrast(colour, colours["panel"]) >= 4.5, token
