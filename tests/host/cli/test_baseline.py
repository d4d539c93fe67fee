"""``tcxo-host baseline`` for programs."""

import json

from tcxo_host.cli import main


def test_the_baseline_as_json_before_and_after_it_is_set(tmp_path, capsys):
    state = str(tmp_path / "state.json")
    assert main.main(["baseline", "--state", state, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["stored_ppm"] is None
    assert main.main(["baseline", "--state", state, "--set", "23", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["stored_ppm"], told["board_id"], told["fixed_ppm"]) == (23.0, "", None)
    assert told["file"] == str(tmp_path / "baseline.json")


def test_a_damaged_file_does_not_spoil_the_json(tmp_path, capsys):
    (tmp_path / "baseline.json").write_text("{")
    assert main.main(["baseline", "--state", str(tmp_path / "state.json"), "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["stored_ppm"] is None
    assert "baseline.json" in captured.err
