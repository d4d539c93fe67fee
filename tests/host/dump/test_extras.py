"""Without an optional package: one sentence that names the extra, and everything else works."""

import subprocess
import sys

import pytest
from support.captures import write_capture

INSTALL = f"{sys.executable} -m pip install"


def without(package, program, *args):
    code = (
        f"import sys; sys.modules[{package!r}] = None; from tcxo_host.{program} import main;"
        f" sys.exit(main({[*map(str, args)]!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.parametrize(
    ("package", "extra", "command"),
    [
        ("matplotlib.figure", "plot", ["plot", "channels", "CAPTURE", "-o", "out.png"]),
        ("allantools", "plot", ["plot", "adev", "CAPTURE", "-o", "out.png"]),
        ("allantools", "plot", ["stability", "CAPTURE"]),
        ("matplotlib.figure", "plot", ["stability", "CAPTURE", "-o", "out.png"]),
        ("pyarrow", "parquet", ["export", "CAPTURE", "--format", "parquet", "-o", "out"]),
        ("pyarrow", "parquet", ["import", "FOLDER", "--format", "parquet", "-o", "out"]),
        ("zstandard", "zstd", ["info", "COMPRESSED"]),
    ],
)
def test_the_extra_is_named(tmp_path, package, extra, command):
    names = {"CAPTURE": tmp_path / "a.tcxocap", "COMPRESSED": tmp_path / "a.tcxocap.zst", "FOLDER": tmp_path}
    write_capture(names["CAPTURE"], seconds=80)
    write_capture(names["COMPRESSED"], seconds=3)
    args = [names.get(each, tmp_path / each if each.startswith("out") else each) for each in command]
    done = without(package, "dump.main", *args)
    assert done.returncode == 69
    assert len(done.stderr.splitlines()) == 1
    assert f"is not installed: in a clone of tcxo-host run: {INSTALL} '.[{extra}]'\n" in done.stderr
    assert not (tmp_path / "out.png").exists()


def test_watching_needs_rich(tmp_path):
    done = without("rich.console", "cli.main", "status", "--watch", "--file", tmp_path / "x")
    assert done.returncode == 69
    assert done.stderr == (
        f"tcxo-host: --watch: the package rich is not installed: in a clone of tcxo-host run: {INSTALL} '.[live]'\n"
    )


def test_without_any_extra_captures_are_read_and_replayed(tmp_path):
    path = tmp_path / "a.tcxocap"
    write_capture(path, seconds=10)
    for command in (["info", path], ["stats", path], ["show", path], ["replay", path], ["export", path]):
        assert without("rich", "dump.main", *command).returncode == 0
