"""The version stands once, in the device files."""

import json
import tomllib
from pathlib import Path

from tcxo_firmware import firmware_version

ROOT = Path(__file__).resolve().parents[2]


def test_what_mip_installs_has_the_version_of_the_device_files():
    assert json.loads((ROOT / "firmware/package.json").read_text())["version"] == firmware_version()


def test_the_project_takes_its_version_from_there():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert (ROOT / project["tool"]["hatch"]["version"]["path"]).is_relative_to(
        ROOT / "firmware/tcxo_firmware/device"
    )
