"""``tcxo-host simulate --phase`` tells the true error of each sample."""

import csv
import json

from tcxo_host.cli.main import main


def test_the_summary_and_each_seconds_row_agree(tmp_path, capsys):
    rows = tmp_path / "rows.csv"
    arguments = ["simulate", "--phase", "--seconds", "120", "--json", "--output", str(rows)]
    assert main(arguments) == 0
    figures = json.loads(capsys.readouterr().out)
    with rows.open() as file:
        seconds = list(csv.DictReader(file))
    sent = [each for each in seconds if each["error_ns"]]
    assert len(seconds) == 120
    assert len(sent) == figures["samples"] > 90
    assert figures["wrong"] == 0
    assert max(abs(float(each["error_ns"])) for each in sent) == figures["worst_ns"]
    assert sum(figures["refusals"].values()) == 120 - figures["samples"]
    assert seconds[0]["refusal"] == "not-tracking"


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, capsys):
    target = tmp_path / "no" / "rows.csv"
    assert main(["simulate", "--phase", "--seconds", "5", "--output", str(target)]) == 73
    assert "cannot write there" in capsys.readouterr().err
