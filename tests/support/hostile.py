"""What a board may send in intact frames and cannot mean: a table of items, each for one second of its stream.

Stands in for a board with a broken counter, corrupted memory, another program in it, or somebody's wish. An
item gets the second's true records and returns the frames that come in their place. What it leaves out: frames
that are damaged on the line, which the decoder drops and ``test_framing`` holds.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tcxo_protocol.records import Channel, Edges, Identify, Record, Status, Text, build_record
from tcxo_protocol.spec import MAX_PAYLOAD, RecordType, Role

from support.streams import TICK_HZ, PerfectBoard, identify

BASE = 1000 * TICK_HZ
"""The stream's first tick: the board has been up for a while, so that there is room behind it."""
MASK64 = (1 << 64) - 1

PI_PPM, TCXO_PPM = 0.3, 1.0


@dataclass(frozen=True)
class Moment:
    """One second: its true records in order (edges, then the status), the board, seeded randomness."""

    records: Sequence[Record]
    board: Identify
    rng: random.Random

    @property
    def status(self) -> Status:
        (found,) = (each for each in self.records if isinstance(each, Status))
        return found

    @property
    def pwm(self) -> list[Edges]:
        return [each for each in self.records if isinstance(each, Edges) and each.channel == 2]


Frames = list[bytes]
Make = Callable[[Moment], Frames]


@dataclass(frozen=True)
class Item:
    """``seconds``: for how long in a row it comes. ``single``: one impossible record at a time, which costs
    next to nothing."""

    name: str
    make: Make
    seconds: int = 1
    single: bool = False


def frame(*records: Record) -> bytes:
    return b"".join(map(build_record, records))


