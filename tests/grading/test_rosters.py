"""Names and rosters as the world has them: scripts, languages, spreadsheets, empty cells."""

import shutil
import unicodedata

import pytest
from nbgrader.api import Gradebook

from course.grading.inbox.collect import collect
from course.grading.inbox.intake import intake
from course.grading.inbox.roster import Roster
from tests.inbox import Room, packed

MOODLE = {"Jane Doe_1327627": "jane's", "Åsa Möller_13": "åsa's"}
ROWS = ["1327627|Jane Doe|{0}|jane@uni.edu", "13|Åsa Möller|{1}|moeller@uni.edu",
        "15|Absent Abel|{2}|abel@uni.edu"]  # fmt: skip
# Language: the titles as Moodle has them, and what it calls a participant.
WORKSHEETS = {
    "English": ("Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,"
                "Grade can be changed,Last modified (submission),Last modified (grade),"
                "Feedback comments", "Participant ", "Submitted for grading", "Yes"),
    "German": ("ID,Vollständiger Name,ID-Nummer,E-Mail-Adresse,Status,Bewertung,Bestwertung,"
               "Bewertung kann geändert werden,Zuletzt geändert (Abgabe),"
               "Zuletzt geändert (Bewertung),Feedback als Kommentar", "Teilnehmer/in",
               "Zur Bewertung abgegeben", "Ja"),
    "French": ("Identifiant,Nom complet,Numéro d'identification,Adresse de courriel,Statut,Note,"
               "Note maximale,La note peut être modifiée,Dernière modification (travail remis),"
               "Dernière modification (note),Feedback par commentaires", "Participant ",
               "Remis pour évaluation", "Oui"),
    "Spanish": ("Identificador,Nombre completo,Número de ID,Dirección de correo,Estado,"
                "Calificación,Calificación máxima,La calificación puede ser cambiada,"
                "Última modificación (entrega),Última modificación (calificación),"
                "Comentarios de retroalimentación", "Participante ", "Enviado para calificar",
                "Sí"),
    "Japanese": ("識別子,フルネーム,IDナンバー,メールアドレス,ステータス,評点,最大評点,"
                 "評点を変更できるか,最終更新日時 (提出),最終更新日時 (評点),"
                 "フィードバックコメント", "参加者", "評定のために提出済み", "Yes"),
}  # fmt: skip


def worksheet(language, ids=("jd1", "åm2", "aa3"), mark=","):
    titles, word, status, yes = WORKSHEETS[language]
    lines = [titles.replace(",", mark)]
    for row in ROWS:
        number, name, own, email = row.format(*ids).split("|")
        cells = [f"{word}{number}", name, own, email, status, "", '"100,00"', yes,
                 '"Freitag, 20. November 2026, 12:00"', "-", ""]  # fmt: skip
        lines.append(mark.join(cells))
    return "\n".join(lines) + "\n"


def without_an_archive(roster):
    """The ids that `course variants` takes, before anything was handed in."""
    return {person.id for person in Roster(roster).people}


@pytest.fixture
def moodle(room, tmp_path):
    files = {f"{n}_assignsubmission_file/x.ipynb": room.notebook(t) for n, t in MOODLE.items()}
    return packed(tmp_path / "moodle.zip", files)


@pytest.mark.parametrize("language", WORKSHEETS)
def test_a_worksheet_in_any_language(room, tmp_path, moodle, language):
    roster = tmp_path / "bewertungen.csv"
    roster.write_text(worksheet(language), encoding="utf-8")
    assert room.collect(moodle, "--roster", roster) == 0
    assert room.submitted() == {"jd1": "jane's", "åm2": "åsa's"}
    jane = room.student("jd1")
    assert (jane.first_name, jane.last_name) == ("Jane", "Doe")
    assert without_an_archive(roster) == {"jd1", "åm2", "aa3"}
    assert Roster(roster).people[0].email == "jane@uni.edu"
    # Who has handed in nothing is known as well, with the number for the way back.
    assert room.student("aa3").last_name == "Abel"
    said = intake(room.course, "hw")
    assert {s: about.numbers["moodle"] for s, about in said.items()} == {
        "jd1": "1327627", "åm2": "13", "aa3": "15",
    }  # fmt: skip


