"""Whether an answer agrees with the right one; if not, where it differs, and the finding."""

from math import isclose
from operator import ne

from course.check import words
from course.check.asked import no_plain_value
from course.diagnosis import Cause, finding
from course.evidence import values
from course.language import _, sentences
from course.network.words import shape_of

_LONGEST_CARD = 400  # characters of a wrong call: a page of reasons shows 500 of a sentence


def close(got, expected, tolerance):
    """Whether two nests of lists, dicts and numbers agree; types count, so True is not 1."""
    if isinstance(expected, list):
        same = isinstance(got, list) and len(got) == len(expected)
        return same and all(close(g, e, tolerance) for g, e in zip(got, expected, strict=True))
    if isinstance(expected, dict):
        same = isinstance(got, dict) and got.keys() == expected.keys()
        return same and all(close(got[key], expected[key], tolerance) for key in expected)
    if isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and got == expected
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    if isinstance(got, int) and isinstance(expected, int):
        return abs(got - expected) <= tolerance  # as floats, 2**53 and 2**53 + 1 would be equal
    return isclose(got, expected, rel_tol=0, abs_tol=tolerance)


def where(got, expected, tolerance):
    """A sentence: where two long lists differ. "" if they are short enough to compare by eye."""
    sizes = [_sizes(value) for value in (got, expected)]
    if all(sizes) and sizes[0] != sizes[1]:
        received, expected = map(shape_of, sizes)
        said = _("Its size is {received}, it should be {expected}.")
        return said.format(received=received, expected=expected)
    if len(words.brief(expected)) < 80 and words.brief(got) != words.brief(expected):
        return ""
    place = ""
    while isinstance(got, list) and isinstance(expected, list) and len(got) == len(expected):
        pairs = enumerate(zip(got, expected, strict=True))
        number, (got, expected) = next(p for p in pairs if not close(*p[1], tolerance))
        place += f"[{number}]"
    if not place:
        return ""
    sizes = [_sizes(value) for value in (got, expected)]
    if all(sizes) and sizes[0] != sizes[1]:
        received, expected = map(shape_of, sizes)
        said = _("The size of {place} is {received}, it should be {expected}.")
    else:
        received, expected = words.apart(got, expected)
        said = _("The first difference is at {place}: {received} instead of {expected}.")
    return said.format(place=place, received=received, expected=expected)


def _sizes(value):
    """How many items a nest of lists has, level by level: [2, 3]; [] for an irregular one."""
    sizes, level = [], [value]
    while any(isinstance(item, list) for item in level):
        lengths = {len(item) if isinstance(item, list) else -1 for item in level}
        if len(lengths) > 1:
            return []
        sizes.append(lengths.pop())
        level = [part for item in level for part in item]
    return sizes


def largest(value):
    """The largest absolute value in a nest of lists; 0 if it holds no number."""
    if isinstance(value, list):
        return max(map(largest, value), default=0.0)
    return abs(value) if isinstance(value, int | float) else 0.0


# --- findings


def wrong_value(name, got, expected, tolerance, hint):
    """Findings about a number, or a list or dict of numbers; none if it is right."""
    empty = isinstance(got, dict) and got and all(item is None for item in got.values())
    if got is None or empty:
        return [finding("", Cause.NOT_ANSWERED, hint=words.answer_above())]
    if isinstance(expected, dict) and isinstance(got, dict) and got:
        return _wrong_items(got, expected, tolerance, hint)
    if close(got, expected, tolerance):
        return []
    if isinstance(expected, dict):
        kind = words.dict_of(expected) if expected else words.kind_of_numbers(expected)
        return [finding("", Cause.WRONG_KIND_OF_VALUE, kind, words.quoted(got), hint=hint)]
    if odd := values.first_stand_in(got):
        return [no_plain_value("", (words.brief(got), odd[1]), words.kind_of_numbers(expected))]
    said = sentences(words.you_have(words.quoted(got)), hint)
    return [finding(name, Cause.WRONG_VALUE, received=words.brief(got), hint=said)]


def wrong_text(name, got, expected, wrong, hint):
    """Findings about a text in which at most `wrong` characters may differ; none if it is right."""
    if not isinstance(got, str):
        odd = values.first_stand_in(got)
        said, wanted = odd[0] if odd else words.brief(got), _("a text in quotation marks")
        return [finding("", Cause.WRONG_KIND_OF_VALUE, wanted, said, hint=hint)]
    if len(got) != len(expected):
        said = _("The number of characters is {received}, it should be {expected}.")
        said = said.format(received=f"{len(got):,}", expected=f"{len(expected):,}")
    else:
        differ = sum(map(ne, got, expected))
        if differ <= wrong:
            return []
        said = _("Wrong characters: {differ} of {all}. At most {most} may be wrong.")
        said = said.format(all=f"{len(expected):,}", differ=f"{differ:,}", most=f"{wrong:,}")
    said = sentences(said, hint)
    return [finding(name, Cause.WRONG_VALUE, received=words.brief(got), hint=said)]


def _wrong_items(got, expected, tolerance, hint):
    """Findings for the items of a dict. The hint is about all items; only the first shows it."""
    findings = []
    for key, right in expected.items():
        item = got.get(key)
        if key not in got:
            said, hint = sentences(words.other_key(got, key), hint), ""
            findings.append(finding(key, Cause.MISSING_KEY, hint=said))
        elif item is None:
            findings.append(finding(key, Cause.NOT_ANSWERED))
        elif odd := values.stands_for(item):
            findings.append(no_plain_value(key, odd, words.kind_of_numbers(right)))
        elif not close(item, right, tolerance):
            said, hint = sentences(words.you_have(words.quoted(item)), hint), ""
            findings.append(finding(key, Cause.WRONG_VALUE, received=words.brief(item), hint=said))
    return findings


def wrong_answers(name, cases, answers, rights, tolerance, hints):
    """The finding about the first call whose answer is wrong, in a list; none if all are right."""
    for case, got, right, hint in zip(cases, answers, rights, hints, strict=True):
        expected = values.exactly(right)
        allowed = tolerance * max(1.0, largest(expected))
        if not close(got, expected, allowed):
            said, wanted = words.apart(got, expected)
            said = values.kind_of(None) if got is None else said
            parts = words.call(name, case, {}), said, wanted
            end = sentences(where(got, expected, allowed), hint)
            call, gives, wanted = words.fitted(parts, _LONGEST_CARD - len(end))
            text = _("{call} gives {gives}, it should give {wanted}.")
            text = sentences(text.format(call=call, gives=gives, wanted=wanted), end)
            text = " ".join(text.split())
            return [finding(name, Cause.WRONG_VALUE, received=said, hint=text)]
    return []


def call_of(reply, name, cases, hints):
    """The call at which the code stopped, if it is known and short, and its hint: sentences."""
    number = reply.get("case")
    if type(number) is not int or not 0 <= number < len(cases):
        return ""
    call = words.call(name, cases[number], {})
    said = [_("The call was {call}.").format(call=call)] if len(call) <= 200 else []
    return sentences(*said, *hints[number : number + 1])
