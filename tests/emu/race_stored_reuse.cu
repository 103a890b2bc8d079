/* A slot is written while a copy may still read it.
 * NEEDS: watch
 * EXPECT early: fault race
 * EXPECT late: fault race */
#define READ
#include "stored.inc"