def test_moodles_worksheet_says_when(room, tmp_path, moodle):
    """The zip file has the dates of Moodle's own files; 12:00 in it, which is what counts else."""
    roster = tmp_path / "r.csv"
    text = worksheet("English").replace("Freitag, 20. November", "Friday, 20 November")
    roster.write_text(text.replace("12:00", "11:30 PM", 1))
    assert room.collect(moodle, "--roster", roster, "--timezone", "Europe/Berlin") == 0
    assert room.stamp("jd1") == "2026-11-20 22:30:00 UTC"
    assert room.stamp("åm2") == "2026-11-20 11:00:00 UTC"


@pytest.mark.parametrize("language", WORKSHEETS)
def test_an_empty_id_falls_back_to_what_the_line_has_instead(room, tmp_path, moodle, language):
    roster = tmp_path / "r.csv"
    roster.write_text(worksheet(language, ("", "åm2", "aa3")), encoding="utf-8")
    assert room.collect(moodle, "--roster", roster) == 0
    assert room.submitted() == {"jane@uni.edu": "jane's", "åm2": "åsa's"}
    assert without_an_archive(roster) == {"jane@uni.edu", "åm2", "aa3"}
    # Nothing but the number, which is another one next week, and the name.
    lines = [line.split(",") for line in roster.read_text().splitlines()]
    roster.write_text("\n".join(",".join(line[:2] + line[4:]) for line in lines))
    (room.folder / "gradebook.db.intake.json").unlink()
    collect(room.course, moodle, roster=roster)
    assert set(room.submitted()) == {"jane@uni.edu", "åm2", "janedoe", "åsamöller"}
    assert without_an_archive(roster) == {"janedoe", "åsamöller", "absentabel"}


@pytest.mark.parametrize("language", ["English", "German"])
def test_moodles_numbers_are_nobodys_ids(tmp_path, language):
    roster = tmp_path / "r.csv"
    lines = worksheet(language).splitlines()
    roster.write_text("\n".join(",".join(line.split(",")[:2]) for line in lines))
    assert without_an_archive(roster) == {"janedoe", "åsamöller", "absentabel"}
    roster.write_text(roster.read_text().replace("Absent Abel", "Jane Doe"))
    assert without_an_archive(roster) == {"åsamöller"}
    assert any("once: Jane Doe, Jane Doe" in note for note in Roster(roster).notes)


def test_an_anonymous_worksheet_gives_the_ids_of_the_archive_alone(room, tmp_path):
    files = {f"Participant_{n}_assignsubmission_file/p1.ipynb": room.notebook(n) for n in "789"}
    path, roster = packed(tmp_path / "a.zip", files), tmp_path / "r.csv"
    lines = [f"Participant {n},Submitted for grading,,20.00\n" for n in "789"]
    roster.write_text("Identifier,Status,Grade,Maximum Grade\n" + "".join(lines))
    for arguments in ((), ("--roster", roster)):
        assert room.collect(path, *arguments) == 0
        assert set(room.submitted()) == {f"participant_{n}" for n in "789"}
        shutil.rmtree(room.folder / "submitted")


def test_who_has_no_id_is_named(tmp_path):
    roster = tmp_path / "r.csv"
    roster.write_text("student_id,name,email\nstud7,Ada Roe,a@x.org\n,Bo Li,\n")
    assert without_an_archive(roster) == {"stud7"}
    assert any(note.endswith(": Bo Li") for note in Roster(roster).notes)
    points = "Student,ID,SIS User ID,Section\n    Points Possible,,,\n"
    roster.write_text(f'{points}"Roe, Ada",1,ar1,A\n')
    assert Roster(roster).notes == []


def test_no_grade_becomes_an_id(tmp_path):
    roster = tmp_path / "r.csv"
    titles = "Student,ID,SIS User ID,Section,hw (7)\n    Points Possible,,,,100\n"
    roster.write_text(f'{titles}"Roe, Ada",1,,A,88\n"Li, Bo",2,,A,90\n')
    assert without_an_archive(roster) == {"1", "2"}
    lines = [line.split(",") for line in worksheet("German").splitlines()]
    for number, line in enumerate(lines[1:], 80):
        line[5] = str(number)
    roster.write_text("\n".join(",".join(line[:2] + line[4:]) for line in lines))
    assert without_an_archive(roster) == {"janedoe", "åsamöller", "absentabel"}