def raw(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(2, "little") + body


def before(*made: Callable[[Moment], Record]) -> Make:
    """These records in frames of their own, then the true second."""
    return lambda m: [*(frame(each(m)) for each in made), frame(*m.records)]


def after(*made: Callable[[Moment], Record]) -> Make:
    return lambda m: [frame(*m.records), *(frame(each(m)) for each in made)]


def status_at(ticks: int) -> Callable[[Moment], Record]:
    """A status so many ticks from the true one."""
    return lambda m: replace(m.status, tick=(m.status.tick + ticks) & MASK64)


def absolute_status(tick: int) -> Callable[[Moment], Record]:
    return lambda m: replace(m.status, tick=tick)


def changed(channel: int, change: Callable[[Edges], Edges]) -> Make:
    """The true second with the first edges record of a channel changed."""

    def make(m: Moment) -> Frames:
        hit = next(each for each in m.records if isinstance(each, Edges) and each.channel == channel)
        return [frame(*(change(hit) if each is hit else each for each in m.records))]

    return make


def moved(ticks: int) -> Callable[[Edges], Edges]:
    return lambda e: replace(e, ticks=tuple((tick + ticks) & MASK64 for tick in e.ticks))


def numbered(by: int) -> Callable[[Edges], Edges]:
    return lambda e: replace(e, number=(e.number + by) % 2**32)


def told(**changes: object) -> Callable[[Moment], Record]:
    """An identify record that differs."""
    return lambda m: replace(m.board, **changes)  # type: ignore[arg-type]


def channels(*made: tuple[int, int, int]) -> tuple[Channel, ...]:
    return tuple(Channel(number, role, rate_mhz, "X1") for number, role, rate_mhz in made)


def random_status(m: Moment) -> Record:
    return replace(m.status, tick=m.rng.randrange(1 << 62))


def milliseconds(m: Moment) -> Frames:
    """A status every millisecond."""
    return [
        frame(replace(m.status, tick=m.status.tick - TICK_HZ + n * (TICK_HZ // 1000))) for n in range(1, 1000)
    ] + [frame(*m.records)]


def clusters(m: Moment) -> Frames:
    """Every PWM edge a hundred times, a tick apart."""
    parts = [
        frame(Edges(2, 0, (pwm.number + 100 * n) % 2**32, tuple(range(tick, tick + 100))))
        for pwm in m.pwm
        for n, tick in enumerate(pwm.ticks)
    ]
    return [*parts, frame(*(each for each in m.records if each not in m.pwm))]


def same_frame_again(m: Moment) -> Frames:
    return [frame(*m.records)] * 10


def tiny(m: Moment) -> Frames:
    return [raw(200, b"")] * 1000 + [b""] * 1000 + [frame(*m.records)]


def many_texts(m: Moment) -> Frames:
    text = "\x1b[2J\x1b]0;owned\x07\nNov 24 00:00:00 pi tcxo-host: state track\r" + "\u202e" * 9
    return [frame(*[Text(text)] * 8)] * 300 + [frame(*m.records)]


def many_bad(m: Moment) -> Frames:
    one = raw(RecordType.EDGES, b"\x63")
    return [one * (MAX_PAYLOAD // len(one))] * 100 + [frame(*m.records)]


ITEMS = [
    *(
        Item(f"status {ticks / TICK_HZ:+.3g} s", before(status_at(ticks)), single=True)
        for ticks in (1 << 32, 1 << 40, 3 * TICK_HZ, round(1.4 * TICK_HZ), -(1 << 32), -5 * TICK_HZ, -TICK_HZ)
    ),
    Item("status after its second +2^40", after(status_at(1 << 40)), single=True),
    Item("status at 0", before(absolute_status(0)), single=True),
    Item("status at 2^62", before(absolute_status(1 << 62)), single=True),
    Item("status at 2^63", before(absolute_status(1 << 63)), single=True),
    Item("status at 2^64-1", before(absolute_status(MASK64)), single=True),
    Item("each second twice a future status", before(status_at(1 << 40), status_at(1 << 40)), 5, single=True),
    Item("two future seconds", before(status_at(1 << 40), status_at((1 << 40) + TICK_HZ))),
    Item("four past seconds", before(*(status_at((n - 400) * TICK_HZ) for n in range(4)))),
    Item("statuses that decrease", lambda m: [frame(*m.records[:-1], status_at(-2 * m.status.tick % 97)(m))], 5),
    Item("statuses at random", lambda m: [frame(*m.records[:-1], random_status(m))], 8),
    Item("no status", lambda m: [frame(*m.records[:-1])], 30),
    Item("a status every millisecond", milliseconds, 3, single=True),
    Item("ten statuses in the frame", lambda m: [frame(*m.records, *[m.status] * 10)], 3, single=True),
    Item("the second ten times", same_frame_again, 3, single=True),
    *(
        Item(f"{name} {by:+.3g} ticks", changed(channel, moved(by)), single=True)
        for name, channel in (("PWM", 2), ("GPS", 0))
        for by in (1 << 32, 1 << 40, 1 << 61, -(1 << 32), 1 << 63)
    ),
    Item("PWM half a second late", changed(2, moved(TICK_HZ // 2)), single=True),
    Item("PWM number +2^31", changed(2, numbered(1 << 31)), single=True),
    Item("GPS number +2^31", changed(0, numbered(1 << 31)), single=True),
    Item("PWM numbers at random", lambda m: changed(2, numbered(m.rng.randrange(2**32)))(m), 8, single=True),
    Item("edges all at one tick", changed(2, lambda e: replace(e, ticks=(e.ticks[0],) * len(e.ticks))), single=True),
    Item("edges in clusters", clusters, 3),
    Item("edges of another channel", before(lambda m: Edges(9, 0, 0, (m.status.tick,))), 5, single=True),
    Item("flags of no meaning", changed(2, lambda e: replace(e, flags=255)), 5, single=True),
    Item("hot, cold, no supply", lambda m: [
        frame(*m.records[:-1], replace(m.status, mcu_c=m.rng.choice((327.67, -327.67)), supply_v=0.0))
    ], 5, single=True),
    Item("a count of channels that is not there", before(lambda m: replace(m.status, channels=())), single=True),
    Item("thousands of tiny frames", tiny, 2, single=True),
    Item("texts with escape sequences", many_texts, 2, single=True),
    Item("records that are cut off", many_bad, 2, single=True),
    Item("identify fifty times", before(*[told()] * 50), 3, single=True),
    Item("another boot for a moment", before(told(boot_id=77), told())),
    Item("a boot id that flaps", lambda m: [frame(replace(m.board, boot_id=m.rng.randrange(2))), frame(*m.records)], 9),
    Item("tick_hz 0", before(told(tick_hz=0))),
    Item("tick_hz 1", before(told(tick_hz=1))),
    Item("tick_hz doubled for a moment", before(told(tick_hz=2 * TICK_HZ), told())),
    Item("no channels", before(told(channels=()))),
    Item("rate 0", before(told(channels=channels((0, Role.GPS_PPS, 1000), (2, Role.HOST_PWM, 0))))),
    Item("rate 4 MHz", before(told(channels=channels((0, Role.GPS_PPS, 1000), (2, Role.HOST_PWM, 2**32 - 1))))),
    Item("one id twice", before(told(channels=channels((0, Role.GPS_PPS, 1000), (0, Role.HOST_PWM, 50_000))))),
    Item("one role twice", before(told(channels=channels((0, Role.GPS_PPS, 1000), (1, Role.GPS_PPS, 1000))))),
    Item("255 channels", before(told(channels=channels(*((n, n, 1000) for n in range(70)))))),
    Item("protocol 9.0", lambda m: [raw(RecordType.IDENTIFY, bytes([9, 0])), frame(*m.records)], 3),
    Item("a name that steers terminals", before(told(board="\x1b[31m\nforged"), told())),
]  # fmt: skip


class HostileBoard:
    """A healthy board (a perfect one, ``PI_PPM`` and ``TCXO_PPM`` off) whose seconds an item may take over."""

    def __init__(self, seed: int = 1) -> None:
        self.identity = identify()
        self.base = BASE
        """Added to every tick; a test may move it."""
        self._board = PerfectBoard(TCXO_PPM, PI_PPM, -2.0)
        self._rng = random.Random(seed)

    def identify(self) -> bytes:
        return frame(self.identity)

    def second(self, make: Make | None = None) -> Frames:
        """The payloads of the next second."""
        records: list[Record] = []
        for channel, (number, ticks) in enumerate(self._board.edges().values()):
            half = (len(ticks) + 1) // 2  # a board sends its edges twice a second
            for first, part in ((0, ticks[:half]), (half, ticks[half:])):
                if part:
                    moved_ticks = tuple(tick + self.base for tick in part)
                    records.append(Edges(channel, 0, number + first, moved_ticks))
        tick = self._board.tick_now() + self.base
        records.append(Status(tick // TICK_HZ, tick, 0, 0, 25.0, None, 3.3, ()))
        moment = Moment(records, self.identity, self._rng)
        return make(moment) if make else [frame(*records)]
