"""Scores and pages sent to Canvas: all of it once, whatever breaks on the way."""

import pytest
from nbgrader.api import Gradebook

from course.grading.folder import CourseFolder
from course.grading.out import canvas
from tests.canvas import TOKEN, FakeCanvas
from tests.school import School

LOST = ("conv2", "PADDING", "It is <valid>, the table has 2.")


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    school = School(tmp_path_factory.mktemp("school"))
    school.hand_in("ada", shapes=[LOST], lms_user_id="7")
    school.hand_in("bo", days_late=2)  # is known to Canvas by the SIS id
    school.hand_in("cy")  # by the login
    school.hand_in("essay", manual=None, lms_user_id="10")
    school.hand_in("nobody")
    return school


@pytest.fixture
def there(monkeypatch):
    monkeypatch.setenv("CANVAS_TOKEN", TOKEN)
    monkeypatch.setattr(canvas, "_pause", 0.01)
    people = {
        7: ("s7", "ada@uni"),
        8: ("Bo", "b"),
        9: (None, "cy"),
        10: ("s10", "e"),
        11: ("x", "y"),
    }
    with FakeCanvas(people) as there:
        yield there


def send(school, there, *arguments):
    return school.course("send", "hw", "--canvas", there.address, *arguments)


def complete(there):
    assert there.scores == {7: 14, 8: 18, 9: 20, 10: None, 11: None}
    assert {user: len(said) for user, said in there.comments.items()} == {
        7: 1, 8: 1, 9: 1, 10: 0, 11: 0,
    }  # fmt: skip
    for user, name in ((7, b"ada"), (8, b"bo"), (9, b"cy")):
        ((_, (file,)),) = there.comments[user]
        assert name in there.files[file][1]  # everybody's own page
    assert not there.strangers
    return True


def test_first_it_only_says_what_it_would_send(school, there, capsys):
    assert send(school, there) == 0
    said = capsys.readouterr().out
    assert "would send  ada  14, a comment with the page" in said
    assert "not in Canvas: nobody" in said
    assert "not final: essay  needs manual grade" in said
    assert "In Canvas already: 0. To be sent with --go: 3." in said
    assert {method for method, _ in there.asked} == {"GET"}


def test_everything_is_sent_once(school, there, capsys):
    assert send(school, there, "--go") == 0 and complete(there)
    assert there.comments[7][0][0] == "14 of 20 points.\n−6 shapes: It is <valid>, the table has 2."
    assert there.comments[8][0][0] == "18 of 20 points.\n−2 handed in late"
    count = len(there.asked)
    capsys.readouterr()
    assert send(school, there, "--go") == 0 and complete(there)
    assert "In Canvas already: 3. Sent: 0." in capsys.readouterr().out
    assert {method for method, _ in there.asked[count:]} == {"GET"}


def test_a_changed_score_comes_with_its_new_page(school, there, capsys):
    assert send(school, there, "--go", "--student", "ada") == 0
    with Gradebook(CourseFolder(school.folder).database) as gradebook:
        grade = gradebook.find_grade("essay", "p1", "hw", "ada")
        grade.manual_score = 3
        gradebook.db.commit()
    try:
        assert send(school, there, "--go", "--student", "ada") == 0
        assert "sent  ada  11, instead of 14, a comment with the page" in capsys.readouterr().out
        assert there.scores[7] == 11 and len(there.comments[7]) == 2
    finally:
        with Gradebook(CourseFolder(school.folder).database) as gradebook:
            gradebook.find_grade("essay", "p1", "hw", "ada").manual_score = 6
            gradebook.db.commit()