def test_who_stands_there_without_a_number_is_not_said_to_be_missing(room, tmp_path):
    roster = tmp_path / "r.csv"
    roster.write_text('Student,ID,SIS User ID,Section\n"Roe, Ada",,ar1,A\n"Li, Bo",2,bl1,A\n')
    files = {
        "roeada_1_20001_p1.ipynb": room.notebook("a"),
        "libo_2_20002_p1.ipynb": room.notebook(),
    }
    report = collect(room.course, packed(tmp_path / "a.zip", files), roster=roster)
    ((_, reason),) = report.skipped
    assert "roeada (1) is in the roster" in reason and "by name only" in reason


ENCODED = {
    "utf-8 with a mark": lambda text: text.encode("utf-8-sig"),
    "utf-16": lambda text: text.encode("utf-16"),
    "utf-16 without a mark": lambda text: text.encode("utf-16-le"),
    "Excel's own": lambda text: text.encode("cp1252"),
    "sep": lambda text: ("sep=,\r\n" + text).encode("utf-8-sig"),
    "sep in quotes, with the row's other cells": lambda text: ('"sep=,",,,\n' + text).encode(),
    "decomposed": lambda text: unicodedata.normalize("NFD", text).encode(),
    "Windows' lines": lambda text: text.replace("\n", "\r\n").encode(),
    "quoted": lambda text: text.replace("Full name", '"Full\nname, as shown"').encode(),
}


def test_the_made_up_student_of_canvas_is_absent_from_nothing(tmp_path):
    room = Room(tmp_path / "course")
    roster = tmp_path / "r.csv"
    titles = "Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n"
    roster.write_text(titles + '"Roe, Ada",7,ar1,ada,A\n"Student, Test",9,,f00d,A\n')
    path = packed(tmp_path / "a.zip", {"roeada_7_20001_p1.ipynb": room.notebook()})
    assert room.collect(path, "--roster", roster) == 0
    with Gradebook(room.course.database) as gradebook:
        assert [student.id for student in gradebook.students] == ["ar1"]
    # If the instructor has handed in as that student, it is graded.
    path = packed(tmp_path / "b.zip", {"studenttest_9_20002_p1.ipynb": room.notebook()})
    assert room.collect(path, "--roster", roster) == 0 and "f00d" in room.submitted()


@pytest.mark.parametrize("how", ENCODED)
def test_whatever_wrote_the_file(room, tmp_path, moodle, how):
    roster = tmp_path / "r.csv"
    roster.write_bytes(ENCODED[how](worksheet("English")))
    report = collect(room.course, moodle, roster=roster)
    assert room.submitted() == {"jd1": "jane's", "åm2": "åsa's"}
    assert without_an_archive(roster) == {"jd1", "åm2", "aa3"}
    assert any("Windows-1252" in text for _, text in report.notes) is (how == "Excel's own")


@pytest.mark.parametrize("mark", [";", "\t"])
def test_whatever_stands_between_the_columns(room, tmp_path, moodle, mark):
    roster = tmp_path / "r.csv"
    text = worksheet("German", mark=mark).replace('"100,00"', "100,00")
    roster.write_text(f"sep={mark}\n{text}" if mark == ";" else text)
    collect(room.course, moodle, roster=roster)
    assert set(room.submitted()) == {"jd1", "åm2"}
    assert without_an_archive(roster) == {"jd1", "åm2", "aa3"}


def test_what_spreadsheets_do_to_numbers(room, tmp_path):
    """126.0 is 126, ="007" is 007, 10,000 is 10000; of two equal titles the filled one counts."""
    roster = tmp_path / "r.csv"
    roster.write_text(
        "Student,ID,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,,\n"
        '"Roe, Ada",126.0,,"=""007""",ada,A\n"Li, Bo",,"127,0",9.0,bo,A\n\n'
        '"Tan, Cy","10,000",,"1,210,101.00",cy,A\n'
    )
    files = {
        "roeada_126_20001_p1.ipynb": room.notebook("a"),
        "libo_127_20002_p1.ipynb": room.notebook("b"),
        "tancy_10000_20003_p1.ipynb": room.notebook("c"),
    }
    assert room.collect(packed(tmp_path / "a.zip", files), "--roster", roster) == 0
    assert room.submitted() == {"007": "a", "9": "b", "1210101": "c"}
    assert without_an_archive(roster) == {"007", "9", "1210101"}
    assert room.number("007") == "126" and room.number("9") == "127"
    assert room.student("007").first_name == "Ada"


