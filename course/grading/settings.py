"""The settings in nbgrader_config.py are looked at before a command begins.

traitlets looks at a setting when its step begins, and ignores an unknown one. So a misspelled name
would have no effect, and a wrong value would stop a command half-way.
"""

import copy
import os
from importlib import import_module

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from traitlets import Bool, Enum, Float, HasTraits, Integer, List, TraitError, Type, Unicode
from traitlets.config import Config, Configurable, LazyConfigValue
from traitlets.utils.importstring import import_item

from course.grading import CONFIG, CourseError, meant
from course.plain import one_line

#: The course's own steps, with their modules; the others are nbgrader's, or the instructor's.
OWN = {
    "Stamp": "course.grading.out.release",
    "Enclose": "course.grading.out.release",
    "Repair": "course.grading.notebook.repair",
    "Judge": "course.grading.verdict.judge",
    "Defang": "course.grading.notebook.defang",
    "Grades": "course.grading.out.feedback",
    "FeedbackPage": "course.grading.out.feedback",
    "ScoresExport": "course.grading.out.export",
}
#: nbgrader's sections that this course's pages speak of.
_SPOKEN_OF = (
    "CourseDirectory", "Exchange", "GenerateAssignment", "Autograde", "GenerateFeedback",
    "AssignLatePenalties", "LimitOutput", "Execute", "ExportApp",
)  # fmt: skip
_STEPS = "source", "release", "submitted", "autograded", "feedback"
_LONGEST = 80  # characters of a value in a sentence
_KINDS = (  # (a kind of setting, what its value should be)
    (Bool, lambda trait: "True or False"),
    (Enum, lambda trait: "one of " + ", ".join(map(repr, trait.values))),
    (Integer, lambda trait: f"a whole number{_least(trait)}"),
    (Float, lambda trait: f"a number{_least(trait)}"),
    (Unicode, lambda trait: "a text in quotes"),
    (List, lambda trait: "a list"),
)


def look_at(config):
    """Raise CourseError for the first setting that is misspelled, or has an impossible value."""
    for section, settings in config.items():
        kinds = _kinds(section)
        for name, value in settings.items() if isinstance(settings, Config) else ():
            if kinds and not isinstance(value, Config):  # c.Parent.Child.setting is left alone
                _look_at_setting(kinds, section, name, value)
    _look_at_folders(config.get("CourseDirectory", {}))


def look_at_steps(config, section, setting="preprocessors"):
    """Raise CourseError if a step that a setting names, or one of several, cannot be imported."""
    given = config.get(section, {}).get(setting, ())
    for step in [given] if isinstance(given, str) else given:
        try:
            import_item(step) if isinstance(step, str) else step.__name__
        except Exception as error:  # a module of the instructor's own may raise anything
            raise CourseError(
                f"c.{section}.{setting} in {CONFIG} should name each step with its module, such as "
                f"'nbgrader.preprocessors.ClearOutput'. It names {_shown(step)}, which cannot be "
                f"imported: {one_line(error)}"
            ) from None


def _kinds(section):
    """The classes of a section's name; none if it may be a plugin that nobody has loaded yet.

    Raises CourseError for the misspelled name of a section.
    """
    if not section[:1].isupper():
        close = meant(section.title(), OWN)
        raise CourseError(
            f"{CONFIG} sets c.{section}, and nothing reads that: the name of a section begins with "
            f"a capital letter.{close}"
        )
    if section in OWN:
        return [getattr(import_module(OWN[section]), section)]
    found = _named()
    known = {*OWN, *_SPOKEN_OF}
    if section not in found.keys() | known and (close := meant(section, known, 0.8)):
        raise CourseError(f"{CONFIG} sets c.{section}, and there is no section {section}.{close}")
    return found.get(section, [])


def _named():
    """{name: the classes of that name} of everything that can be set and is loaded."""
    found, waiting = {}, [Configurable]
    while waiting:
        kind = waiting.pop()
        found.setdefault(kind.__name__, []).append(kind)
        waiting += kind.__subclasses__()
    return found


def _look_at_setting(kinds, section, name, value):
    traits = {}
    for kind in kinds:
        traits |= kind.class_traits(config=True)
    if name not in traits:
        close = meant(name, traits)
        # nbgrader still takes some settings that it had before.
        if section in OWN or close:
            known = close or f" It has: {', '.join(sorted(traits))}."
            raise CourseError(f"{CONFIG} sets c.{section}.{name}, and there is no {name}.{known}")
        return
    trait = traits[name]
    if isinstance(value, LazyConfigValue):  # such as c.….append(…)
        return
    if isinstance(trait, Type) and isinstance(value, str):  # imported when it is needed
        return
    try:
        type("Setting", (HasTraits,), {"value": copy.copy(trait)})().value = value
    except TraitError:
        should = next((say(trait) for kind, say in _KINDS if isinstance(trait, kind)), trait.info())
        raise CourseError(
            f"c.{section}.{name} in {CONFIG} should be {should}. It is {_shown(value)}. Change "
            "that line, or delete it: then the usual value counts."
        ) from None


def _look_at_folders(settings):
    """Raise CourseError if two steps would share a folder, or the gradebook has no address."""
    found = {}
    for step in _STEPS:
        name = f"{step}_directory"
        folder = os.path.normpath(settings.get(name, step))
        if folder == ".":
            raise CourseError(
                f"c.CourseDirectory.{name} in {CONFIG} should name a folder in the course's "
                f"folder. It is {_shown(settings[name])}."
            )
        if folder in found:
            raise CourseError(
                f"c.CourseDirectory.{name} in {CONFIG} should be another folder than "
                f"{found[folder]}, or one would overwrite the other. Both are {_shown(folder)}."
            )
        found[folder] = name
    if isinstance(address := settings.get("db_url"), str):
        try:
            make_url(address)
        except ArgumentError:
            raise CourseError(
                f"c.CourseDirectory.db_url in {CONFIG} should be the address of a database, such "
                f"as 'sqlite:////home/you/convnets/gradebook.db'. It is {_shown(address)}. Without "
                "this line it is gradebook.db in the course's folder."
            ) from None


def _least(trait):
    return "" if trait.min is None else f" of {trait.min} or more"


def _shown(value):
    return one_line(repr(value), _LONGEST)