FAULTS = {
    "a file is refused": ("POST", r"/7/comments/files", 400),
    "an upload breaks off": ("POST", r"/upload", "cut"),
    "an upload arrives, its answer is lost": ("POST", r"/upload", "lost"),
    "a file is not confirmed": ("GET", r"create_success", 500),
    "the score is refused": ("PUT", r"/8$", 422),
    "the score arrives, its answer is lost": ("PUT", r"/8$", "lost"),
    "a page in place of an answer": ("PUT", r"/7$", "page"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_broke_is_told_and_a_second_run_completes_it(school, there, capsys, fault):
    there.faults.append(FAULTS[fault])
    assert send(school, there, "--go") == 1
    said = capsys.readouterr().out
    assert said.count("NOT sent") == 1 and "Not sent: 1. Run it again" in said
    assert send(school, there, "--go") == 0 and complete(there)


def test_it_waits_while_there_are_too_many_requests(school, there):
    for method, path in (("GET", "submissions"), ("POST", "/7/"), ("POST", "upload"), ("PUT", "")):
        there.faults += [(method, path, "busy")] * 2
    there.faults.append(("PUT", "", 429))
    assert send(school, there, "--go") == 0 and complete(there)
    assert not there.faults


def test_it_stops_if_nothing_works(tmp_path, there, capsys):
    school = School(tmp_path)
    for number in range(7):
        there.people[number + 20] = (f"s{number}", "")
        there.scores[number + 20], there.comments[number + 20] = None, []
        school.hand_in(f"s{number}")
    there.faults += [("POST", "files", 503)] * 9
    assert send(school, there, "--go") == 1
    said = capsys.readouterr().out
    assert "Canvas answers 503: an error of the test" in said
    assert said.count("NOT sent") == 5 and "Not sent: 7, as the rest was not tried" in said


@pytest.mark.parametrize(
    "address, token, why",
    [
        ("https://canvas.example.edu/courses/12", TOKEN, "is not the address of an assignment"),
        ("http://canvas.example.edu/courses/1/assignments/2", TOKEN, "write https:// instead"),
        (None, "", "There is no token for Canvas in CANVAS_TOKEN"),
        (None, "wrong", "Canvas does not accept the token"),
    ],
)
def test_what_is_missing_is_said(school, there, monkeypatch, capsys, address, token, why):
    monkeypatch.setenv("CANVAS_TOKEN", token)
    assert school.course("send", "hw", "--canvas", address or there.address, "--go") == 1
    assert why in capsys.readouterr().err
    assert there.scores[7] is None


def test_who_gets_no_page_is_told(tmp_path, there, capsys):
    school = School(tmp_path)
    school.hand_in("ada", lms_user_id="7")
    school.hand_in("bo", lms_user_id="8")
    school.judged("ada").write_text("{")
    assert send(school, there, "--go") == 1
    said = capsys.readouterr().out
    assert "no page, so nothing is sent: ada  " in said and "not appear to be JSON" in said
    assert there.scores[7] is None and there.scores[8] == 20


def test_a_number_of_canvas_is_nobodys_id(tmp_path, there, capsys):
    school = School(tmp_path)
    school.hand_in("9")  # an id of the course's; Canvas has a user of that number
    assert send(school, there, "--go") == 0
    assert "not in Canvas: 9" in capsys.readouterr().out and there.scores[9] is None


def test_a_page_of_another_server_is_not_asked_for(school, there, capsys, monkeypatch):
    done = there._done

    def elsewhere(*asked):
        link = {"Link": '<https://elsewhere.example/api>; rel="next"'}
        return *done(*asked)[:2], link

    monkeypatch.setattr(there, "_done", elsewhere)
    assert send(school, there, "--go") == 1
    said = "Canvas names a page on another server: https://elsewhere.example/api. Nothing was sent."
    assert said in capsys.readouterr().err


def test_a_score_that_canvas_changes_is_told(school, there, capsys, monkeypatch):
    done = there._done

    def changed(asked, *rest):
        status, content, headers = done(asked, *rest)
        if asked.command == "PUT":
            content["entered_score"] -= 1  # as an assignment with a late policy does
        return status, content, headers

    monkeypatch.setattr(there, "_done", changed)
    assert send(school, there, "--go", "--student", "cy") == 1
    assert "NOT sent  cy: Canvas has the score 19.0 now" in capsys.readouterr().out


def test_a_canvas_that_is_not_there(school, there, capsys):
    there.faults.append(("GET", "", "cut"))
    assert send(school, there, "--go") == 1
    assert "cannot be reached (ConnectionError). Nothing was sent." in capsys.readouterr().err
