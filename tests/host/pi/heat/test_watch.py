"""Where rows go: record, status, tallies; a full disk stops no control."""

import dataclasses
import json

import pytest
from tcxo_host.errors import DataError, OutputError
from tcxo_host.pi.heat.averages import Averages, Row, row_of
from tcxo_host.pi.heat.learn.sweep import learned_reach
from tcxo_host.pi.heat.oven.oven import Command
from tcxo_host.pi.heat.oven.reading import Reading
from tcxo_host.pi.heat.record import Record, read_rows
from tcxo_host.pi.heat.watch import Watch

ROW = Row(0.0, 1.0, 60.0, 1.0, 0.5, 1.25, 60.0)


def rows(*celsius_and_burn):
    return [
        dataclasses.replace(ROW, t_s=10.0 * n, celsius=celsius, burn_cores=burn)
        for n, (celsius, burn) in enumerate(celsius_and_burn)
    ]


def test_a_record_is_read_back_as_it_was(tmp_path):
    record = Record(tmp_path / "a" / "hold.jsonl")
    for row in rows((60.0, 1.0), (60.1, 0.9)):
        record.add(row)
    assert read_rows(tmp_path / "a" / "hold.jsonl") == rows((60.0, 1.0), (60.1, 0.9))


def test_a_line_without_its_end_is_left_out(tmp_path):
    path = tmp_path / "hold.jsonl"
    record = Record(path)
    record.add(ROW)
    with open(path, "a") as file:
        file.write('{"t_s": 1')
    assert read_rows(path) == [ROW]


def test_learning_anew_keeps_the_old_record_aside(tmp_path):
    path = tmp_path / "learn.jsonl"
    Record(path).add(ROW)
    Record(path, anew=True)
    assert read_rows(path) == []
    assert read_rows(tmp_path / "learn.jsonl.1") == [ROW]


def test_a_full_disk_is_told_once_and_stops_nothing(tmp_path, monkeypatch, caplog):
    record = Record(tmp_path / "hold.jsonl")
    watch = Watch("hold", record, tmp_path / "status.json")

    def full(self, row):
        raise OutputError("hold.jsonl: cannot be written: No space left on device")

    monkeypatch.setattr(Record, "add", full)
    for row in rows(*[(60.0, 1.0)] * 5):
        watch.take(row, Command((0.5,), set_point_c=60.0))
    assert [each.message for each in caplog.records].count(
        "hold.jsonl: cannot be written: No space left on device"
    ) == 1
    assert json.loads((tmp_path / "status.json").read_text())["temperature_c"] == 60.0


def test_the_way_to_the_set_point_is_no_part_of_the_spread(tmp_path):
    watch = Watch("hold", Record(tmp_path / "hold.jsonl"), tmp_path / "status.json")
    for row in rows((40.0, 3.0), (50.0, 3.0), (59.9, 1.0), (60.0, 1.0), (60.1, 1.0)):
        watch.take(row, Command((0.5,)))
    values = json.loads((tmp_path / "status.json").read_text())
    assert values["temperature_std_k"] == pytest.approx(0.0816, abs=1e-3)
    assert values["watts"] == pytest.approx(1.1)


def test_a_row_is_the_mean_of_its_readings():
    averages, made = Averages("hold"), []
    for n in range(60):
        reading = Reading(n * 0.25, 50.0 + n % 2, (0.5, 0.0), (0.0, 1.0), 0, 2.0 if n % 4 == 0 else None)
        made.append(averages.add(reading, 100.0))
    (row,) = [each for each in made if each]
    assert (round(row.celsius, 1), row.burn_cores, row.work_cores, row.ppm) == (50.5, 1.0, 0.5, 2.0)


@pytest.mark.parametrize(
    "change",
    [
        {"t_s": None},
        {"ppm": 1e300},
        {"celsius": "60"},
        {"mode": 3},
        {"burn_cores": float("nan")},
        {"x": 1},
        {"ppm": True},
    ],
)
def test_a_row_that_no_run_can_have_written_is_refused(change):
    with pytest.raises(ValueError, match="cannot be|not a row"):
        row_of(dataclasses.asdict(ROW) | change)


def test_a_record_that_cannot_be_read_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="is a directory, expected a file"):
        read_rows(tmp_path)


def test_what_the_pi_does_by_itself_is_what_it_does_long_after_burning():
    idle, hot, cooling = [(45.0, 0.0)] * 100, [(70.0, 3.0)] * 100, [(60.0, 0.0)] * 60
    reach = learned_reach(rows(*idle, *hot, *cooling))
    assert (reach.free_high_c, reach.burn_high_c) == (45.0, 70.0)
    assert learned_reach(rows(*hot, *cooling)).free_high_c == 60.0, "for want of better"
    assert learned_reach(rows(*hot)) is None
