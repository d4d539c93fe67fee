"""The lease by which a trial holds the file: it ends by itself, whatever becomes of the command."""

import json

import pytest
from tcxo_host.config.trial import HELD, LEASE_S, end_lease, held_reason, lease_path, write_lease

NOON_S = 1_800_014_400.0


@pytest.fixture
def path(tmp_path):
    return lease_path(tmp_path / "status.json")


def test_a_fresh_lease_holds_and_says_until_when(path):
    write_lease(path, NOON_S)
    assert held_reason(path) == f"{HELD} until 12:00:00 UTC"


def test_it_ends_when_the_command_takes_it_back_twice_too(path):
    write_lease(path, NOON_S)
    end_lease(path)
    end_lease(path)
    assert held_reason(path) == ""


def test_a_command_that_died_holds_it_no_longer_than_the_lease(path):
    write_lease(path, NOON_S, now_s=1000.0)
    assert held_reason(path, now_s=1000.0 + LEASE_S - 0.1)
    assert held_reason(path, now_s=1000.0 + LEASE_S) == ""


def test_a_lease_from_before_a_reboot_or_by_another_clock_is_none(path):
    write_lease(path, NOON_S, now_s=1000.0)
    assert held_reason(path, now_s=5.0) == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"7",
        b"null",
        b"[" * 100_000,
        b'{"kind": "tcxo-host trial"}',
        b'{"kind": "x", "expires_boottime_s": 1010, "until_utc_s": 1}',
        b'{"kind": "tcxo-host trial", "expires_boottime_s": NaN, "until_utc_s": 1}',
        b'{"kind": "tcxo-host trial", "expires_boottime_s": 1e999, "until_utc_s": 1}',
        b'{"kind": "tcxo-host trial", "expires_boottime_s": 1010, "until_utc_s": 1e99}',
        b'{"kind": "tcxo-host trial", "expires_boottime_s": 1010, "until_utc_s": NaN}',
        b'{"kind": "tcxo-host trial", "expires_boottime_s": 1010, "until_utc_s": ' + b"9" * 400 + b"}",
        b'{"kind": "tcxo-host trial", "expires_boottime_s": [], "until_utc_s": 1}',
        b" " * (2 << 20),
    ],
)
def test_anything_else_holds_nothing(path, content):
    path.write_bytes(content)
    assert held_reason(path, now_s=1000.0) == ""
    good = {"kind": "tcxo-host trial", "expires_boottime_s": 1010, "until_utc_s": 1}
    path.write_text(json.dumps(good))
    assert held_reason(path, now_s=1000.0)


def test_a_folder_at_its_place_holds_nothing(path):
    path.mkdir()
    assert held_reason(path) == ""
