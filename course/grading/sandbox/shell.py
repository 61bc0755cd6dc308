"""The kernel in a box: IPython, asked over one socket, a line of JSON each way.

    {"id": 3, "run": "x = 1\\nx"}                  ->  {"id": 3, "outputs": [...], "count": 3}
    {"id": 4, "ask": {"name": "x", "ask": "value"}}  ->  {"id": 4, "reply": {"value": 1}}

Jupyter's own kernel needs five sockets, four threads and ten messages for the same: 9 ms for a
cell instead of 0.5, and 150 ms for its start instead of 25. And the grader need not parse Jupyter
messages from a hostile process. Everything here runs next to the student's code, so the grader
does not trust its replies.
"""

import base64
import functools
import io
import json
import os
import signal
import sys
import traceback

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from traitlets import Any, Type
from traitlets.config import Config

from course.evidence import observe
from course.language import N_, _, speaking, spoken

#: Magics that set up the student's own machine.
_SET_UP = {"conda", "load_ext", "mamba", "matplotlib", "micromamba", "pip", "reload_ext", "uv"}


class Outputs:
    """The outputs of a cell in order, in the form of a notebook file."""

    def __init__(self, most=float("inf"), flooded=None):
        self.left = most  # characters that may still be shown
        self.flooded = flooded  # called when more are shown
        self.begin()

    def begin(self):
        """Forget what was shown before."""
        self._list, self._by_id, self._clear = [], {}, False

    def text(self, name, text):
        """Add text on a stream; consecutive pieces become one output."""
        last = self._list[-1] if self._list and not self._clear else {}
        if last.get("name") == name:
            self._count(text)
            last["text"].append(text)
        else:
            self.add({"output_type": "stream", "name": name, "text": [text]})

    def add(self, output, display_id=None):
        """Add one output."""
        for value in [*output.get("data", {}).values(), *output.get("text", [])]:
            self._count(value)
        if self._clear:
            self.begin()
        self._list.append(output)
        if display_id is not None:
            self._by_id.setdefault(display_id, []).append(output)

    def update(self, display_id, data, metadata):
        """Replace the data of the outputs that this cell showed under an id."""
        for output in self._by_id.get(display_id, []):
            output.update(data=data, metadata=metadata)

    def clear(self, wait):
        """Remove all outputs, now or (`wait`) when the next one comes."""
        self._clear = wait
        if not wait:
            self.begin()

    def has_error(self):
        """Whether one of them is an error."""
        return any(output["output_type"] == "error" for output in self._list)

    def taken(self):
        """The outputs as plain data for JSON."""
        return [
            {**output, "text": "".join(output["text"])} if "text" in output else output
            for output in self._list
        ]

    def _count(self, value):
        self.left -= len(value) if isinstance(value, str) else 0
        if self.left < 0:
            self.flooded()


class Shell(InteractiveShell):
    """An IPython shell that records its outputs."""

    class Publisher(DisplayPublisher):
        """Receives the calls of `display`."""

        def publish(self, data, metadata=None, *_, transient=None, update=False, **__):
            """Write down a picture, a table, a text."""
            display_id, data = (transient or {}).get("display_id"), _sendable(data)
            if update:
                self.shell.shown.update(display_id, data, metadata or {})
                return
            made = {"output_type": "display_data", "data": data, "metadata": metadata or {}}
            self.shell.shown.add(made, display_id)

        def clear_output(self, wait=False):
            """Remove the cell's outputs so far."""
            self.shell.shown.clear(wait)

    class Hook(DisplayHook):
        """Receives the value of a cell's last line."""

        def write_output_prompt(self):
            """The number of the output is in the output."""

        def write_format_data(self, format_dict, md_dict=None):
            """Write down the value."""
            self.shell.shown.add(
                {
                    "output_type": "execute_result",
                    "execution_count": self.prompt_count,
                    "data": _sendable(format_dict),
                    "metadata": md_dict or {},
                }
            )

        def finish_displayhook(self):
            """No line follows."""

    display_pub_class = Type(Publisher)
    displayhook_class = Type(Hook)
    shown = Any()

    def showtraceback(self, exc_tuple=None, *args, **kwargs):
        """Show an error; for an interrupt only its line, as a full traceback takes seconds."""
        kind, _, frames = exc_tuple or sys.exc_info()
        if kind is not KeyboardInterrupt:
            super().showtraceback(exc_tuple, *args, **kwargs)
            return
        own = [n for f, n in traceback.walk_tb(frames) if "<ipython-input" in f.f_code.co_filename]
        self.shown.add(_error("KeyboardInterrupt", f"in line {own[0]}" if own else ""))

    def _showtraceback(self, etype, evalue, stb):
        self.shown.add(_error(str(etype.__name__), _said(evalue), map(str, stb)))

    def show_silent_error(self, ran):
        """Show the error of a cell whose traceback could not be made, or went elsewhere."""
        raised = ran.error_before_exec or ran.error_in_exec
        if raised is not None and not self.shown.has_error():
            self.shown.add(_error(type(raised).__name__, _said(raised)))

    def show_usage_error(self, exc):
        """Show that a magic is unknown or was not called rightly: the cell ends there."""
        self.shown.add(_error("UsageError", str(exc)))

    def run_line_magic(self, magic_name, line, _stack_depth=1):
        """Run a magic. One that is only for the student's editor or machine stops no cell."""
        try:
            return super().run_line_magic(magic_name, line, _stack_depth + 1)
        except Exception as error:
            unknown = isinstance(error, UsageError) and self.find_line_magic(magic_name) is None
            if not unknown and magic_name not in _SET_UP:
                raise
            self.shown.text("stderr", f"{type(error).__name__}: {error}\n")

    def enable_matplotlib(self, gui=None):
        """Pictures are shown inline, whatever the student's editor can do."""
        return super().enable_matplotlib("inline")

    def enable_gui(self, gui=None):
        """There are no windows."""

    def ask_exit(self):
        """`exit()` in a cell ends nothing."""


