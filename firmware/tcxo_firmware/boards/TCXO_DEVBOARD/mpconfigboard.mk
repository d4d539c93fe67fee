# Build in the stm32 port's folder: make BOARD=TCXO_DEVBOARD BOARD_DIR=/path/to/this/folder TCXO_MHZ=26
MCU_SERIES = f4
CMSIS_MCU = STM32F405xx
AF_FILE = boards/stm32f405_af.csv
LD_FILES = boards/stm32f405.ld boards/common_ifs.ld
TEXT0_ADDR = 0x08000000
TEXT1_ADDR = 0x08020000

# Frequency of the fitted TCXO: 26 or 12; 8 is the crystal of WeAct's core board (../WEACT_F405).
TCXO_MHZ ?= 26
CFLAGS += -DTCXO_MHZ=$(TCXO_MHZ)

MICROPY_VFS_LFS2 = 1

FROZEN_MANIFEST ?= $(BOARD_DIR)/manifest.py
