// Clocks of the TCXO board; all else as in the port's other F4 boards.
#ifndef TCXO_DEVBOARD_STM32F4XX_HAL_CONF_H
#define TCXO_DEVBOARD_STM32F4XX_HAL_CONF_H

// TCXO_MHZ comes from mpconfigboard.mk. Plain numbers: the port's scripts read them after the preprocessor.
#if TCXO_MHZ == 26
#define HSE_VALUE (26000000)
#elif TCXO_MHZ == 12
#define HSE_VALUE (12000000)
#elif TCXO_MHZ == 8
#define HSE_VALUE (8000000)
#else
#error "TCXO_MHZ must be 26, 12 or 8"
#endif
#define LSE_VALUE (32768)
#define EXTERNAL_CLOCK_VALUE (12288000)

// A TCXO may take some milliseconds to start; in milliseconds.
#define HSE_STARTUP_TIMEOUT (100)
#define LSE_STARTUP_TIMEOUT (5000)

#include "boards/stm32f4xx_hal_conf_base.h"

#endif
