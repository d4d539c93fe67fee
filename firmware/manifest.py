# The application for freezing into any stm32 board's firmware; the board's own manifest adds its board_config.py.
# The same files as tcxo_firmware.DEVICE_FILES (a test compares).
freeze(
    "tcxo_firmware/device",
    (
        "tcxo/__init__.py",
        "tcxo/app.py",
        "tcxo/board.py",
        "tcxo/capture.py",
        "tcxo/clock.py",
        "tcxo/crash.py",
        "tcxo/health.py",
        "tcxo/isr.py",
        "tcxo/isr_plain.py",
        "tcxo/layout.py",
        "tcxo/pages.py",
        "tcxo/reports.py",
        "tcxo/ring.py",
        "tcxo/serial.py",
        "tcxo/wire.py",
        "main.py",
    ),
)