def test_numbers_that_a_spreadsheet_has_shortened_are_told(room, tmp_path, moodle, capsys):
    roster = tmp_path / "r.csv"
    roster.write_text(worksheet("English").replace("Participant 1327627", "1.32763E+06"))
    assert room.collect(moodle, "--roster", roster) == 0
    assert "has shortened numbers in" in capsys.readouterr().out


def test_a_workbook_is_told_from_a_csv_file(room, tmp_path, moodle, capsys):
    new, old = packed(tmp_path / "r.csv", {"xl/workbook.xml": "<workbook/>"}), tmp_path / "r.xls"
    old.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504))
    for roster in (new, old):
        assert room.collect(moodle, "--roster", roster) == 1
        said = "it is an Excel workbook or a zip file; save the table as CSV"
        assert said in capsys.readouterr().err


def test_a_mark_in_the_titles_alone_makes_no_columns(room, tmp_path, moodle):
    roster = tmp_path / "r.csv"
    roster.write_text(
        'student_id;"Name (last, first, title)";lms_user_id\njd1;"Doe, Jane";1327627\nåm2;Å;13\n'
    )
    assert room.collect(moodle, "--roster", roster) == 0
    assert room.submitted() == {"jd1": "jane's", "åm2": "åsa's"}


def test_a_list_without_titles_loses_nobody(room, tmp_path, moodle, capsys):
    roster = tmp_path / "r.csv"
    roster.write_text("jd1;1327627\nåm2;13\n")
    assert room.collect(moodle, "--roster", roster) == 1 and room.submitted() == {}
    assert "Its first line has '1327627', which is a student's." in capsys.readouterr().err
    # Students name themselves, and may take a title.
    files = {"student_1_20001_p1.ipynb": room.notebook("hers")}
    roster.write_text("student,id\nStudent,1\n")
    assert room.collect(packed(tmp_path / "a.zip", files), "--roster", roster) == 0


def test_a_list_in_which_nobody_is_found_is_shown_beside_the_archive(
    room, tmp_path, moodle, capsys
):
    roster = tmp_path / "r.csv"
    roster.write_text("email,name\nabel@uni.edu,Abel\n")
    assert room.collect(moodle, "--roster", roster) == 1
    said = "the archive has students such as Jane Doe (1327627), the roster such as abel@uni.edu."
    assert said in capsys.readouterr().out


def test_a_class_list_in_the_archives_place_is_told(room, tmp_path, capsys):
    (tmp_path / "Grades.csv").write_text(worksheet("English"))
    assert room.collect(tmp_path / "Grades.csv") == 1
    said = "It is a table. If it is the class list: course collect submissions.zip --roster FILE"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"\0", b"\xff\xfea", b"\0a\xd8"])
def test_what_is_no_text_is_told(room, tmp_path, moodle, capsys, content):
    roster = tmp_path / "r.csv"
    roster.write_bytes(content)
    assert room.collect(moodle, "--roster", roster) == 1
    assert "It should be a CSV file in UTF-8." in capsys.readouterr().err


# --- names in any script

NAMES = ["कुमार राम", "कमर रम", "ธีรภัทร์ ใจดี", "ธรภทร ใจด", "தமிழ் செல்வி", "Nguyễn Thị Hồng",
         "Nguyên Thi Hông", "علی‌رضا", "王小明", "O’Brien Zoë"]  # fmt: skip


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("lms", ["canvas", "moodle", "classroom", "folders", "brightspace"])
def test_marks_are_part_of_names(room, tmp_path, lms, form):
    """Nobody is refused, and no two of them are one."""

    def named(number, name):
        squashed = "".join(c for c in name if unicodedata.category(c)[0] in "LMN")
        return {
            "canvas": f"{squashed}_{number}_{20000 + number}_p1.ipynb",
            "moodle": f"{name}_{number}_assignsubmission_file/p1.ipynb",
            "classroom": f"hw/{name} - p1.ipynb",
            "folders": f"{name}/p1.ipynb",
            "brightspace": f"{number}-2 - {name} - Nov 20, 2026 1130 PM/p1.ipynb",
        }[lms]

    names = [unicodedata.normalize(form, name) for name in NAMES]
    files = {named(n, name): room.notebook(str(n)) for n, name in enumerate(names, 10)}
    report = collect(room.course, packed(tmp_path / "a.zip", files), lms=lms)
    assert report.skipped == []
    assert sorted(room.submitted().values()) == sorted(str(n) for n in range(10, 10 + len(names)))
    assert len(room.course.students("hw")) == len(names)
    hindi = next(student for student, text in room.submitted().items() if text == "10")
    assert "कुमार" in hindi  # its marks are there
    if lms in ("moodle", "classroom", "brightspace"):
        assert room.student(hindi).first_name == "कुमार"


