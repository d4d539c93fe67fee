"""Captures as Parquet, partitioned by board and day, and back: for DuckDB, Polars or Spark over years."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...capture.columns import Capture
from ...capture.session_columns import ChannelEdges, Session
from ...errors import DataError, OutputError, missing_extra
from .synthesis import Imported, ImportedChannel, Ticks, refuse_unfit

__all__ = ["read_parquet", "write_parquet"]

_ROWS = 500_000
_FREE_ROWS, _ROWS_PER_BYTE = 10_000, 4
"""What we write takes five bytes a row and more."""
_LONGEST_NAME = 60


def write_parquet(capture: Capture, folder: str) -> int:
    """``folder/edges`` and ``folder/status``, each ``board=NAME/day=YYYY-MM-DD/``; returns the edges written.

    Exporting the same capture again, or what it has grown to, replaces its files; other captures of the same
    board and day lie beside it, as the board's tick at their start is in their names. Raises OutputError and
    UnavailableError.
    """
    pa, _ = _pyarrow()
    written = 0
    for session in capture.sessions:
        for channel in session.channels.values():
            for start in range(0, channel.ticks.size, _ROWS):
                part = slice(start, start + _ROWS)
                _write(pa, f"{folder}/edges", session, channel.role, _edges(session, channel, part))
            written += channel.ticks.size
        if session.status.tick.size:
            status = session.status
            columns = {
                "utc_ns": np.rint(status.utc_s * 1e9).astype(np.int64),
                "tick": status.tick,
                "uptime_s": status.uptime_s,
                "mcu_c": status.mcu_c,
                "external_c": status.external_c,
            }
            _write(pa, f"{folder}/status", session, "status", columns)
    return written


def read_parquet(folder: str) -> Iterator[Imported]:
    """Each start of each board found under ``folder``, in the order of time. Raises DataError."""
    pa, pc = _pyarrow()
    ds = importlib.import_module("pyarrow.dataset")
    edges = Path(folder) / "edges"
    if not edges.is_dir():
        raise DataError(
            f"{folder}: has no folder 'edges': expected what tcxo-dump export --format parquet writes"
        )
    try:
        found = ds.dataset(edges, format="parquet", partitioning="hive")
        _refuse_bomb(found)
        table = found.to_table()
        keys = table.group_by(["board", "boot_id"]).aggregate([("utc_ns", "min")]).to_pylist()
        keys.sort(key=lambda each: each["utc_ns_min"])
        for key in keys:
            chosen = (pc.field("board") == key["board"]) & (pc.field("boot_id") == key["boot_id"])
            imported = _imported(table.filter(chosen), str(key["board"]), int(key["boot_id"]), pc)
            refuse_unfit(imported, folder)
            yield imported
    except (
        OSError,
        LookupError,
        TypeError,
        ValueError,
        OverflowError,
        ZeroDivisionError,
        pa.ArrowException,
    ) as error:
        told = (str(error).splitlines() or [""])[0][:200]
        raise DataError(
            f"{folder}: not what tcxo-dump export --format parquet writes ({type(error).__name__}: {told})"
        ) from None


def _refuse_bomb(dataset: Any) -> None:
    """Raises ValueError for more rows than the files' bytes can stand for: they would not fit the memory."""
    size = sum(Path(path).stat().st_size for path in dataset.files)
    rows = dataset.count_rows()
    if rows > _FREE_ROWS + _ROWS_PER_BYTE * size:
        raise ValueError(f"{rows} rows in {size} bytes")


def _imported(table: Any, board: str, boot_id: int, pc: Any) -> Imported:
    tick_hz = int(table["tick_hz"][0].as_py())
    channels = {}
    for role in sorted(set(table["channel"].unique().to_pylist())):
        rows = table.filter(pc.field("channel") == role).sort_by("tick")
        channels[role] = ImportedChannel(
            _whole(rows["tick"], 0, 1 << 62),
            float(rows["rate_hz"][0].as_py()),
            _whole(rows["number"], 0, 1 << 62),
            _whole(rows["flags"], 0, 255).astype(np.uint8),
        )
    first = table.sort_by("tick").slice(0, 1)
    start_utc_ns = int(first["utc_ns"][0].as_py()) - int(first["tick"][0].as_py()) * 1_000_000_000 // tick_hz
    if not 0 <= boot_id < 1 << 32:
        raise ValueError(f"boot_id {boot_id}")
    return Imported(channels, tick_hz, board[:_LONGEST_NAME], boot_id, start_utc_ns)


def _whole(column: Any, low: int, high: int) -> Ticks:
    """A column as int64. Raises ValueError for anything but whole numbers from ``low`` to ``high``."""
    values = column.to_numpy()
    if values.dtype.kind not in "iu" or (
        values.size and not low <= int(values.min()) <= int(values.max()) <= high
    ):
        raise ValueError(f"a column of {column.type} that is not whole numbers from {low} to {high}")
    whole: Ticks = values.astype(np.int64)
    return whole


def _edges(session: Session, channel: ChannelEdges, part: slice) -> dict[str, Any]:
    ticks = channel.ticks[part]
    index = np.arange(channel.ticks.size)[part]
    record = np.searchsorted(channel.starts, index, "right") - 1
    first = channel.starts[record] == index
    return {
        "utc_ns": np.rint(session.utc_of_tick(ticks) * 1e9).astype(np.int64),
        "channel": np.full(ticks.size, channel.role),
        "number": channel.numbers[record] + index - channel.starts[record],
        "tick": ticks,
        "flags": np.where(first, channel.flags[record], 0).astype(np.uint8),
        "rate_hz": np.full(ticks.size, channel.rate_hz),
        "tick_hz": np.full(ticks.size, session.identify.tick_hz, np.int64),
    }


def _write(pa: Any, folder: str, session: Session, name: str, columns: dict[str, Any]) -> None:
    who = session.identify
    size = columns["tick"].size
    days = columns["utc_ns"].astype("datetime64[ns]").astype("datetime64[D]")
    columns["boot_id"] = np.full(size, who.boot_id, np.int64)
    try:
        for day in np.unique(days):
            chosen = days == day
            target = Path(folder) / f"board={_safe(who.board)}" / f"day={day}"
            target.mkdir(parents=True, exist_ok=True)
            table = pa.table({key: values[chosen] for key, values in columns.items()})
            path = target / f"{who.boot_id:08x}-{name}-{columns['tick'][0]}.parquet"
            importlib.import_module("pyarrow.parquet").write_table(table, path, compression="zstd")
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from None


def _safe(board: str) -> str:
    return "".join(each if each.isalnum() or each in "-_." else "_" for each in board) or "unnamed"


def _pyarrow() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.compute")
    except ImportError:
        raise missing_extra("parquet", "pyarrow", "parquet") from None
