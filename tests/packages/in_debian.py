"""Runs inside a fresh Debian: install the package, use it, upgrade it, remove it, purge it. Debian's own Python.

``in_debian.py FOLDER``: FOLDER holds the package as ``old.deb`` and, of a later version, ``new.deb``. Prints one
line of JSON, what was seen; an unexpected exit status ends it.
"""

import json
import pwd
import subprocess
import sys
from pathlib import Path

FOLDER = Path(sys.argv[1])
STATE = Path("/var/lib/tcxo-host")
# dpkg's own records, caches and logs are no part of any package; /etc/passwd- is passwd's last copy
NOT_THE_PACKAGES = ("/proc", "/sys", "/dev", "/run", "/tmp", "/var/lib/dpkg", "/var/cache", "/var/log")
COPIES = {"/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-"}


def main() -> None:
    before = files()
    seen = {"installed": run("dpkg", "-i", str(FOLDER / "old.deb"))}
    seen["version"] = run("tcxo-host", "--version").strip()
    seen["package"] = sorted(path for path in files() - before if path.startswith(("/usr/share", "/usr/bin")))
    demo = run("tcxo-host", "simulate", "--scenario", "steady", "--seconds", "40", "--speed", "10", "--json")
    seen["demo"] = json.loads(demo.splitlines()[-1])
    seen["flash"] = run("tcxo-flash", "--help").splitlines()[0]
    seen["without_plot"] = run("tcxo-dump", "plot", "adev", "sim:steady", "-o", "/tmp/x.png", status=69)
    # no systemd runs here: install says so with status 1, after it has written everything
    run("tcxo-host", "install", "--model", "pi4", "--link", "serial:/dev/ttyACM0", status=1)
    seen["after_install"] = sorted(files() - before)
    STATE.mkdir()
    (STATE / "state.json").write_text("{}")
    (STATE / "night.tcxocap").write_text("a capture")
    config = Path("/etc/tcxo-host.toml")
    config.write_text(config.read_text() + "# edited\n")
    seen["upgraded"] = run("dpkg", "-i", str(FOLDER / "new.deb"))
    seen["kept_by_upgrade"] = sorted(path.name for path in STATE.iterdir())
    seen["units_after_upgrade"] = Path("/etc/systemd/system/tcxo-host.service").exists()
    seen["removed"] = run("dpkg", "-r", "tcxo-host")
    seen["after_remove"] = sorted(files() - before)
    run("dpkg", "-P", "tcxo-host")
    after = files()
    seen["left"], seen["lost"] = sorted(after - before), sorted(before - after)
    seen["user_left"] = "tcxo-host" in {each.pw_name for each in pwd.getpwall()}
    (FOLDER / "seen.json").write_text(json.dumps(seen))


def files() -> set[str]:
    """Every path of the system."""
    found = subprocess.run(["find", "/", "-xdev"], capture_output=True, text=True, check=True).stdout
    every = {path for path in found.splitlines() if not path.startswith((*NOT_THE_PACKAGES, str(FOLDER)))}
    return every - COPIES


def run(*command: str, status: int = 0) -> str:
    """What it prints; anything but ``status`` ends this script with all of it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != status:
        sys.exit(f"{' '.join(command)}: status {done.returncode} instead of {status}:\n{done.stdout}")
    return done.stdout


main()
