/* The loop for x86-64 processors with AVX2. Multiplications and additions stay apart: a fused one
 * would round once where the machine rounds twice. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define RUN fa_run_avx2
#define LANES 8
#include "loop.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
