"""Debian packages of another architecture: fetched with a private apt root, unpacked, cached.

The machine's own apt and dpkg state is neither used nor changed; only its list of sources is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CACHE = ROOT / ".cache" / "guest"

RUNTIME = [
    *("busybox-static", "python3.11-minimal", "libpython3.11-minimal", "libpython3.11-stdlib", "libc6"),
    *("libgcc-s1", "libexpat1", "zlib1g", "libffi8", "libssl3", "libbz2-1.0", "liblzma5", "libcrypt1"),
    "libuuid1",
]
UNUSED_STDLIB = {"ensurepip", "idlelib", "lib2to3", "pydoc_data", "tkinter", "turtledemo", "test", "venv"} | {
    *("sqlite3", "dbm", "distutils")
}


class Fetcher:
    """Packages for ``architecture``, kept below ``.cache/guest`` of the checkout."""

    def __init__(self, architecture: str) -> None:
        self.architecture = architecture
        self.folder = CACHE / architecture
        self.debs = self.folder / "debs"
        self.debs.mkdir(parents=True, exist_ok=True)

    def unpacked(self, name: str, packages: list[str], only: tuple[str, ...] = ()) -> Path:
        """A folder holding the content of ``packages``; unpacked anew only when the list changed.

        ``only``: patterns of what to keep; a kernel package has 400 MB of modules.
        """
        target = self.folder / name
        stamp = target.with_suffix(".json")
        if stamp.exists() and json.loads(stamp.read_text()) == [*packages, *only]:
            return target
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for deb in self._download(packages):
            _unpack(deb, target, only)
        stamp.write_text(json.dumps([*packages, *only]))
        return target

    def kernel_package(self) -> str:
        """The name of the image package that ``linux-image-ARCH`` stands for now."""
        known = self.folder / "kernel-package"
        if not known.exists():
            self._update()
            meta = f"linux-image-{self.architecture}"
            shown = subprocess.run(
                ["apt-cache", *self._options(), "depends", meta], check=True, capture_output=True, text=True
            ).stdout
            match = re.search(r"Depends: (linux-image-\S+)", shown)
            assert match, f"no image package behind {meta}: {shown}"
            known.write_text(match[1])
        return known.read_text()

    def _download(self, packages: list[str]) -> list[Path]:
        have = {path.name.split("_")[0]: path for path in self.debs.glob("*.deb")}
        missing = [name for name in packages if name not in have]
        if missing:
            self._update()
            self._apt("download", *missing, cwd=self.debs)
            have = {path.name.split("_")[0]: path for path in self.debs.glob("*.deb")}
        return [have[name] for name in packages]

    def _update(self) -> None:
        apt = self.folder / "apt"
        if (apt / ".updated").exists():
            return
        for name in ("etc/apt/apt.conf.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial"):
            (apt / name).mkdir(parents=True, exist_ok=True)
        (apt / "var/lib/dpkg").mkdir(parents=True, exist_ok=True)
        (apt / "var/lib/dpkg/status").touch()
        for source in ("sources.list", "sources.list.d"):
            real = Path("/etc/apt", source)
            if real.is_dir():
                shutil.copytree(real, apt / "etc/apt" / source, dirs_exist_ok=True)
            elif real.exists():
                shutil.copy(real, apt / "etc/apt" / source)
        for conf in Path("/etc/apt/apt.conf.d").glob("*"):
            if "proxy" in conf.read_text(errors="replace").lower():
                shutil.copy(conf, apt / "etc/apt/apt.conf.d")
        self._apt("update")
        (apt / ".updated").touch()

    def _options(self) -> list[str]:
        apt = self.folder / "apt"
        return [
            f"-oDir={apt}",
            f"-oDir::State::status={apt}/var/lib/dpkg/status",
            f"-oAPT::Architecture={self.architecture}",
            f"-oAPT::Architectures::={self.architecture}",
            "-oAcquire::Languages=none",
            "-oAPT::Sandbox::User=root",
        ]

    def _apt(self, *arguments: str, cwd: Path | None = None) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "APT_CONFIG"}
        done = subprocess.run(
            ["apt-get", *self._options(), "-q", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"apt-get {arguments[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def _unpack(deb: Path, target: Path, only: tuple[str, ...]) -> None:
    if not only:
        subprocess.run(["dpkg-deb", "-x", deb, target], check=True)
        return
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as packed:
        subprocess.run(
            ["tar", "-x", "-C", target, "--wildcards", *(f"./{pattern}" for pattern in only)],
            stdin=packed.stdout,
            check=True,
        )
