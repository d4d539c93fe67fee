"""While a trial holds the file, its age is no warning; once the trial's word is gone it is one again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tcxo_host.config.settings import Config
from tcxo_host.config.trial import HELD
from tcxo_host.pi.doctor.board_look import BoardLook
from tcxo_host.pi.doctor.check import Level, Subject
from tcxo_host.pi.doctor.check_service import check_output
from tcxo_host.pi.root import Root


@pytest.mark.parametrize(
    ("state", "level", "text"),
    [
        (f"track: {HELD} until 12:00:00 UTC", Level.OK, "-1.250000 ppm, held by a trial until 12:00:00 UTC"),
        ("track", Level.WARN, "on hold"),
    ],
)
def test_the_age_of_a_held_file(tmp_path: Path, state: str, level: Level, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/tcxo").write_text("-1.250000\n")
    board = BoardLook("status.json", state=state)
    finding = check_output(Subject(Root(tmp_path), Config(), board=board, now_s=time.time() + 1800))
    assert finding.level is level
    assert text in finding.text
