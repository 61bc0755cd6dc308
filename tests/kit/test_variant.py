"""`course.variant`: the table that follows from a code, as a student's notebook shows it."""

import random
import re

import pytest

import course
from course.architectures import Table, conv
from course.grading import variants
from course.grading.own.house import template
from course.kit import variant
from course.kit.tables import given
from tests.classroom import ROOT

SMALL = template("variant.txt").replace("@TITLE@", "Small")
CODES = [variant.code_of(number) for number in random.Random(1998).sample(range(31**7), 300)]


@pytest.fixture
def small():
    """A notebook with the variants that `course new --variants` writes."""
    with given({"variant": SMALL}), variant.official(None):
        variant._NOW["code"] = None
        yield


def test_a_code_shows_its_table_and_stays_for_the_checks_below(small):
    table = course.variant("vary net3")
    assert isinstance(table, Table) and table.name == "Small (VARY-NET3)"
    assert "<table" in table._repr_html_()
    assert course.variant() == table and course.variant("VARYNET3") == table
    # The same in every version of Python: the draws are a part of what students have.
    assert variant.drawn("VARY-NET3")[1] == [32, 1, 7, 8, 18, 5, 3, 0]


@pytest.mark.parametrize("code", [None, "", "  "])
def test_without_a_code_it_says_where_to_write_it(small, code):
    course.variant("VARY-NET3")
    if code is None:
        variant._NOW["code"] = None
    with pytest.raises(NotImplementedError, match="Write your code between the quotation marks"):
        course.variant(code)
    with pytest.raises(NotImplementedError):
        course.variant()


def test_every_wrong_letter_and_every_exchange_is_told(small):
    for code in CODES[:20]:
        letters = code.replace("-", "")
        for at, letter in enumerate(letters):
            other = random.choice(variant.LETTERS.replace(letter, ""))
            exchanged = letters[:at] + letters[at : at + 2][::-1] + letters[at + 2 :]
            for wrong in {letters[:at] + other + letters[at + 1 :], exchanged} - {letters}:
                with pytest.raises(ValueError, match="is nobody's code"):
                    course.variant(wrong)


@pytest.mark.parametrize(
    "code, said",
    [
        ("VARY-NET", "with 7 of them"),
        ("VARY-NETO", "No code has O, because these look like other characters"),
        ("ö0ö", "No code has Ö, because codes are written with A to Z and 2 to 9"),
        ("\u0410ARY-NET3", "No code has \u0410, because codes are written with"),  # Cyrillic
        ("VARY-NET3 is what my instructor sent to me in a mail", "Received: 'VARY-NET3 is what"),
    ],
)
def test_what_is_no_code_is_told(small, code, said):
    with pytest.raises(ValueError, match=said):
        course.variant(code)


def test_a_notebook_without_variants_says_so():
    with given({}), pytest.raises(ModuleNotFoundError, match="There is no table variant"):
        course.variant("VARY-NET3")


def test_a_family_that_gives_no_table_is_told():
    for text, error in (("None", ValueError), ("7", TypeError)):
        made = f"def variant(draw):\n    return {text}\n"
        with given({"variant": made}), pytest.raises(error, match=r"variant\(draw\) in tables"):
            course.variant("VARY-NET3")


def test_the_variants_of_a_new_assignment_are_as_difficult_as_each_other():
    band = variants.band({"variant": SMALL}, CODES)
    assert band.variants == 300 and band.different > 250
    assert band.rows == (7, 7)
    assert band.parameters[1] < 1.1 * band.parameters[0]
    assert band.macs[1] < 1.6 * band.macs[0]


def test_the_example_of_the_page_does_as_the_page_says():
    page = (ROOT / "docs/variants.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    band = variants.band({"variant": example}, CODES[:60])
    assert band.rows == (6, 6) and band.different > 40
    assert band.parameters[1] < 1.2 * band.parameters[0]
    assert band.macs[1] < 1.7 * band.macs[0]
    with given({"variant": example}):
        assert len(variant.drawn(CODES[0])[1]) >= 6


def test_each_choice_comes_up(small):
    drawn = list(zip(*(variant.drawn(code)[1] for code in CODES), strict=True))
    assert [len(set(values)) for values in drawn] == [4, 2, 6, 5, 5, 2, 2, 2]


@pytest.mark.parametrize("code", [62437834, b"VARY-NET3", ["VARY-NET3"]])
def test_a_code_is_asked_for_between_quotation_marks(small, code):
    with pytest.raises(TypeError, match=r'such as course.variant\("VARY-NET3"\). Received: '):
        course.variant(code)


def test_letters_of_full_width_are_letters(small):
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in "VARY-NET3")
    assert course.variant(wide) == course.variant("VARY-NET3")


def test_a_code_is_found_and_exchanged_in_a_text():
    text = "x = course.variant('VARY-NET3')  # elephant VARYNET3 VARY-NETS"
    assert variant.with_code(text, "") == text.replace("'VARY-NET3'", "''")
    assert variant.named_in(text) == "VARY-NET3" and variant.named_in("variant(code)") is None


def test_the_official_code_counts_whatever_is_asked(small):
    with variant.official(CODES[0]):
        assert course.variant("VARY-NET3") == course.variant() == variant.drawn(CODES[0])[0]
    with pytest.raises(NotImplementedError):
        course.variant()


def test_a_row_of_a_variant_is_a_row_as_any(small):
    (row,) = course.variant("VARY-NET3").part("conv1_1", input_shape=(32, 32, 1)).rows
    assert row == conv("conv1_1", 8, 5, padding="same", activation="relu")
