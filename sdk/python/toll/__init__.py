# SPDX-License-Identifier: Apache-2.0
"""Spans, counters and usage of a Python program, for `toll run`.

    import toll

    with toll.span("parse"):
        rows = parse(text)
        toll.rows(len(rows))

    @toll.spanned
    def load(path): ...

Under `toll run` the calls go through libtoll into memory that the recorder shares, about a microsecond each. Without
a recorder, or without the library, everything here does nothing. Nothing raises and nothing blocks.

The library is looked for in TOLL_LIBRARY (a path), in build/ of the source tree that this file lies in, and where the
system keeps libraries.

Spans nest per thread and may be used from any thread; a forked process (multiprocessing too) records as one of its own.
Tasks of asyncio share a thread: a span that is held across an `await` while other tasks run would enclose their work.
Put spans around what runs between awaits, or give each task's work to a thread (`asyncio.to_thread`).
"""

import ctypes
import functools
import inspect
import os
import pathlib
import warnings

__all__ = [
    "active", "agent", "bytes", "counter", "depends", "message_received", "requests", "rows", "span", "spanned",
    "token", "tokens_input", "tokens_output", "usage", "worker",
]

_TOKEN_BYTES = 64
_ROWS, _BYTES, _REQUESTS, _TOKENS_INPUT, _TOKENS_OUTPUT = range(5)
_WORKER, _AGENT = 1, 2
_DEPENDS, _MESSAGE = 1, 2


class _Span(ctypes.Structure):
    _fields_ = [("index", ctypes.c_ulonglong), ("thread", ctypes.c_void_p)]


def _candidates():
    given = os.environ.get("TOLL_LIBRARY")
    if given:
        return [given]
    built = pathlib.Path(__file__).resolve().parents[3] / "build" / "libtoll.so.0"
    return [str(built)] * built.is_file() + ["libtoll.so.0"]


def _load():
    """libtoll with its functions declared, or None: no recorder, no library, or one of another version."""
    holds = not os.environ.get("TOLL_SESSION") and os.environ.get("TOLL_HOLD_SPAN")
    if not os.environ.get("TOLL_SESSION") and not holds:
        return None
    for path in _candidates():
        try:
            # PyDLL keeps the interpreter's lock: a call is shorter than giving it up, but where an experiment holds a span.
            library = ctypes.CDLL(path) if holds else ctypes.PyDLL(path)
            declare = [
                ("toll_sdk_begin", _Span, [ctypes.c_char_p]),
                ("toll_sdk_end", None, [_Span]),
                ("toll_sdk_usage_known", None, [ctypes.c_uint, ctypes.c_double]),
                ("toll_sdk_usage", None, [ctypes.c_char_p, ctypes.c_double]),
                ("toll_sdk_counter", None, [ctypes.c_char_p, ctypes.c_double]),
                ("toll_sdk_track_begin", None, [ctypes.c_uint, ctypes.c_char_p]),
                ("toll_sdk_track_end", None, [ctypes.c_uint]),
                ("toll_sdk_token", None, [ctypes.c_char_p]),
                ("toll_sdk_edge", None, [ctypes.c_uint, ctypes.c_char_p]),
            ]
            for name, result, arguments in declare:
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
            library.state = ctypes.c_int.in_dll(library, "toll_state")
        except (OSError, AttributeError, ValueError) as error:
            if "TOLL_LIBRARY" in os.environ:
                warnings.warn(f"could not load TOLL_LIBRARY '{path}': {error}; the run has no spans of this program")
            continue
        return library if library.state.value else None
    return None


_library = _load()


def _text(name):
    """As libtoll wants it: bytes without a NUL."""
    return str(name).encode("utf-8", "replace").replace(b"\0", b"?")


def active():
    """Whether a recorder listens: for work that is only done to describe."""
    return _library is not None and _library.state.value != 0


class span:
    """A span of this thread's work: `with toll.span("parse"):`, or `@toll.span("parse")` around a function.

    A generator or coroutine function is spanned where it is called, not while it runs.
    """

    __slots__ = ("_name", "_open")

    def __init__(self, name):
        self._name = _text(name) if _library else name
        self._open = []

    def __enter__(self):
        if _library:
            self._open.append(_library.toll_sdk_begin(self._name))
        return self

    def __exit__(self, *exception):
        if self._open:
            _library.toll_sdk_end(self._open.pop())
        return False

    def __call__(self, function):
        if not _library:
            return function
        if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
            warnings.warn(f"the span of '{function.__qualname__}' ends before its body runs: put it inside", stacklevel=2)
        name = self._name

        @functools.wraps(function)
        def spanned_function(*arguments, **named):
            opened = _library.toll_sdk_begin(name)
            try:
                return function(*arguments, **named)
            finally:
                _library.toll_sdk_end(opened)

        return spanned_function


def spanned(function):
    """A span around each call of the function, with the function's name: `@toll.spanned`."""
    return span(function.__qualname__)(function)


class _Track:
    """Until its end, this thread does the work of a worker or agent."""

    __slots__ = ("_kind", "_name")

    def __init__(self, kind, name):
        self._kind, self._name = kind, _text(name)

    def __enter__(self):
        if _library:
            _library.toll_sdk_track_begin(self._kind, self._name)
        return self

    def __exit__(self, *exception):
        if _library:
            _library.toll_sdk_track_end(self._kind)
        return False


def worker(name):
    """`with toll.worker("worker 3"):` this thread does the work of that worker of this process."""
    return _Track(_WORKER, name)


def agent(name):
    """The same for an agent."""
    return _Track(_AGENT, name)


def usage(kind, amount):
    """Adds to what the innermost open span of this thread used; amounts of one kind add up."""
    if _library:
        _library.toll_sdk_usage(_text(kind), float(amount))


def rows(count):
    """Rows that the innermost open span worked through."""
    if _library:
        _library.toll_sdk_usage_known(_ROWS, float(count))


def bytes(count):  # pylint: disable=redefined-builtin
    """Bytes, likewise."""
    if _library:
        _library.toll_sdk_usage_known(_BYTES, float(count))


def requests(count=1):
    """Requests, likewise."""
    if _library:
        _library.toll_sdk_usage_known(_REQUESTS, float(count))


def tokens_input(count):
    """Tokens that a model read, likewise."""
    if _library:
        _library.toll_sdk_usage_known(_TOKENS_INPUT, float(count))


def tokens_output(count):
    """Tokens that a model wrote, likewise."""
    if _library:
        _library.toll_sdk_usage_known(_TOKENS_OUTPUT, float(count))


def counter(name, value):
    """The value of a metric from now on."""
    if _library:
        _library.toll_sdk_counter(_text(name), float(value))


def token():
    """A text that names this point of this thread's work, "" without a recorder; for depends() elsewhere."""
    if not _library:
        return ""
    buffer = ctypes.create_string_buffer(_TOKEN_BYTES)
    _library.toll_sdk_token(buffer)
    return buffer.value.decode("ascii")


def depends(text):
    """From here on, this thread's work needs what was done up to the point of the token."""
    if _library and text:
        _library.toll_sdk_edge(_DEPENDS, _text(text))


def message_received(text):
    """The same where the token came with a message that was just received."""
    if _library and text:
        _library.toll_sdk_edge(_MESSAGE, _text(text))