def test_who_was_collected_once_keeps_the_id(room, tmp_path):
    """The roster forgotten in the second week, and a new name in the LMS, make no new student."""
    roster = tmp_path / "r.csv"
    roster.write_text('Student,ID,SIS User ID,Section\n"Roe, Ada",1,ar1,A\n"Li, Bo",2,bl1,A\n')
    week1 = packed(tmp_path / "a.zip", {"roeada_1_20001_p1.ipynb": room.notebook("1")})
    collect(room.course, week1, roster=roster)
    files = {
        "newname_1_20011_q.ipynb": room.notebook("2", "hw2"),
        "libo_2_20012_q.ipynb": room.notebook("2", "hw2"),
    }
    report = collect(room.course, packed(tmp_path / "b.zip", files))
    assert {student for student, _, _ in report.taken} == {"ar1", "bl1"}
    assert without_an_archive(roster) == {"ar1", "bl1"}


def test_an_own_list_may_call_its_columns_as_it_likes(room, tmp_path):
    roster = tmp_path / "r.csv"
    files = {
        "roeada_1_20001_p1.ipynb": room.notebook("a"),
        "libo_2_20002_p1.ipynb": room.notebook(),
    }
    path = packed(tmp_path / "a.zip", files)
    for text, ids in (
        ("Kürzel;Canvas\naroe;1\nboli;2\n", {"aroe", "boli"}),
        ("Nachname;Vorname;Matr.;Canvas-Nummer\nRoe;Ada;m11;1\nLi;Bo;m12;2\n", {"m11", "m12"}),
        ("Name;Canvas\nAda Roe;1\nBo Li;2\n", {"1", "2"}),
        ("Name;Matr.;Semester;Canvas\nAda Roe;4711;5;1\nBo Li;4712;5;2\n", {"4711", "4712"}),
    ):
        roster.write_text(text)
        report = collect(room.course, path, roster=roster)
        assert {student for student, _, _ in report.taken} == ids == without_an_archive(roster)


def test_names_find_each_other_however_they_are_spelled(room, tmp_path):
    files = {
        f"hw/{name} - p1.ipynb": room.notebook(name) for name in ("Nguyễn Thị Hồng", "राम कुमार")
    }
    roster = tmp_path / "r.csv"
    roster.write_text(
        unicodedata.normalize("NFD", "Matrikel,Nachname,Vorname\nv1,Nguyễn,Thị Hồng\nr2,कुमार,राम\n")
    )
    collect(room.course, packed(tmp_path / "a.zip", files), roster=roster)
    assert set(room.submitted()) == {"v1", "r2"} == without_an_archive(roster)
    assert room.student("v1").last_name == "Nguyễn"


def test_an_anonymous_archive_of_canvas(room, tmp_path, capsys):
    files = {
        "anon_aB3dE_20001_p1.ipynb": room.notebook("a"),
        "anon_LATE_11111_20002_p1.ipynb": room.notebook("b"),
    }
    path = packed(tmp_path / "a.zip", files)
    roster = tmp_path / "r.csv"
    roster.write_text("Student,ID,SIS User ID,Section\nAda,1,ar1,A\n")
    assert room.collect(path, "--roster", roster) == 0
    assert room.submitted() == {"anon_aB3dE": "a", "anon_11111": "b"}
    assert "This archive is anonymous" in capsys.readouterr().out
    assert room.number("anon_11111") is None and intake(room.course, "hw")["anon_11111"].late


def test_a_long_name_keeps_its_number(room, tmp_path):
    name = "Wolfeschlegelsteinhausenbergerdorff" * 2
    files = {f"{name}_{n}_assignsubmission_file/p1.ipynb": room.notebook(str(n)) for n in (17, 18)}
    collect(room.course, packed(tmp_path / "a.zip", files))
    assert sorted(room.submitted().values()) == ["17", "18"]
