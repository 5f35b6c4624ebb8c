/* What Python calls: see library.py. */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

typedef int (*Run)(Engine *, uint64_t);

static Run fastest(const char **name)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        *name = "avx512";
        return fa_run_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        *name = "avx2";
        return fa_run_avx2;
    }
#endif
    *name = "base";
    return fa_run_base;
}

/* Run from `pc` until something happens (the RUN_ constants), or for about `budget` instructions;
 * an instruction that takes long counts for many. `variant` names a set of vector instructions, or is
 * NULL for the best there is. */
EXPORT int fa_run(Engine *engine, uint64_t budget, const char *variant)
{
    const char *name;
    Run run = fastest(&name);
#if defined(__x86_64__)
    if (variant && !strcmp(variant, "avx2") && strcmp(name, "base"))
        run = fa_run_avx2;
#endif
    if (variant && !strcmp(variant, "base"))
        run = fa_run_base;
    return run(engine, budget);
}

/* The set of vector instructions that `fa_run` uses. */
EXPORT const char *fa_variant(void)
{
    const char *name;
    fastest(&name);
    return name;
}

/* "MNEMONIC operand operand ..." of each instruction, from OP_M_MM on; NULL after the last. */
EXPORT const char *fa_instruction(int index)
{
    static const char *const all[] = {
#define X(name, operands) #name " " operands,
        FA_INSTRUCTIONS(X)
#undef X
    };
    return index >= 0 && index < (int)(sizeof all / sizeof *all) ? all[index] : NULL;
}

/* Bytes of the structures that Python describes again. */
EXPORT size_t fa_size(int structure)
{
    static const size_t all[] = {sizeof(Engine), sizeof(Format), sizeof(Record), sizeof(Loop)};
    return all[structure];
}

/* A memory model, cold, for `dram`; whether there was memory for it. */
EXPORT int fa_open_dram(Engine *engine, int channels, int column_gap)
{
    engine->dram = fa_dram_new(channels, column_gap);
    return engine->dram != NULL;
}

/* Free what the engine has allocated. */
EXPORT void fa_close(Engine *engine)
{
    fa_dram_free(engine->dram);
    free(engine->loops);
    engine->dram = NULL;
    engine->loops = NULL;
    engine->depth = engine->loop_room = 0;
}

/* Cycles from `cycles` on that the program's end waits for loads under way. */
EXPORT int64_t fa_finish(Engine *engine)
{
    if (!engine->loading)
        return 0;
    int64_t end = fa_dram_wait(engine->dram, (uint32_t)engine->loading, engine->cycles);
    engine->loading = 0;
    return end - engine->cycles;
}

/* Time of a transfer of `count` lines from `now` on, for tests of the memory model alone. */
EXPORT int64_t fa_transfer(Engine *engine, const uint64_t *lines, size_t count, int store, int64_t now)
{
    for (size_t i = 0; i < count; i++)
        fa_dram_request(engine->dram, lines[i]);
    return store ? fa_dram_store(engine->dram, now) : fa_dram_read(engine->dram, now);
}

/* What the library was built from: see `source_digest` in library.py. */
#if !defined(FA_SOURCES)
#define FA_SOURCES ""
#endif
EXPORT const char *fa_sources(void)
{
    return FA_SOURCES;
}

/* The library is loaded by ctypes; linkers that build Python modules look for this. */
EXPORT void *PyInit__engine(void)
{
    return NULL;
}
