"""Checks of chrony: is it there, does it read our file, with the right sign, and may it read it?"""

from __future__ import annotations

from ...config import paths
from ..chrony.apparmor import allows_read, snippet
from ..chrony.config import directives, find_tempcomp, main_file
from ..packages import package_version, upstream_version
from .check import Finding, Subject, fail, is_installed, ok, warn

__all__ = ["CHECKS", "real_output_path"]

_OLDEST = (4, 1)
_OURS = "tempcomp {path} 1 0 0 1 0"


def real_output_path(subject: Subject) -> str:
    """The output file's path with links followed, as AppArmor and the daemon see it."""
    return subject.root.real(subject.config.output.path)


def check_chrony(subject: Subject) -> Finding:
    """Is chrony installed, and recent enough?"""
    if not subject.root.exists("/usr/sbin/chronyd"):
        return fail("chrony", "chronyd is not installed", "sudo apt install chrony")
    version = package_version(subject.root, "chrony")
    if (upstream_version(version) or _OLDEST) < _OLDEST:
        return warn("chrony", f"version {version} was never tried", "sudo apt full-upgrade (4.3 or later)")
    return ok("chrony", f"version {version}" if version else "installed")


def check_rivals(subject: Subject) -> Finding | None:
    """Does another program steer the clock?"""
    for unit in ("systemd-timesyncd.service", "ntpsec.service", "ntp.service"):
        wants = (
            f"/etc/systemd/system/sysinit.target.wants/{unit}",
            f"/etc/systemd/system/multi-user.target.wants/{unit}",
        )
        binary = "/usr/lib/systemd/systemd-timesyncd" if "timesyncd" in unit else "/usr/sbin/ntpd"
        if subject.root.exists(binary) and any(subject.root.link_name(path) for path in wants):
            return warn(
                "rivals",
                f"{unit} is enabled and would steer the clock too",
                f"sudo systemctl disable --now {unit}",
            )
    return None


def check_tempcomp(subject: Subject) -> Finding:
    """Does the tempcomp line in effect name our file and take its number as it is?"""
    name, line = "tempcomp", _OURS.format(path=subject.config.output.path)
    main = main_file(subject.root)
    if main is None:
        return fail(name, "chrony has no configuration file", "sudo apt install --reinstall chrony")
    found = find_tempcomp(subject.root)
    if not found:
        folder = "/etc/chrony/conf.d"
        if any(
            each.name == "refclock" and "tcxo" in " ".join(each.words) and "pps" not in each.words
            for each in directives(subject.root, main)
        ):
            return ok(name, "not used: chrony takes the TCXO as a reference clock instead")
        if any(each.name == "tempcomp" for each in directives(subject.root, paths.CHRONY_SNIPPET)):
            remedy = f"chrony does not read {paths.CHRONY_SNIPPET}: add to {main}: confdir {folder}"
        elif subject.root.exists(paths.CHRONY_SNIPPET) or not is_installed(subject.root):
            remedy = "sudo tcxo-host install"
        else:
            remedy = f"add to {folder}/tcxo.conf: {line}"
        return fail(name, f"no tempcomp line in {main} and its includes", remedy)
    used = found[-1]
    where = f"{used.where}: "
    if used.problem:
        return fail(name, f"{where}the line {used.problem}", f"in {used.where}: {line}")
    if subject.root.real(used.path) != real_output_path(subject):
        return fail(
            name,
            f"{where}reads {used.path}, but tcxo-host writes {subject.config.output.path}",
            f"in {used.where}: {line}",
        )
    if used.points:
        return fail(
            name, f"{where}looks the number up in the table {used.points}", f"in {used.where}: {line}"
        )
    if used.k1 < 0:
        return fail(
            name,
            f"{where}k1 = {used.k1:g} inverts the sign: the error would double",
            f"in {used.where}: {line}",
        )
    if not used.takes_ppm_as_is:
        return fail(
            name,
            f"{where}k1 = {used.k1:g}, k2 = {used.k2:g} scale the number, which is already in ppm",
            f"in {used.where}: {line}",
        )
    if len(found) > 1:
        others = ", ".join(each.where for each in found[:-1])
        return warn(
            name, f"{where}chrony uses this line and ignores {others}", f"remove the line in {others}"
        )
    if used.interval_s > 2:
        return warn(
            name,
            f"{where}reads the file only every {used.interval_s:g} s; lag costs most",
            f"in {used.where}: {line}",
        )
    if used.constant_ppm:
        return ok(
            name,
            f"{where}as is, plus a constant {used.constant_ppm:+g} ppm (T0 = {used.t0:g}, k0 = {used.k0:g})",
        )
    return ok(name, f"{where}takes {used.path} as it is, every {used.interval_s:g} s")


def check_both_outputs(subject: Subject) -> Finding | None:
    """Are tempcomp and the reference clock used at once? They would correct the same error twice."""
    main = main_file(subject.root)
    if main is None or not find_tempcomp(subject.root):
        return None
    for each in directives(subject.root, main):
        if each.name == "refclock" and any("chrony.tcxo.sock" in word for word in each.words):
            return fail(
                "outputs",
                f"{each.where}: the TCXO is a reference clock while tempcomp is in use: corrected twice",
                f"remove one of them; with tempcomp set output.sock = false in {paths.CONFIG}",
            )
    return None


def check_apparmor(subject: Subject) -> Finding | None:
    """Does AppArmor let chronyd read the file at its real path?"""
    root, path = subject.root, real_output_path(subject)
    profile = root.read(paths.APPARMOR_PROFILE)
    if profile is None:
        return None
    if (root.read("/sys/module/apparmor/parameters/enabled") or "N") != "Y":
        return ok("apparmor", "not active in this kernel")
    if root.exists("/etc/apparmor.d/disable/usr.sbin.chronyd"):
        return ok("apparmor", "chronyd's profile is disabled")
    if path == subject.config.output.path and not root.exists(path):
        return None  # its real path is known once it is there, and check_output tells that it is not
    if allows_read((profile, root.read(paths.APPARMOR_LOCAL) or ""), path):
        return ok("apparmor", f"chronyd may read {path}")
    return fail(
        "apparmor",
        f"chronyd's profile does not let it read {path}",
        f"echo '{snippet(path).strip()}' | sudo tee -a {paths.APPARMOR_LOCAL}"
        f" && sudo apparmor_parser -r {paths.APPARMOR_PROFILE}",
    )


CHECKS = (
    check_chrony,
    check_rivals,
    check_tempcomp,
    check_both_outputs,
    check_apparmor,
)
