"""A mistake in nbgrader_config.py is a sentence that names the setting."""

import pytest
from traitlets import Bool, Enum, Integer, Unicode

from course.grading.settings import OWN, _kinds
from tests.school import School


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    made = School(tmp_path_factory.mktemp("settings") / "course")
    made.hand_in("ada", days_late=3)
    return made


@pytest.fixture
def said(school, capsys):
    """Runs a command with lines more in the settings; what it printed, if it failed."""
    settings = school.folder / "nbgrader_config.py"
    before = settings.read_text()

    def said(lines, *command):
        settings.write_text(f"{before}\n{lines}\n")
        capsys.readouterr()
        status = school.course(*command or ("release", "--no-trial", "hw"))
        return capsys.readouterr().err if status else ""

    yield said
    settings.write_text(before)


OF_OURS = [
    (section, name, trait)
    for section in OWN
    for kind in _kinds(section)
    for name, trait in kind.class_traits(config=True).items()
]
WRONG = {  # {a kind of setting: ([values that it cannot have], what it should be)}
    Bool: ([3, "yes", "", None], "True or False"),
    Enum: ([3, "", "else", None], "one of '"),
    Integer: (["60", 1.5, 0, None, []], "a whole number of 1 or more"),
    Unicode: ([3, None, []], "a text in quotes"),
}


@pytest.mark.parametrize("section, name, trait", OF_OURS)
def test_each_setting_of_ours_has_the_right_kind(said, section, name, trait):
    values, should = next(
        (given for kind, given in WRONG.items() if isinstance(trait, kind)), ([3], "should be")
    )
    for value in values:
        words = said(f"c.{section}.{name} = {value!r}")
        assert f"c.{section}.{name} in nbgrader_config.py should be" in words and should in words
        assert f"It is {value!r}." in words


@pytest.mark.parametrize("line, sentence", {
    "c.Judge.tiemout = 30": "sets c.Judge.tiemout, and there is no tiemout. Did you mean timeout?",
    "c.Stamp.rep = ''": "there is no rep. It has: enabled, language, repository.",
    "c.Jugde.timeout = 3": "there is no section Jugde. Did you mean Judge?",
    "c.judge.timeout = 3": "sets c.judge, and nothing reads that: the name of a section begins "
    "with a capital letter. Did you mean Judge?",
    "c.Exchnage.timezone = 'UTC'": "Did you mean Exchange?",
    "c.AssignLatePenalties.plugin_klass = 'a.B'": "Did you mean plugin_class?",
    "c.Stamp = 3": "nbgrader_config.py:",
    "c.Stamp.repository = 'github'": "c.Stamp.repository in nbgrader_config.py should be an "
    "https:// address, such as 'https://github.com/you/convnets'. It is 'github'.",
    "c.Stamp.language = 'fr'": "c.Stamp.language: language should be 'en', 'de', 'es' or 'zh'.",
    "c.CourseDirectory.db_url = ''": "c.CourseDirectory.db_url in nbgrader_config.py should be",
    "c.CourseDirectory.submitted_directory = ''": "submitted_directory in nbgrader_config.py "
    "should name a folder in the course's folder. It is ''.",
    "c.CourseDirectory.release_directory = './solutions/'": "release_directory in "
    "nbgrader_config.py should be another folder than source_directory",
    "c.GenerateAssignment.preprocessors = ['course.grading.out.release.Stmp']":
    "It names 'course.grading.out.release.Stmp', which cannot be imported: No module named Stmp",
    "c.GenerateAssignment.preprocessors = [3]": "It names 3, which cannot be imported",
}.items())  # fmt: skip
def test_a_mistake_is_a_sentence(said, line, sentence):
    assert sentence in said(line)


@pytest.mark.parametrize("line", [
    "c.GenerateFeedback.preprocessors = 'nowhere'",
    "c.GenerateFeedback.preprocessors = ['course.grading.out.feedback.Grade']",
    "c.GenerateFeedback.exporter_class = 'nowhere.Page'",
    "c.AssignLatePenalties.plugin_class = ''",
    "c.AssignLatePenalties.plugin_class = 'late_days.Nobody'",
])  # fmt: skip
def test_what_is_imported_is_named_by_its_setting(said, line):
    assert line.partition(" =")[0] in said(line, "feedback", "hw")


@pytest.mark.parametrize("line", [
    "c.PerDay.points = 5",  # of a plugin that is loaded when it is needed
    "c.ServerApp.port = 8889",
    "c.NbGraderPreprocessor.enabled = True",
    "c.CourseDirectory.ignore.append('*.csv')",
    "c.Exchange.course_id = 'old'",  # nbgrader still takes it
    "c.Stamp.repository = ''",
    "c.Judge.timeout = 90; c.Judge.wall = 600; c.Judge.backend = 'jax'",
])  # fmt: skip
def test_a_right_setting_is_taken(said, line):
    assert said(line) == ""
