"""The Debian package, in a clean Debian 12 and 13: installed, used, upgraded, removed, purged."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSIDE = Path(__file__).with_name("in_debian.py")
# the package's dependencies, and those whose places "tcxo-host install" writes to
NEEDED = "python3,python3-numpy,python3-serial,python3-rich,chrony,systemd,udev"

pytestmark = pytest.mark.needs("mmdebstrap", "dpkg-deb")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The package as it is, and as a later version."""
    folder = tmp_path_factory.mktemp("packages")
    for name, options in (("old", []), ("new", ["--version", "99.0"])):
        command = [sys.executable, ROOT / "tools/deb", "-o", folder / name, *options]
        built = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        shutil.move(built, folder / f"{name}.deb")
    return folder


@pytest.mark.timeout(900)
@pytest.mark.parametrize("release", ["bookworm", "trixie"])
def test_a_clean_debian_installs_runs_upgrades_and_purges_it(release, packages):
    seen = in_debian(release, packages)
    assert "nothing was changed yet" in seen["installed"]
    assert seen["version"].startswith("tcxo-host ")
    assert {"/usr/bin/tcxo-flash", "/usr/share/man/man5/tcxo-capture.5.gz"} <= set(seen["package"])
    assert "/usr/share/bash-completion/completions/tcxo-dump" in seen["package"]
    assert seen["demo"]["state"] == "track"
    assert seen["demo"]["published"] > 0
    assert "sudo apt install python3-matplotlib python3-scipy" in seen["without_plot"]
    assert "/etc/systemd/system/tcxo-host.service" in seen["after_install"]
    assert "/etc/chrony/conf.d/tcxo-host.conf" in seen["after_install"]
    assert "nothing was changed yet" not in seen["upgraded"]
    assert seen["kept_by_upgrade"] == ["night.tcxocap", "state.json"]
    assert seen["units_after_upgrade"]
    # removed: what serves no purpose without the program; kept: what the user made
    assert not [path for path in seen["after_remove"] if "systemd" in path or "chrony" in path]
    assert {"/etc/tcxo-host.toml", "/var/lib/tcxo-host/night.tcxocap"} <= set(seen["after_remove"])
    assert seen["left"] == []
    assert seen["lost"] == []
    assert not seen["user_left"]


def in_debian(release: str, packages: Path) -> dict:
    """What ``in_debian.py`` saw in a Debian made for it, in a folder that mmdebstrap makes and takes away."""
    done = subprocess.run(
        [
            *("mmdebstrap", "--quiet", "--variant=minbase", f"--include={NEEDED}"),
            *("--customize-hook=mkdir $1/packages", f"--customize-hook=copy-in {INSIDE} /packages"),
            f"--customize-hook=copy-in {packages}/old.deb {packages}/new.deb /packages",
            '--customize-hook=chroot "$1" python3 /packages/in_debian.py /packages',
            f"--customize-hook=copy-out /packages/seen.json {packages}",
            *(release, "/dev/null"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return json.loads((packages / "seen.json").read_text())
