"""Running the self-test: its part to the board, the board's records back, the board as it was."""

from __future__ import annotations

import argparse
import ast
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

from tcxo_firmware import SELFTEST_PART
from tcxo_protocol.framing import FrameDecoder
from tcxo_protocol.records import ProtocolError, parse_payload

from ...errors import DataError, LinkError, TcxoError
from ...link.i2c import I2cLink, parse_address
from .. import session as flash_session
from ..source_crc import source_crc32
from .analysis import analyse
from .finding import Finding
from .links import compare
from .plan import Output, Signal, choose_channels, output_of, signals, wire
from .recording import Recording
from .report import as_json, as_lines, exit_status

__all__ = ["part_source", "selftest"]

_ASK_BOARD = (
    "from board_config import BOARD\nfrom tcxo import SOURCE_CRC32\nprint(repr((BOARD, SOURCE_CRC32)))\n"
)
_OVER, _FAILED = b"selftest over", b"selftest failed: "
_SILENCE_S = 10.0
_END_PATIENCE_S = 5.0
_OVERHEAD_S = 60.0
_TAIL_BYTES = 2000
_RESTART_PATIENCE_S = 10.0


def selftest(arguments: argparse.Namespace, port: str) -> int:
    """The whole command; its exit status. However it ends, the board runs its own firmware again.

    Raises DataError for a board without this firmware, LinkError for one that goes away, KeyboardInterrupt when it is
    interrupted or told to end.
    """
    if arguments.i2c is not None:
        parse_address(arguments.i2c)  # a malformed one is told before the board is touched
    failure: BaseException | None = None
    with _ended_as_by_ctrl_c():
        with flash_session.Session(port) as session:
            board, channels, steps = _prepare(session, arguments.selftest)
            place = wire(board, channels)
            print(f"{port}: {board['name']}; the jumper wire goes {place}", file=sys.stderr)
            part = _Part(session)
            try:
                session.start(part_source(steps, channels, output_of(board)))
                recording, both = _record(part, steps, channels, arguments.i2c)
            except flash_session.BoardGone:
                raise  # it starts its own firmware when it comes back
            except BaseException as error:
                failure = error
                with _undisturbed():
                    part.end()
        with _undisturbed():
            is_running = _see_it_run(port)
    if failure is not None:
        raise failure
    findings = [*analyse(recording, channels, board["tick_hz"]), *both]
    if arguments.json:
        print(as_json(findings, board["name"], port, place))
    else:
        print("\n".join(as_lines(findings, place)))
    if not is_running:
        raise LinkError(f"the board on {port} does not run its firmware again: unplug it and plug it in")
    return exit_status(findings)


def _prepare(
    session: flash_session.Session, wanted: str | None
) -> tuple[Mapping[str, Any], Sequence[int], Sequence[Signal]]:
    """The board's data, the channels that the wire goes to, and the steps; where that fails, the board is restarted."""
    try:
        board = _ask(session)
        channels = choose_channels(board, wanted)
        output_of(board)
        return board, channels, signals(board, channels, board["tick_hz"])
    except BaseException:
        session.reset()
        raise


def part_source(steps: Sequence[Signal], channels: Sequence[int], output: Output) -> str:
    """What is sent to the board's prompt: its part without comments, and the call with this test's numbers."""
    tree = ast.parse(SELFTEST_PART.read_text())
    del tree.body[0]  # the docstring
    rows = [(s.rate_hz, s.prescaler, s.reload, s.duration_ms, s.before_wrap, s.pause_ms) for s in steps]
    where = {"pin": output.pin, "timer": output.timer, "channel": output.channel}
    return f"{ast.unparse(tree)}\nrun({rows!r}, {list(channels)!r}, {where!r})\n"


def _ask(session: flash_session.Session) -> Mapping[str, Any]:
    """The data that the board itself has."""
    try:
        board, crc = session.ask(_ASK_BOARD)
    except DataError:
        raise DataError("the capture firmware is not on this board", "run tcxo-flash first") from None
    if crc != source_crc32():
        raise DataError(
            f"the board's firmware is of other source ({crc:08x}) than this self-test's ({source_crc32():08x})",
            "run tcxo-flash first",
        )
    found: Mapping[str, Any] = board
    return found