class _Stream(io.TextIOBase):
    """sys.stdout or sys.stderr of the kernel."""

    encoding = "utf-8"

    def __init__(self, shown, name):
        self._shown, self._name = shown, name

    def write(self, text):
        """Write down text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._shown.text(self._name, text)
        return len(text)

    def writable(self):
        """Yes."""
        return True

    def fileno(self):
        """The process's own stream, which leads nowhere."""
        return {"stdout": 1, "stderr": 2}[self._name]


def make():
    """Make the shell in the warm process, before any student code; its forks serve."""
    config = Config()
    config.HistoryManager.enabled = False  # it would start a thread
    shell = Shell.instance(config=config, shown=Outputs())
    shell.run_line_magic("matplotlib", "inline")
    _stay_without_windows()
    return shell


def _stay_without_windows():
    """Let `matplotlib.use("TkAgg")`, which works on the student's desktop, stop no cell."""
    from matplotlib import pyplot

    switch = pyplot.switch_backend  # `matplotlib.use` calls it, too

    @functools.wraps(switch)
    def switched(newbackend):
        try:
            switch(newbackend)
        except ImportError as error:
            print(error, file=sys.stderr)

    pyplot.switch_backend = switched


def serve(channel, most, longest, after):
    """Answer until the grader hangs up; call `after()` before each request.

    Ends the process if more than `most` characters are shown, or if the replies with outputs have
    more than `longest` bytes.
    """
    shell, room, kernel = Shell.instance(), longest, os.getpid()

    def say(line):
        channel.sendall(line + b"\n")

    def flooded():
        say(b'{"flooded": true}')
        os._exit(70)

    shell.shown = Outputs(most, flooded)
    streams = [_Stream(shell.shown, name) for name in ("stdout", "stderr")]
    lines = channel.makefile("rb")
    _ignore_interrupts()
    say(b'{"id": 0}')
    while line := lines.readline():
        after()
        request = json.loads(line)
        asked = request.get("ask", {})
        reply = None
        sys.stdout, sys.stderr = streams
        shell.shown.begin()
        try:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)
                if "run" in request:
                    shell.show_silent_error(shell.run_cell(request["run"], store_history=True))
                else:
                    reply = _reply(shell.user_ns, asked)
            finally:
                _ignore_interrupts()
        except KeyboardInterrupt:  # the grader knows that it interrupted
            _ignore_interrupts()
        except BaseException as error:  # IPython shows what a cell raises; its own ends nothing
            shell.shown.add(_error(type(error).__name__, "the cell could not be run"))
        if os.getpid() != kernel:  # a process that the student's code has forked answers nothing
            os._exit(0)
        if "run" not in request:
            reply = reply or _no_answer(asked, N_("it was interrupted"))
            said = _written(reply, functools.partial(_unreadable, asked))
            say(b'{"id": %d, "reply": %s}' % (request["id"], said))
            continue
        shown = b", ".join(_written(output, _not_shown) for output in shell.shown.taken())
        head = b'{"id": %d, "count": %d, ' % (request["id"], shell.execution_count - 1)
        line = head + b'"outputs": [' + shown + b"]}"
        room -= len(line)
        if room < 0:
            flooded()
        say(line)


def _reply(names, request):
    """The reply to a request, or the reason why there is none; a student's objects may raise."""
    try:
        return observe.answer(names, request)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _unreadable(request, error)


def _unreadable(request, error):
    return _no_answer(request, N_("it cannot be read: {error}"), error=type(error).__name__)


def _no_answer(request, said, **names):
    """The reply that there is none, in the language of the request."""
    with speaking(request.get("language") or spoken()):
        return {"failed": "NO_ANSWER", "text": _(said).format(**names)}


def _not_shown(error):
    return _error(type(error).__name__, "what the cell showed here cannot be written down")


def _written(value, otherwise):
    """A value as JSON; if that fails, `otherwise(error)` as JSON."""
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except BaseException as error:  # of a student's own `__str__`, too
        text = json.dumps(otherwise(error))
    return text.encode("utf-8", "surrogatepass")


def _ignore_interrupts():
    """Ignore interrupts from now on, including one that is on its way."""
    while True:
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            return
        except KeyboardInterrupt:
            continue


def _error(name, text, lines=()):
    lines = list(lines) or [f"{name}: {text}" if text else name]
    return {"output_type": "error", "ename": name, "evalue": text, "traceback": lines}


def _said(error):
    try:
        return str(error)
    except BaseException:  # of the student's own class
        return ""


def _sendable(data):
    """{MIME type: data} of an output, with pictures in base64."""
    return {
        str(kind): base64.b64encode(value).decode() if isinstance(value, bytes) else value
        for kind, value in data.items()
    }
