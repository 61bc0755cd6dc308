"""A Canvas on this machine: one assignment, its submissions, files in three steps, and faults."""

import json
import re
import threading
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "7~secret"
_BASE = "/api/v1/courses/12/assignments/345/submissions"


class FakeCanvas:
    """`people` is {user: (SIS id, login)}. `faults` is a list of (method, path's end, fault).

    A fault happens once: a status; "cut" (the connection ends before anything is done), "lost" (it
    ends when all is done), "busy" (too many requests), or "page" (an error page in HTML).
    """

    def __init__(self, people, per_page=2):
        self.people, self.per_page, self.faults = people, per_page, []
        self.scores = dict.fromkeys(people)
        self.comments = {user: [] for user in people}  # (text, [file name])
        self.files, self.asked, self.strangers = {}, [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _do(self):
                outer._answer(self)

            do_GET = do_POST = do_PUT = _do

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self):
        self._thread.start()
        self.host = "http://{}:{}".format(*self._server.server_address)
        self.address = f"{self.host}/courses/12/assignments/345"
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, asked):
        length = int(asked.headers.get("Content-Length") or 0)
        body, url = asked.rfile.read(length), urlsplit(asked.path)
        self.asked.append((asked.command, url.path))
        fault = next(
            (f for f in self.faults if f[0] == asked.command and re.search(f[1], url.path)), None
        )
        if fault:
            self.faults.remove(fault)
        kind = fault and fault[2]
        if kind == "cut":
            asked.close_connection = True
            return
        if kind == "busy":
            self._say(asked, 403, b"403 Forbidden (Rate Limit Exceeded)\n")
        elif kind == "page":
            self._say(asked, 200, b"<html>Sign in</html>")
        elif isinstance(kind, int):
            self._say(asked, kind, {"errors": [{"message": "an error of the test"}]})
        else:
            to_files = url.path == "/upload"
            has_token = asked.headers.get("Authorization") == f"Bearer {TOKEN}"
            if to_files and has_token:
                self.strangers.append(url.path)  # the token went to the place for files
            if not has_token and not to_files:
                self._say(asked, 401, {"errors": [{"message": "Invalid access token."}]})
                return
            status, content, headers = self._done(asked, url, body)
            if kind == "lost":
                asked.close_connection = True
                return
            self._say(asked, status, content, headers)

    def _done(self, asked, url, body):
        query = parse_qs(url.query)
        if asked.command == "GET" and url.path == _BASE:
            page = int(query.get("page", ["1"])[0])
            users = list(self.people)[(page - 1) * self.per_page : page * self.per_page]
            more = page * self.per_page < len(self.people)
            link = {"Link": f'<{self.host}{_BASE}?page={page + 1}>; rel="next"'} if more else {}
            return 200, [self._about(user) for user in users], link
        if asked.command == "POST" and (
            found := re.fullmatch(rf"{_BASE}/(\d+)/comments/files", url.path)
        ):
            about = parse_qs(body.decode())
            params = {"name": about["name"][0], "user": found[1], "size": about["size"][0]}
            return 200, {"upload_url": f"{self.host}/upload", "upload_params": params}, {}
        if asked.command == "POST" and url.path == "/upload":
            head = f"Content-Type: {asked.headers['Content-Type']}\r\n\r\n".encode()
            parts = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
                for part in BytesParser().parsebytes(head + body).get_payload()
            }
            assert list(parts)[-1] == "file"  # Canvas ignores what comes behind it
            assert len(parts["file"]) == int(parts["size"])
            number = 100 + len(self.files)
            self.files[number] = (parts["name"].decode(), parts["file"], False)
            return 303, b"", {"Location": f"/files/{number}/create_success"}
        if found := re.fullmatch(r"/files/(\d+)/create_success", url.path):
            name, content, _ = self.files[int(found[1])]
            self.files[int(found[1])] = (name, content, True)
            return 200, {"id": int(found[1]), "display_name": name}, {}
        if asked.command == "PUT" and (found := re.fullmatch(rf"{_BASE}/(\d+)", url.path)):
            user, about = int(found[1]), parse_qs(body.decode())
            self.scores[user] = float(about["submission[posted_grade]"][0])
            if text := about.get("comment[text_comment]"):
                ids = [int(id_) for id_ in about.get("comment[file_ids][]", [])]
                assert all(self.files[id_][2] for id_ in ids)  # all three steps were taken
                self.comments[user].append((text[0], ids))
            return 200, self._about(user), {}
        return 404, {"errors": [{"message": "The specified resource does not exist."}]}, {}

    def _about(self, user):
        sis, login = self.people[user]
        comments = [
            {"comment": text, "attachments": [{"display_name": self.files[i][0]} for i in ids]}
            for text, ids in self.comments[user]
        ]
        score = self.scores[user]
        return {
            "user_id": user, "score": score, "entered_score": score,
            "user": {"id": user, "sis_user_id": sis, "login_id": login},
            "submission_comments": comments,
        }  # fmt: skip

    def _say(self, asked, status, content, headers=()):
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        asked.send_response(status)
        for name, value in {**dict(headers), "Content-Length": len(content)}.items():
            asked.send_header(name, str(value))
        asked.end_headers()
        asked.wfile.write(content)
