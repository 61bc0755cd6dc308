"""Send scores, comments and feedback pages to an assignment in Canvas, by its REST API.

Canvas itself tells what was sent already, because each page's name carries a digest of its content.
So a run that was cut off is continued by running it again, and nothing comes twice.
See Canvas's documentation: Submissions, File Uploads, Throttling, Pagination.

Looked at and not used: canvasapi. It makes an empty comment for each file, and neither waits when
Canvas asks for it nor says whether a request that failed has had an effect.
"""

import hashlib
import ipaddress
import re
import time
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import requests

from course.grading import CourseError
from course.grading.out.filled import reasons
from course.language import _, speaking
from course.plain import one_line

TOKEN = "CANVAS_TOKEN"
_ADDRESS = re.compile(r"(https?://[^/]+)/courses/(\d+)/assignments/(\d+)/?(?:[?#].*)?")
_LONGEST = 60  # seconds without a byte from Canvas
_IN_A_ROW = 5  # failures after which nothing more is tried
_TRIES = 8  # while Canvas says that it has had too many requests


class NotSent(Exception):
    """Canvas refused something, or did not answer; the text says what."""


@dataclass
class Sending:
    """What is to be sent about one student, and what Canvas has."""

    student: str
    score: float
    text: str
    pages: dict  # {name in Canvas: content}
    user: int = 0
    before: float | None = None  # the score in Canvas
    has_pages: bool = False

    @property
    def done(self):
        """Whether Canvas has all of it."""
        return self.has_pages and self.before == self.score

    def __str__(self):
        was = "" if self.before in (None, self.score) else f", instead of {self.before:g}"
        return f"{self.score:g}{was}{'' if self.has_pages else ', a comment with the page'}"


