// STM32F405RG whose high-speed clock is a TCXO, fed into OSC_IN with the oscillator bypassed.

#if TCXO_MHZ == 8
// An 8 MHz crystal and no TCXO: WeAct's 64-pin core board.
#define MICROPY_HW_BOARD_NAME       "WEACT_F405"
#else
#define MICROPY_HW_BOARD_NAME       "TCXO_DEVBOARD"
#endif
#define MICROPY_HW_MCU_NAME         "STM32F405RG"

#define MICROPY_HW_HAS_FLASH        (1)
#define MICROPY_HW_ENABLE_RNG       (1)
#define MICROPY_HW_ENABLE_RTC       (1)
#define MICROPY_HW_ENABLE_USB       (1)
#define MICROPY_HW_ENABLE_SERVO     (0)
#define MICROPY_HW_ENABLE_DAC       (0)

// The TCXO drives OSC_IN; OSC_OUT stays open.
#if TCXO_MHZ == 8
#define MICROPY_HW_CLK_USE_BYPASS   (0)
#else
#define MICROPY_HW_CLK_USE_BYPASS   (1)
#endif

// 2 MHz into the VCO (RM0090: least jitter), 336 MHz out of it; 168 MHz CPU, 84 MHz TIM2, 48 MHz USB.
#if TCXO_MHZ == 26
#define MICROPY_HW_CLK_PLLM         (13)
#elif TCXO_MHZ == 8
#define MICROPY_HW_CLK_PLLM         (4)
#else
#define MICROPY_HW_CLK_PLLM         (6)
#endif
#define MICROPY_HW_CLK_PLLN         (168)
#define MICROPY_HW_CLK_PLLP         (RCC_PLLP_DIV2)
#define MICROPY_HW_CLK_PLLQ         (7)

// No 32 kHz crystal is needed: real time is the host's business.
#define MICROPY_HW_RTC_USE_LSE      (0)

#define MICROPY_HW_UART1_TX         (pin_A9)
#define MICROPY_HW_UART1_RX         (pin_A10)

#define MICROPY_HW_I2C1_SCL         (pin_B6)
#define MICROPY_HW_I2C1_SDA         (pin_B7)

#if TCXO_MHZ == 8
#define MICROPY_HW_LED1             (pin_B2)
#else
#define MICROPY_HW_LED1             (pin_B12) // green
#define MICROPY_HW_LED2             (pin_B13) // red
#define MICROPY_HW_LED3             (pin_B14) // blue
#endif
#define MICROPY_HW_LED_ON(pin)      (mp_hal_pin_high(pin))
#define MICROPY_HW_LED_OFF(pin)     (mp_hal_pin_low(pin))

#define MICROPY_HW_USB_FS           (1)
