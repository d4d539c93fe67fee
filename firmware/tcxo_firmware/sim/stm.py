"""Stand-in for the port's ``stm``: the address of the simulated timer's registers."""

from world import WORLD

TIM2 = WORLD.timer.address
