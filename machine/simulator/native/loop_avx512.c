/* The loop for x86-64 processors with AVX-512. Multiplications and additions stay apart: a fused one
 * would round once where the machine rounds twice. */
#if defined(__x86_64__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
#endif
#define RUN fa_run_avx512
#define LANES 16
#include "loop.h"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