class _Part:
    """What the board's part sends, until it is over or the board restarted. Raises LinkError when it falls silent."""

    def __init__(self, session: flash_session.Session) -> None:
        self.port = session.port
        self.tail = b""
        self._session = session
        self._heard_s = time.monotonic()

    @property
    def is_over(self) -> bool:
        """It let go of the board, which now restarts."""
        return _OVER in self.tail

    def read(self) -> bytes:
        """Bytes that came within some tenths of a second; nothing of what the board sends when it starts again."""
        data = self._session.read()
        now_s = time.monotonic()
        self._heard_s = now_s if data else self._heard_s
        before = len(self.tail)
        seen, over, _ = (self.tail + data).partition(_OVER)
        data = (seen + over)[before:]
        self.tail = (seen + over)[-_TAIL_BYTES:]
        if now_s - self._heard_s > _SILENCE_S:
            raise LinkError(
                f"the board on {self.port} fell silent in the self-test{self._last_words()}", "try again"
            )
        return data

    def check(self) -> None:
        """Raises DataError when it says that it broke off."""
        if _FAILED in self.tail:
            told = self.tail.partition(_FAILED)[2].splitlines()[0].decode(errors="replace")
            raise DataError(f"the self-test broke off on the board: {told}")

    def end(self) -> None:
        """Interrupt it where it is not over, and wait until it is, for some seconds."""
        if not self.is_over:
            self._session.interrupt()
        deadline_s = time.monotonic() + _END_PATIENCE_S
        with contextlib.suppress(LinkError):
            while not self.is_over and time.monotonic() < deadline_s:
                self.read()

    def _last_words(self) -> str:
        """A traceback is all that a part tells that could not even start."""
        lines = self.tail.partition(b"Traceback")[2].strip(b"\x04>\r\n ").splitlines()
        return f": {lines[-1].decode(errors='replace')}" if lines else ""


def _record(
    part: _Part, steps: Sequence[Signal], channels: Sequence[int], i2c: str | None
) -> tuple[Recording, list[Finding]]:
    """Everything until the board's part is over; with ``i2c`` what came that way at the same time, compared."""
    decoder = FrameDecoder()
    recording = Recording(line=decoder.counts)
    expected_s = sum(step.duration_ms + step.pause_ms for step in steps) / 1000
    deadline_s = time.monotonic() + 3 * expected_s + _OVERHEAD_S
    with contextlib.ExitStack() as stack:
        other: _OtherLink | None = None
        while not part.is_over and not recording.restarts:
            try:
                data = part.read()
            except flash_session.BoardGone:
                if not recording.is_ended:
                    raise
                break  # gone for its restart before its last words came
            for frame in decoder.feed(data):
                try:
                    recording.take(parse_payload(frame.payload))
                except ProtocolError as error:
                    raise DataError(f"the board on {part.port} sent an unreadable record: {error}") from None
            if i2c is not None and other is None and recording.identify is not None:
                other = stack.enter_context(_OtherLink(i2c))
            _tell_progress(recording, len(steps))
            if time.monotonic() > deadline_s:
                raise LinkError(f"the self-test on {part.port} does not come to an end")
    _end_progress()
    part.check()
    return recording, [compare(recording, other.recording, channels, other.trouble)] if other else []


class _OtherLink:
    """Reads the board's I2C memory in a thread of its own, as the daemon does. Use as a context manager."""

    def __init__(self, where: str) -> None:
        self.recording = Recording()
        self.trouble = ""
        self._link = I2cLink(where)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="selftest-i2c", daemon=True)

    def __enter__(self) -> _OtherLink:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        self._thread.join()
        self.recording.line = self._link.counts
        self._link.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                for received in self._link.read(0.2):
                    self.recording.take(parse_payload(received.payload))
            except (TcxoError, ProtocolError) as error:
                self.trouble = str(error)
                return


def _tell_progress(recording: Recording, steps: int) -> None:
    if sys.stderr.isatty():
        done = len(recording.steps)
        seconds = recording.statuses[-1].uptime_s if recording.statuses else 0
        what = "listening" if recording.quiet is None else f"step {min(done + 1, steps)} of {steps}"
        print(f"\r{what}, {seconds} s\x1b[K", end="", file=sys.stderr, flush=True)


def _end_progress() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _see_it_run(port: str) -> bool:
    """Whether the board's own firmware runs, after one more reset where it does not."""
    for is_last in (False, True):
        with contextlib.suppress(TcxoError):
            flash_session.wait_for_identify(port, _RESTART_PATIENCE_S)
            return True
        if not is_last:
            with contextlib.suppress(TcxoError), flash_session.Session(port) as session:
                session.reset()
    return False


@contextlib.contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """SIGTERM and a closed terminal end the test as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handling((signal.SIGTERM, signal.SIGHUP), interrupt):
        yield


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """What brings the board back is not interrupted itself."""
    with _handling((signal.SIGINT, signal.SIGTERM, signal.SIGHUP), signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handling(numbers: Sequence[signal.Signals], handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
