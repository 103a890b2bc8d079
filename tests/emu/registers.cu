/* Registers come in eights.
 * EXPECT early: fault registers
 * EXPECT late: fault registers */
#define STATEMENT registers_decrease<36>()
#include "hopper.inc"
