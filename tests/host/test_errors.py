"""A missing extra is told with the command that fits how tcxo-host was installed."""

import importlib.metadata
import sys

import pytest
from tcxo_host.errors import missing_extra


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs the project's metadata as an installer would leave it (PEP 376, PEP 610)."""

    def install(installer, origin, prefix):
        folder = tmp_path / "tcxo_host-1.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Name: tcxo-host\nVersion: 1\n")
        (folder / "INSTALLER").write_text(f"{installer}\n")
        if origin:
            (folder / "direct_url.json").write_text(origin)
        found = importlib.metadata.PathDistribution(folder)
        monkeypatch.setattr(importlib.metadata, "distribution", lambda name: found)
        monkeypatch.setattr(sys, "prefix", prefix)

    return install


CLONE = '{"dir_info": {"editable": true}, "url": "file:///home/me/tcxo-host"}'
WHEEL = '{"archive_info": {}, "url": "file:///home/me/tcxo_host-1-py3-none-any.whl"}'
SUDO_PIP = f"sudo {sys.executable} -m pip install"


@pytest.mark.parametrize(
    ("installer", "origin", "prefix", "extra", "remedy"),
    [
        ("pip", CLONE, "/nowhere", "plot", f"in a clone of tcxo-host run: {SUDO_PIP} '.[plot]'"),
        ("pip", WHEEL, "/nowhere", "plot", f"run: {SUDO_PIP} 'tcxo-host[plot]'"),
        (
            *("pip", WHEEL, "/home/me/.local/share/pipx/venvs/tcxo-host", "live"),
            "run: pipx inject tcxo-host 'tcxo-host[live]'",
        ),
        ("dpkg", "", "/nowhere", "plot", "run: sudo apt install python3-matplotlib python3-scipy"),
        ("dpkg", "", "/nowhere", "parquet", "Debian has none: install tcxo-host by pipx"),
    ],
)
def test_the_command_fits_the_installation(installed, installer, origin, prefix, extra, remedy):
    installed(installer, origin, prefix)
    assert str(missing_extra("x", "y", extra)) == f"x: the package y is not installed: {remedy}"


def test_a_user_who_may_write_there_needs_no_sudo(installed, tmp_path):
    installed("pip", WHEEL, str(tmp_path))
    assert "sudo" not in str(missing_extra("x", "y", "plot"))
