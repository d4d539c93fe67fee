"""Who else writes to a UART: the kernel's console, a login on it, or the firmware's command line that asks for them."""

from __future__ import annotations

from ..root import Root

__all__ = ["console_words", "holders", "is_kernel_console", "login_units"]

_WANTS = "/etc/systemd/system/getty.target.wants"


def console_words(root: Root, name: str, command_line: str, first_serial: str = "") -> list[tuple[int, str]]:
    """The words of a kernel command line that make ``name`` a console, each with its place among the words.

    ``first_serial``: what the firmware puts in for ``serial0`` once the UART is set up, whatever ``/dev/serial0`` is.
    """
    names = {name, "serial0"} if name in (root.link_name("/dev/serial0"), first_serial) else {name}
    return [
        (place, word)
        for place, word in enumerate(command_line.split())
        if word.partition("=")[0] == "console" and word.partition("=")[2].partition(",")[0] in names
    ]


def is_kernel_console(root: Root, name: str) -> bool:
    """Whether the running kernel prints its messages there."""
    if root.read(f"/sys/class/tty/{name}/console") == "Y":
        return True
    lines = (root.read("/proc/consoles") or "").splitlines()
    return any(line.split()[:1] == [name] for line in lines)


def login_units(root: Root, name: str) -> list[str]:
    """Units that are set to start a login there at each boot."""
    return [unit for unit in root.names(_WANTS) if unit == f"serial-getty@{name}.service"]


def holders(root: Root, name: str) -> list[str]:
    """Programs that have the port as their terminal, as a login has: name and process number."""
    number = _terminal_number(root.read(f"/sys/class/tty/{name}/dev") or "")
    found = []
    for process in root.names("/proc"):
        if process.isdigit():
            # proc(5): the program's name is in brackets and may itself have any; tty_nr is the fifth field behind it
            before, _, rest = (root.read(f"/proc/{process}/stat") or "").rpartition(")")
            fields = rest.split()
            if len(fields) > 4 and fields[4] == str(number):
                found.append(f"{before.partition('(')[2]} (process {process})")
    return found


def _terminal_number(dev: str) -> int | None:
    """``tty_nr`` of a device "major:minor" (proc(5): minor in bits 31 to 20 and 7 to 0, major in 15 to 8)."""
    major, _, minor = dev.partition(":")
    if not (major.isdigit() and minor.isdigit()):
        return None
    return (int(minor) & 0xFF) | int(major) << 8 | (int(minor) >> 8) << 20
