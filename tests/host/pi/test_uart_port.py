"""Which UARTs can be the signal, and who else writes to them."""

import pytest
from support import pi_trees as trees
from support import uart_trees as uarts
from tcxo_host.errors import UnavailableError
from tcxo_host.pi.root import Root
from tcxo_host.pi.source import known_model
from tcxo_host.pi.uart.console import console_words, holders, is_kernel_console, login_units
from tcxo_host.pi.uart.port import UartPort, find_uart


def found(tmp_path, tree, device) -> UartPort:
    root = Root(trees.write_tree(tmp_path, tree))
    return find_uart(root, device, known_model(root))


@pytest.mark.parametrize("device", ["/dev/ttyAMA10", "/dev/serial0"])
def test_a_pi_5s_debug_connector(tmp_path, device):
    port = found(tmp_path, uarts.PI5_BARE, device)
    assert port == UartPort(device, "ttyAMA10", "pl011", "uart-pl011", 9_216_000, True)


def test_the_header_of_a_pi_3_on_an_older_kernel(tmp_path):
    port = found(tmp_path, trees.PI3 | uarts.PI3_UART, "/dev/ttyAMA0")
    assert (port.kind, port.clock_hz, port.is_system_crystal) == ("pl011", 48_000_000, True)


def test_a_pcs_port_is_taken_and_its_crystal_is_not_known(tmp_path):
    port = found(tmp_path, uarts.PC_UART, "/dev/ttyS0")
    assert (port.kind, port.clock_hz, port.is_system_crystal) == ("16550", 1_843_200, None)


@pytest.mark.parametrize(("node_hz", "clock_hz"), [(44_236_800, 44_236_800), (None, 9_216_000)])
def test_until_a_port_was_opened_its_clock_is_the_device_trees(tmp_path, node_hz, clock_hz):
    tree = trees.PI5 | uarts.uart("ttyAMA10", uarts.DEBUG_UART, "uart-pl011", 0)
    if node_hz:
        tree["/proc/device-tree/clocks/clk-uart/clock-frequency"] = node_hz.to_bytes(4, "big")
    assert found(tmp_path, tree, "/dev/ttyAMA10").clock_hz == clock_hz


@pytest.mark.parametrize(
    ("tree", "device", "words"),
    [
        (
            uarts.PI5_BARE,
            "/dev/ttyAMA0",
            "RP1 chip, on that chip's own crystal: on a .* it is uart:/dev/ttyAMA10",
        ),
        (
            uarts.PI5_BARE | uarts.ADAPTER,
            "/dev/ttyUSB0",
            r"USB adapter \(ftdi_sio\), whose bytes .* crystal of its own",
        ),
        (trees.PI3 | uarts.MINI, "/dev/ttyS0", "mini UART, whose clock follows the core clock.*disable-bt"),
        (trees.PI3, "/dev/ttyAMA0", "is not there.*dtoverlay=disable-bt"),
        (uarts.PC_UART, "/dev/ttyS4", "is not there"),
        (trees.PI3 | {"/dev/null": ""}, "/dev/null", "is not there"),
        (
            uarts.uart("ttyS1", "platform/serial8250", "serial8250", 0, kind="0", new=False),
            "/dev/ttyS1",
            "a name without a UART",
        ),
        (uarts.uart("ttyS1", "pnp0/00:06", "serial", 0, kind="4", new=False), "/dev/ttyS1", "does not tell"),
        (
            uarts.uart("ttyS1", "platform/feb50000.serial", "dw-apb-uart", 24_000_000, kind="16"),
            "/dev/ttyS1",
            "dw-apb-uart",
        ),
    ],
)
def test_the_others_are_refused_with_the_reason(tmp_path, tree, device, words):
    with pytest.raises(UnavailableError, match=words) as caught:
        found(tmp_path, tree, device)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("console=serial0,115200 console=tty1 root=x", [(0, "console=serial0,115200")]),
        ("root=x console=ttyAMA10,115200n8 console=tty1", [(1, "console=ttyAMA10,115200n8")]),
        ("console=tty1 console=ttyAMA1 console=ttyAMA0 earlycon=ttyAMA10 xconsole=ttyAMA10", []),
        ("console=ttyAMA10 console=serial0", [(0, "console=ttyAMA10"), (1, "console=serial0")]),
        ("", []),
    ],
)
def test_a_command_lines_consoles(tmp_path, line, words):
    root = Root(trees.write_tree(tmp_path, uarts.PI5_BARE))
    assert console_words(root, "ttyAMA10", line) == words


def test_serial0_is_another_port_where_the_firmware_says_so(tmp_path):
    root = Root(trees.write_tree(tmp_path, uarts.PI5_UARTS))
    assert console_words(root, "ttyAMA0", "console=serial0,115200", "ttyAMA10") == []
    assert console_words(Root(tmp_path / "none"), "ttyAMA10", "console=serial0", "ttyAMA10")


def test_a_console_and_a_login(tmp_path):
    # a login's terminal is 204:74; the other program's name is made to mislead
    stat = "612 (agetty) S 1 612 612 52298 612 4194560 180\n"
    other = "613 (a) S 1 1 1 52298 1 (b) S 1 613 613 34816 613 4194304\n"
    tree = uarts.PI5_UARTS | {
        "/proc/612/stat": stat,
        "/proc/613/stat": other,
        "/proc/614/stat": "",
        "/proc/consoles": "tty1                 -WU (EC p  )    4:1\nttyAMA10             -W- (EC p a)  204:74\n",
        "/etc/systemd/system/getty.target.wants/serial-getty@ttyAMA10.service": trees.Link("/x"),
    }
    root = Root(trees.write_tree(tmp_path, tree))
    assert holders(root, "ttyAMA10") == ["agetty (process 612)"]
    assert holders(root, "ttyAMA0") == []
    assert is_kernel_console(root, "ttyAMA10")
    assert not is_kernel_console(root, "ttyAMA0")
    assert login_units(root, "ttyAMA10") == ["serial-getty@ttyAMA10.service"]
