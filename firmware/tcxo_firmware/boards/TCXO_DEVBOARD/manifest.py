# Freezes the application and this board's data into the firmware.
include("$(PORT_DIR)/boards/manifest.py")
include("$(BOARD_DIR)/../../../manifest.py")
freeze("$(BOARD_DIR)", "board_config.py")
