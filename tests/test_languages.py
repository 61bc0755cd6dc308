"""Translations: complete, with the placeholders of English, and chosen by whoever may choose."""

import os
import re
import subprocess
import sys
import threading

import nbformat
import pytest

from course import language, setup_cell
from course.anatomy import anatomy
from course.architectures.lenet import LENET5
from course.diagnosis import causes
from course.grading import CourseError
from course.grading.out.release import language_of, look_at_source, stamped
from course.language import _, ngettext
from course.notebook.official import official_of
from tests import languages
from tests.classroom import ROOT


@pytest.mark.parametrize("name", languages.languages())
def test_a_catalogue_is_complete_and_has_the_placeholders_of_english(name):
    assert languages.problems(name) == []


def test_a_catalogue_that_is_not_complete_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(languages, "FOLDER", tmp_path)
    monkeypatch.setattr(languages, "messages", lambda: ["{a} of 2, layers.Add()", "b", "c {d:,}"])
    (tmp_path / "de" / "LC_MESSAGES").mkdir(parents=True)

    def told(first, second="B", third="C {d:,}"):
        catalog = languages.updated("de")
        for id, text in zip(languages.messages(), (first, second, third), strict=True):
            catalog[id].string = text
        for kind, content in zip(("po", "mo"), languages.written(catalog), strict=True):
            languages.path("de", kind).write_bytes(content)
        return [each.partition(":")[0] for each in languages.problems("de")]

    right = "2 von {a}: layers.Add()"
    assert told(right) == []
    assert told(right, "") == ["not translated"]
    assert told("{b} von 2, layers.Add()")[0].startswith("other placeholders")
    assert told(right, "B", "C {d}")[0].startswith("other placeholders")
    assert told("{a} von 3, layers.Add()")[0].startswith("other code or numbers")
    assert told("{a} von 2, Add()")[0].startswith("other code or numbers")
    old = languages.path("de", "mo").read_bytes()
    told(right)
    languages.path("de", "mo").write_bytes(old)
    assert languages.problems("de")[0].startswith("course.mo is not what course.po says")


def test_a_language_is_spoken_by_a_process_or_by_a_thread_for_a_while(monkeypatch):
    monkeypatch.setattr(language, "_chosen", "en")
    assert (_("convolution"), language.spoken()) == ("convolution", "en")
    with language.speaking("de-AT"):
        other = []
        thread = threading.Thread(target=lambda: other.append(_("convolution")))
        thread.start()
        thread.join()
        assert (_("convolution"), other) == ("Faltung", ["convolution"])
        with language.speaking("en"):
            assert _("convolution") == "convolution"
    language.use("zh_CN.UTF-8")
    assert [ngettext("one group", "{number} groups", n).format(number=n) for n in (1, 2)] == [
        "1 组", "2 组",
    ]  # fmt: skip
    assert _("") == "" and _("no message") == "no message"


@pytest.mark.parametrize("name", ["fr", "", 3])
def test_an_unknown_language_is_refused_with_those_there_are(name):
    said = f"language should be 'en', 'de', 'es' or 'zh'. Received: {name!r}."
    with pytest.raises(ValueError, match=re.escape(said) + "$"):
        language.use(name)
    with language.speaking("de"), pytest.raises(ValueError, match=" oder 'zh' sein"):
        language.use(name)


@pytest.mark.parametrize(
    ("name", "head"), [("en", "output"), ("de", "Ausgabe"), ("es", "salida"), ("zh", "输出")]
)
def test_a_table_stands_in_columns_in_every_language(name, head):
    def place(line, text):
        return sum(2 if letter > "\u2e80" else 1 for letter in line[: line.index(text)])

    with language.speaking(name):
        _caption, titles, *rows = str(LENET5).splitlines()
        assert place(titles, _("window")) == place(rows[0], "5 × 5")
        assert _("conv") in rows[0] and _("dense") in rows[-1]
        _name, _rule, heads, _rule, first, second, *_rest = str(anatomy(LENET5)).splitlines()
    assert place(heads, head) == place(first, "32 × 32") == place(second, "28 × 28")