class Assignment:
    """An assignment in Canvas, by the address of its page.

    Raises CourseError for an address that is none, and without a token.
    """

    def __init__(self, address, token):
        found = _ADDRESS.fullmatch(address)
        if not found:
            raise CourseError(
                f"{one_line(address)} is not the address of an assignment in Canvas. It should "
                "look like https://canvas.example.edu/courses/12/assignments/345, as the browser "
                "shows it there."
            )
        self._host, course, assignment = found.groups()
        self._path = f"/api/v1/courses/{course}/assignments/{assignment}/submissions"
        if self._host.startswith("http:") and not _is_loopback(self._host):
            raise CourseError("A token is not sent without encryption: write https:// instead.")
        if not token:
            raise CourseError(
                f"There is no token for Canvas in {TOKEN}. Make one in Canvas (Account > Settings "
                f"> New Access Token), and type: export {TOKEN}=…"
            )
        self._session, self._token = requests.Session(), token

    def look(self, sendings, numbers):
        """Find each Sending's user and what Canvas has of it; returns the Sendings that were found.

        `numbers` is {student: Canvas's number or None}. A student without a number is found if the
        id is the SIS id or the login in Canvas.
        """
        users, ids = {}, {}  # a number of one user may be the id of another
        query = {"include[]": ["submission_comments", "user"], "per_page": 100}
        address, pages = self._host + self._path, 0
        while address and pages < 1000:
            answer = self._ask("GET", address, params=query if not pages else None)
            for about in _read(answer, kind=list):
                user = about.get("user") or {}
                users[str(about.get("user_id"))] = [about]
                for id_ in {user.get("sis_user_id"), user.get("login_id")} - {None, ""}:
                    ids.setdefault(str(id_).casefold(), []).append(about)
            address, pages = answer.links.get("next", {}).get("url"), pages + 1
            if address and urlsplit(address)[:2] != urlsplit(self._host)[:2]:
                raise NotSent(f"Canvas names a page on another server: {one_line(address)}")
        found = []
        for sending in sendings:
            number = numbers.get(sending.student)
            fits = users.get(number) if number else ids.get(sending.student.casefold())
            if fits and len({about["user_id"] for about in fits}) == 1:
                self._note(sending, fits[0])
                found.append(sending)
        return found

    def _note(self, sending, about):
        names = {
            attachment.get("display_name") or attachment.get("filename")
            for comment in about.get("submission_comments") or ()
            for attachment in comment.get("attachments") or ()
        }
        sending.user, sending.before = about["user_id"], about.get("entered_score", about["score"])
        sending.has_pages = set(sending.pages) <= names

    def send(self, sending):
        """Set the score, and add the comment with the pages unless Canvas has it.

        Raises NotSent.
        """
        address = f"{self._host}{self._path}/{sending.user}"
        data = {"submission[posted_grade]": f"{sending.score}"}
        if not sending.has_pages:
            data["comment[text_comment]"] = sending.text
            data["comment[file_ids][]"] = [
                self._uploaded(address, *page) for page in sending.pages.items()
            ]
        answer = _read(self._ask("PUT", address, data=data))
        if (has := answer.get("entered_score", answer.get("score"))) != sending.score:
            raise NotSent(f"Canvas has the score {has} now: look at it there")

    def send_all(self, sendings):
        """Yield (Sending, None, or why it was not sent); ends after `_IN_A_ROW` failures."""
        in_a_row = 0
        for sending in sendings:
            try:
                self.send(sending)
                in_a_row = 0
                yield sending, None
            except NotSent as error:
                in_a_row += 1
                yield sending, str(error)
            if in_a_row == _IN_A_ROW:
                return

    def _uploaded(self, address, name, content):
        """The number of a page as a file in Canvas, in the three steps of its File Uploads."""
        about = {"name": name, "size": len(content), "content_type": "text/html"}
        ticket = _read(self._ask("POST", f"{address}/comments/files", data=about), "upload_url")
        answer = self._ask(  # often to another host, which gets no token
            "POST", urljoin(self._host, ticket["upload_url"]), token=False,
            data=ticket.get("upload_params") or {}, files={"file": (name, content, "text/html")},
        )  # fmt: skip
        if location := answer.headers.get("Location"):
            location = urljoin(answer.url, location)
            own = urlsplit(location)[:2] == urlsplit(self._host)[:2]
            answer = self._ask("GET", location, token=own)
        return _read(answer, "id")["id"]

    def _ask(self, method, address, token=True, **options):
        """An answer of Canvas. Waits while there were too many requests. Raises NotSent."""

        def authorised(request):  # in place of what a .netrc says
            if token:
                request.headers["Authorization"] = f"Bearer {self._token}"
            return request

        for wait in range(_TRIES):
            try:
                answer = self._session.request(
                    method, address, auth=authorised, timeout=_LONGEST, allow_redirects=False,
                    **options,
                )  # fmt: skip
            except requests.RequestException as error:
                raise NotSent(f"Canvas cannot be reached ({type(error).__name__})") from None
            too_many = answer.status_code == 429 or (
                answer.status_code == 403 and "Rate Limit Exceeded" in answer.text
            )
            if not too_many:
                break
            time.sleep(_pause * 2**wait)
        if answer.status_code == 401:
            raise CourseError(f"Canvas does not accept the token in {TOKEN}. It may have expired.")
        if answer.status_code >= 400:
            raise NotSent(f"Canvas answers {answer.status_code}: {_said(answer)}")
        return answer


_pause = 1.0  # seconds before the second try; then twice as long each time


def sendings(course, everything, names):
    """A Sending for each final score whose page is there.

    `everything` are the Scored of one assignment, `names` its notebooks.
    """
    for one in everything:
        if one.final is None:
            continue
        folder = course.path("feedback", one.row["assignment"], one.row["student"])
        pages = {}
        for name in names:
            if (path := folder / f"{name}.html").exists():
                content = path.read_bytes()
                mark = hashlib.sha256(content).hexdigest()[:8]
                pages[f"feedback-{name}-{mark}.html"] = content
        with speaking(one.result.language):
            total = _("{points:g} of {maximum:g} points.")
        total = total.format(points=one.final, maximum=one.row["max_score"])
        text = [total, *reasons(one)]
        if pages:
            yield Sending(one.row["student"], round(one.final, 2), "\n".join(text), pages)


def _read(answer, field="", kind=dict):
    """The JSON of an answer, of a kind and with a field. Raises NotSent."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if isinstance(found, kind) and (not field or field in found):
        return found
    raise NotSent("Canvas's answer is not what its documentation says")


def _is_loopback(host):
    name = urlsplit(host).hostname
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _said(answer):
    """The first lines of an error, in which Canvas writes JSON or a page."""
    try:
        errors = answer.json().get("errors", answer.text)
        message = errors[0]["message"] if isinstance(errors, list) else str(errors)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        message = answer.reason or ""
    return one_line(message, 200)
