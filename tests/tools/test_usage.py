"""The project's own small tools: help is help, and --check changes nothing."""

import pytest
from tcxo_tools import firmware_crc, firmware_doc, i2c_cost, protocol_doc, vectors

WRITERS = {
    firmware_crc: "KEPT_IN",
    firmware_doc: "DOCUMENT",
    protocol_doc: "DOCUMENT",
    vectors: "VECTORS_PATH",
}


@pytest.mark.parametrize("tool", [*WRITERS, i2c_cost])
def test_help_tells_what_it_does_and_does_nothing_else(tool, tmp_path, monkeypatch, capsys):
    written = tmp_path / "x"
    if tool in WRITERS:
        monkeypatch.setattr(tool, WRITERS[tool], written)
    with pytest.raises(SystemExit) as exit_info:
        tool.main(["--help"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m {tool.__name__} [-h]")
    assert not written.exists()


@pytest.mark.parametrize("tool", [protocol_doc, vectors])
def test_check_says_that_a_file_is_stale_and_leaves_it(tool, tmp_path, monkeypatch, capsys):
    path = tmp_path / "x"
    content = getattr(tool, WRITERS[tool]).read_text().replace("u16", "u17").replace("PYBV11", "PYBV10")
    path.write_text(content)
    assert tool.main(["--check"]) == 0, "the one that is kept"
    monkeypatch.setattr(tool, WRITERS[tool], path)
    assert tool.main(["--check"]) == 1
    assert f"is stale: run python -m {tool.__name__}" in capsys.readouterr().err
    assert path.read_text() == content
    assert tool.main([]) == 0
    assert tool.main(["--check"]) == 0