def test_a_set_up_cell_names_the_language_and_nothing_else_changes():
    cell = 'REPOSITORY = ""\nimport course\n\ncourse.setup(seed=3)'
    german = setup_cell.with_language(cell, "de")
    assert german == cell.replace("seed=3", 'seed=3, language="de"')
    for other in ("es", "en"):
        assert setup_cell.with_language(german, other) == german.replace('"de"', f'"{other}"')
    assert setup_cell.with_language(cell, "en") == cell
    for text, name in ((cell, "en"), (german, "de"), ("course.setup(language='zh-TW')", "zh")):
        assert setup_cell.language_of(["x = 1", text]) == name
    assert setup_cell.language_of(['course.setup(language="xx")', "y"]) == "en"


@pytest.mark.parametrize(
    ("text", "spanish"),
    [
        ("course.setup(\n  a=1,  # (b)\n)", 'course.setup(\n  a=1, language="es",  # (b)\n)'),
        ("course.setup(language=None)", 'course.setup(language="es")'),
        ("course.setup(language=('de'), a=1)", 'course.setup(language="es", a=1)'),
        ("if ö:\n    course.setup(a=(0))", 'if ö:\n    course.setup(a=(0), language="es")'),
        ("%pip install a\ncourse.setup()", '%pip install a\ncourse.setup(language="es")'),
        ("course.setup(  # twice ()\n)", 'course.setup(language="es"  # twice ()\n)'),
        ("course.setup(**given)", 'course.setup(**given, language="es")'),
        ("# course.setup()\nsetup()", None),
        ("course.setup(3)", None),
        ("course.setup(", None),
    ],
)  # fmt: skip
def test_a_set_up_call_may_be_written_in_every_way(text, spanish):
    assert setup_cell.with_language(text, "es") == spanish
    if spanish:
        assert setup_cell.language_of([spanish]) == "es"


def test_a_release_in_a_language_tells_it_to_the_grader():
    nb = nbformat.read(ROOT / "solutions" / "02-lenet" / "lenet.ipynb", 4)
    assert official_of(nb).language == "en"
    stamped(nb, "", "assignments/02-lenet/lenet.ipynb", "de")
    assert official_of(nb).language == "de"


def test_a_language_that_does_not_exist_is_not_released():
    class Course:
        config = type("Config", (), {"Stamp": {"language": "xx"}})

    with pytest.raises(CourseError, match=r"nbgrader_config\.py, c\.Stamp\.language: .*'xx'.*\.md"):
        language_of(Course)


@pytest.mark.parametrize("cells", [["import course", "x = 1"], ["course.setup(3)"]])
def test_a_notebook_that_no_language_can_be_written_into_is_not_released(tmp_path, cells):
    class Course:
        config = type("Config", (), {"Stamp": {"language": "de"}})

        @staticmethod
        def notebooks(_assignment):
            return [tmp_path / "a.ipynb"]

    def written(cells):
        cells = [nbformat.v4.new_code_cell(source, id=f"c{n}") for n, source in enumerate(cells)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")

    written(cells)
    with pytest.raises(CourseError, match=r"a\.ipynb: the release should speak 'de'"):
        look_at_source(Course, "hw")
    written(["x = 1", "import course\ncourse.setup(seed=3)", "course.setup()"])  # whatever its id
    look_at_source(Course, "hw")
    nb = stamped(nbformat.read(tmp_path / "a.ipynb", 4), "", "a.ipynb", "de")
    assert [cell.source.count('language="de"') for cell in nb.cells] == [0, 1, 0]


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "fr:es"}, "es"),
        ({"LANG": "de_DE.UTF-8", "LANGUAGE": "en_GB:de"}, "en"),
    ],
)
def test_a_command_without_a_notebook_speaks_the_language_of_the_computer(
    monkeypatch, variables, name
):
    for each in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(each, raising=False)
    for each, value in variables.items():
        monkeypatch.setenv(each, value)
    assert language.of_environment() == name


def test_setup_of_a_notebook_chooses_the_language():
    program = 'import course; course.setup(language="de"); print(course.language.spoken())'
    environment = {**os.environ, "KERAS_BACKEND": "jax", "LANG": "es_ES.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "de"


@pytest.mark.parametrize("name", language.languages())
@pytest.mark.parametrize("cause", causes._OF_TORCH)
def test_a_network_of_pytorch_is_spoken_of_in_its_words(cause, name):
    with language.speaking(name):
        keras, torch = (
            causes.finding("C1", cause, "A", "B", library=each).message for each in ("", "torch")
        )
    assert keras != torch and not re.search(r"keras|layers\.|axis=", torch), torch
