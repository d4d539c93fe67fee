"""``tcxo-flash``: put the firmware's files on a board that runs MicroPython, and check that it starts."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from importlib.metadata import version
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tcxo_protocol.json_names import boot_text, identify_values

from ..cli.program import Parser
from ..errors import DataError, TcxoError, missing_extra

if TYPE_CHECKING:  # mpremote may be missing
    from tcxo_protocol.records import Identify

    from .session import Plan, Session

__all__ = ["build_parser", "main"]

_EXIT_DIFFERS = 1
_EXIT_INTERRUPTED = 130
_RESTART_PATIENCE_S = 5

_EPILOG = """\
example:
  tcxo-flash --mpy                        find the board, install, show that it runs
  tcxo-flash --port /dev/ttyACM0 --check  only compare
  tcxo-flash --selftest                   let the board test itself; says where the jumper wire goes
  tcxo-flash --selftest all --i2c 1:0x55  all inputs joined, both links at once

exit status: 0 done, 1 files differ (--check) or a check failed (--selftest), 2 the jumper wire is not
right, 64 usage, 65 not the board meant or not started from its flash, 69 no board or package missing,
73 no room on the board, 130 interrupted
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = Parser(
        prog="tcxo-flash",
        description="Install the capture firmware on a board that runs MicroPython.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"tcxo-flash {version('tcxo-host')}")
    parser.add_argument("--port", help="serial port of the board (default: the one board on USB)")
    parser.add_argument("--board", help="which board it is (default: the one its MicroPython names)")
    parser.add_argument(
        "--mpy", action="store_true", help="install compiled modules: smaller, faster to start"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="only compare; exit status 1 if files differ")
    what.add_argument(
        "--selftest",
        nargs="?",
        const="",
        metavar="CHANNELS",
        help="let the board measure a signal of its own, through a jumper wire to these inputs (1,3 or gps_pps or all;"
        " default: the PWM's)",
    )
    parser.add_argument("--i2c", metavar="BUS:ADDRESS", help="with --selftest: read the board over I2C too")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout at the end; the rest goes to stderr"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command; its exit status."""
    parser = build_parser()
    arguments = parser.parse_args(argv)
    if arguments.selftest is None and arguments.i2c:
        parser.error("--i2c goes with --selftest")
    try:
        return _run(arguments)
    except TcxoError as error:
        print(f"tcxo-flash: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        left = "the board starts nothing half-copied: run tcxo-flash again"
        if arguments.selftest is not None:
            left = "nothing of the self-test is left on the board"
        print(f"\ntcxo-flash: interrupted; {left}", file=sys.stderr)
        return _EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace) -> int:
    if arguments.selftest is not None:
        return _selftest(arguments)
    if not arguments.json:
        return _flash(arguments)[0]
    with contextlib.redirect_stdout(sys.stderr):
        status, values = _flash(arguments)
    print(json.dumps(values))
    return status


def _find_board(arguments: argparse.Namespace) -> tuple[ModuleType, str]:
    """The module that talks to a board, and the board's port."""
    try:
        from . import session as flash_session
    except ImportError as error:
        raise missing_extra("flashing", str(error.name), "flash") from None
    from .files import files_for

    if arguments.board is not None:
        files_for(arguments.board)  # an unknown name is reported before anything is touched
    return flash_session, arguments.port or flash_session.find_port()


def _selftest(arguments: argparse.Namespace) -> int:
    _, port = _find_board(arguments)
    from .selftest.run import selftest

    return selftest(arguments, port)


def _flash(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Talk while doing it; the exit status, and what was found, done and heard for ``--json``."""
    flash_session, port = _find_board(arguments)
    from .files import board_data

    with flash_session.Session(port) as session:
        try:
            board, plan = _compare_and_copy(arguments, session)
        finally:
            # In any case: what the board ran was interrupted, and goes on.
            session.reset()
    if arguments.check:
        # Leave the board as it was, running; but what is there need not be what runs.
        running = None
        with contextlib.suppress(TcxoError):
            running = flash_session.wait_for_identify(port, _RESTART_PATIENCE_S)
        is_same = _tell_frozen(running) if running and not plan.has_modules else _tell(plan)
        return 0 if is_same else _EXIT_DIFFERS, _values(arguments, port, plan, running, is_same)
    stream = board_data(board)["stream"]
    if stream != "usb":
        print(
            f"running, but not on this port: {board} sends on UART {stream[0]} at {stream[1]} baud, or over I2C"
        )
        return 0, _values(arguments, port, plan, None, True)
    identify = flash_session.wait_for_identify(port)
    print(
        f"running: {identify.board}, firmware {identify.firmware_version}, {identify.tick_hz / 1e6:g} MHz ticks,"
        f" boot {boot_text(identify.boot_id)}, pins "
        + ", ".join(f"{channel.id} on {channel.pin}" for channel in identify.channels)
    )
    return 0, _values(arguments, port, plan, identify, True)


def _values(
    arguments: argparse.Namespace, port: str, plan: Plan, running: Identify | None, is_same: bool
) -> dict[str, Any]:
    """``differed``: what was missing or other before, ``in_the_way``: what would have been run instead of it;
    ``same``: whether the board has this firmware now; ``running``: who answered, None when nobody did in time."""
    return {
        "port": port,
        "checked_only": arguments.check,
        "differed": [file.path for file in plan.write],
        "in_the_way": list(plan.remove),
        "same": is_same,
        "running": identify_values(running) if running else None,
    }


def _compare_and_copy(arguments: argparse.Namespace, session: Session) -> tuple[str, Plan]:
    """Everything at the board's prompt. Returns which board it is, and what differed."""
    from .files import files_for, variants_of

    state = session.look()
    board = _choose_board(arguments.board, state.machine)
    print(f"{session.port}: {state.machine}, MicroPython {state.version.split('MicroPython ')[-1]}")
    session.check_folder(state)
    files = files_for(board, compiled=arguments.mpy)
    variants = variants_of(board) if arguments.board is None else []
    if variants:
        print(f"taken for {board}; with a clock from outside say --board {' or '.join(variants)}")
    plan = session.plan(files)
    if arguments.check:
        return board, plan
    if plan:
        session.check_space(plan, state)
        session.carry_out(plan, files[-1], _Progress())
        print(f"copied {len(plan.write)} of {len(files)} files for {board}")
    else:
        print(f"all {len(files)} files for {board} are there already")
    return board, plan


def _tell_frozen(running: Identify) -> bool:
    """Of a board that runs the application without having its files. True when it is this one's."""
    from .source_crc import source_crc32

    frozen, ours = running.firmware_crc32, source_crc32()
    print(
        f"frozen into the board's MicroPython: firmware {running.firmware_version} for {running.board}",
        end=", ",
    )
    if frozen == ours:
        print("made of the same source as these files")
    elif frozen is None:
        print("which does not tell its source (protocol 1.0)")
    else:
        print(f"made of other source ({frozen:08x}) than these files ({ours:08x})")
    return frozen == ours


def _tell(plan: Plan) -> bool:
    """What differs, a line each. True when nothing does."""
    for file in plan.write:
        print(f"differs: {file.path}")
    for path in plan.remove:
        print(f"in the way: {path}")
    print(f"{len(plan.write) + len(plan.remove)} files differ" if plan else "up to date")
    return not plan


def _choose_board(wanted: str | None, machine: str) -> str:
    from .files import board_data, board_for_machine, real_boards

    if wanted is None:
        found = board_for_machine(machine)
        if found is None:
            raise DataError(
                f"the board calls itself {machine!r}, which is none of {', '.join(real_boards())}:"
                " add a folder with its pins, or flash the right MicroPython"
            )
        return found
    expected = board_data(wanted)["machine"]
    if not machine.startswith(expected):
        raise DataError(f"this is not a {wanted}: its MicroPython says {machine!r}, not {expected!r}")
    return wanted


class _Progress:
    """A line that updates in place on a terminal, a line a file otherwise."""

    def __call__(self, path: str, done: int, size: int) -> None:
        if sys.stdout.isatty():
            print(
                f"\r{path}: {100 * done // max(size, 1)} %\x1b[K",
                end="\n" if done >= size else "",
                flush=True,
            )
        elif done >= size:
            print(f"{path}: {size} bytes")


if __name__ == "__main__":
    sys.exit(main())
