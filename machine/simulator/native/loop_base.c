/* The loop for any processor that the compiler knows. */
#define RUN fa_run_base
#define LANES 4
#include "loop.h"
