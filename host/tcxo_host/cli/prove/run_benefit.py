"""``tcxo-host prove --benefit``: run the blocks beside the daemon, then compare what chrony logged in them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

from ...config.settings import Config
from ...config.trial import HELD, end_lease, lease_path, write_lease
from ...daemon.state_file import StateFile
from ...errors import ConfigError, DataError, OutputError, PermissionRefused, UnavailableError, UsageError
from ...files import replace_file
from ...pi.root import Root
from .blocks import Block, as_values, from_values, pairs_of, plan
from .chrony_logs import log_folder, read_series
from .effect import LEAST_PAIRS, Comparison, compare
from .lock import only_one
from .machine import ChronydWatch, read_status, settings
from .progress_line import ProgressLine
from .report import as_page, as_text

__all__ = ["run_benefit"]

KIND = "tcxo-host benefit"
FILE_NAME = "benefit.json"
TICK_S = 5.0
GRACE_S = 15.0
"""The daemon takes a second to follow the lease, and longer when it is busy."""
MOST_MISSED = 0.1
"""A block in which the daemon did otherwise for a larger share of the time does not count."""


def run_benefit(args: argparse.Namespace, seconds: float, block_s: float, settle_s: float) -> int:
    """0 it helps, 1 no difference seen or too little known, 2 it harms."""
    config = settings(args.config)
    if config.output.measure_only and not args.again:
        raise ConfigError("the daemon only measures (output.measure_only): there is nothing to compare")
    if config.output.baseline_ppm() is not None and not args.again:
        raise ConfigError(
            "output.baseline is a fixed number, so after each held block the file would jump to where the crystal is:"
            ' set baseline = "auto", and restart the daemon'
        )
    folder = log_folder(Root(), args.logs)
    if args.output not in (None, "-") and not os.access(Path(args.output).absolute().parent, os.W_OK):
        raise OutputError(f"{args.output}: its folder is not there, or cannot be written")
    record = StateFile(Path(config.state.path or config.output.status).with_name(FILE_NAME), KIND)
    blocks, settle_s = _earlier(record) if args.again else (
        _run(config, plan(seconds, block_s, _seed(args)), block_s, settle_s, record),
        settle_s,
    )  # fmt: skip
    if not blocks:
        raise DataError("not one block was finished, so there is nothing to compare")
    series = read_series(folder, blocks[0].start_utc_s)
    found = [compare(each, pairs_of(blocks), settle_s) for each in series]
    if args.output != "-":
        print(json.dumps(_values(found, blocks, settle_s)) if args.json else as_text(found, blocks, settle_s))
    if args.output:
        _write_page(args.output, as_page(found, blocks, settle_s))
    return {"helps": 0, "harms": 2}.get(found[0].verdict, 1)


def _seed(args: argparse.Namespace) -> int:
    return random.SystemRandom().getrandbits(32) if args.seed is None else int(args.seed)


def _run(config: Config, arms: list[str], block_s: float, settle_s: float, record: StateFile) -> list[Block]:
    if len(arms) < 2 * LEAST_PAIRS:
        raise UsageError(
            f"so short a time has {len(arms)} blocks of {block_s / 60:g} min: at least {2 * LEAST_PAIRS} are needed"
        )
    if settle_s > block_s * 0.8:
        raise UsageError("--settle leaves too little of a block")
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup: a closed terminal shall not end it; a shell's "&" has us ignore SIGINT, which shall
        if signal_number != signal.SIGHUP or signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            signal.signal(signal_number, signal.default_int_handler)
    read_status(config)
    watch = ChronydWatch(Root(), config)
    lease, line, blocks = lease_path(config.output.status), ProgressLine(), []
    start, kept = time.monotonic(), True
    with only_one(lease.with_name(".trial.lock")):
        try:
            for number, arm in enumerate(arms):
                when = number * block_s, len(arms) * block_s
                blocks.append(_block(config, watch, lease, arm, block_s, when, line))
                kept = _keep(record, blocks, settle_s, line, kept)
                _refuse_a_deaf_daemon(blocks)
        except KeyboardInterrupt:
            minutes = (time.monotonic() - start) / 60
            line.say(f"ended after {minutes:.0f} min: compensation is on; what follows is from a part")
        except OutputError as error:
            if not blocks:
                raise
            line.say(f"ended: {error}; what follows is from a part")
        finally:
            end_lease(lease)
            line.close()
    return blocks


def _block(
    config: Config,
    watch: ChronydWatch,
    lease: Path,
    arm: str,
    block_s: float,
    when: tuple[float, float],
    line: ProgressLine,
) -> Block:
    """One block, from now on."""
    start_utc_s, start = time.time(), time.monotonic()
    watch.begin()
    missed, reason, changed, ticks = 0, "", "", 0
    if arm == "on":
        end_lease(lease)
    while (now := time.monotonic()) < start + block_s:
        if arm == "held":
            _hold(lease, start_utc_s + block_s)
        time.sleep(min(TICK_S, max(0.0, start + block_s - now)))
        if time.monotonic() - start > min(GRACE_S, block_s / 4):
            ticks += 1
            problem = _not_as_wanted(config, arm)
            missed, reason = missed + bool(problem), problem or reason
        changed = changed or watch.changed()
        about = changed or reason
        line.show(when[0] + now - start, when[1], f"{arm:4}{f'  ({about})' if about else ''}")
    if not changed and missed > MOST_MISSED * max(ticks, 1):
        changed = reason
    return Block(arm, start_utc_s, max(time.time(), start_utc_s + 1.0), changed)


def _hold(lease: Path, until_utc_s: float) -> None:
    try:
        write_lease(lease, until_utc_s)
    except PermissionError:
        raise PermissionRefused(f"{lease} cannot be written", "run this with sudo") from None
    except OSError as error:
        raise OutputError(f"{lease} cannot be written ({error.strerror}); compensation is on") from None


def _not_as_wanted(config: Config, arm: str) -> str:
    """Why this second does not count for ``arm``, or an empty text."""
    try:
        status = read_status(config)
    except UnavailableError as error:
        return str(error)
    reason = str(status.get("reason"))
    if arm == "held":
        return "" if HELD in reason else f"not held: {status.get('state')} {reason}".strip()
    return "" if status.get("published_ppm") is not None else f"nothing published: {reason}"


def _refuse_a_deaf_daemon(blocks: list[Block]) -> None:
    held = [each for each in blocks if each.arm == "held"]
    if len(held) == 1 and held[0] is blocks[-1] and "not held: track" in held[0].problem:
        raise UnavailableError(
            "the daemon tracks, but does not hold when it is asked to: is it of an older version?",
            "sudo systemctl restart tcxo-host",
        )


def _keep(record: StateFile, blocks: list[Block], settle_s: float, line: ProgressLine, kept: bool) -> bool:
    """Whether they are kept for ``--again``; said when that ends."""
    problem = record.save({"blocks": as_values(blocks), "settle_s": settle_s})
    if problem and kept:
        line.say(f"the blocks are not kept: {problem}")
    return not problem


def _earlier(record: StateFile) -> tuple[list[Block], float]:
    content, problem = record.load()
    if content is None:
        raise DataError(problem or f"{record.path} is not there: no comparison was run yet")
    try:
        return from_values(content), float(content.get("settle_s", 0.0))
    except (ValueError, TypeError) as error:
        raise DataError(f"{record.path} cannot be used: {error}") from None


def _write_page(path: str, page: str) -> None:
    if path == "-":
        print(page, end="")
        return
    try:
        replace_file(Path(path), page.encode())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror}") from None


def _values(found: list[Comparison], blocks: list[Block], settle_s: float) -> dict[str, Any]:
    return {
        "verdict": found[0].verdict,
        "settle_s": settle_s,
        "blocks": [dataclasses.asdict(each) for each in blocks],
        "comparisons": [dataclasses.asdict(each) for each in found],
    }
