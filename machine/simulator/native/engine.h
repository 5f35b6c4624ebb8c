/* The native engine: what is shared between Python and C, and between the parts of the engine.
 *
 * Section numbers are those of the instruction set reference. Opcode numbers, fields and cycles are
 * not here: Python decodes a program with the instruction table and passes records (records.py).
 */
#ifndef FA_ENGINE_H
#define FA_ENGINE_H

#include <stddef.h>
#include <stdint.h>

/* Each instruction that the engine executes, with the names of the operands that it wants in a
 * record's slots, in this order. The names are those of the instruction table. */
#define FA_INSTRUCTIONS(X)                          \
    X(M_MM, "matrix vector")                        \
    X(M_TMM, "matrix vector")                       \
    X(M_BMM, "matrix vector")                       \
    X(M_BTMM, "matrix vector")                      \
    X(M_MV, "matrix vector")                        \
    X(M_TMV, "matrix vector")                       \
    X(M_BTMV, "matrix vector matrix_offset")        \
    X(M_MM_WO, "dest offset stride")                \
    X(M_BMM_WO, "dest offset")                      \
    X(M_MV_WO, "dest offset")                       \
    X(M_BMV_WO, "dest offset")                      \
    X(V_ADD_VV, "dest lhs rhs rmask")               \
    X(V_SUB_VV, "dest lhs rhs rmask")               \
    X(V_MUL_VV, "dest lhs rhs rmask")               \
    X(V_ADD_VF, "dest src scalar rmask")            \
    X(V_SUB_VF, "dest src scalar rmask order")      \
    X(V_MUL_VF, "dest src scalar rmask")            \
    X(V_MAX_VF, "dest src scalar rmask")            \
    X(V_MIN_VF, "dest src scalar rmask")            \
    X(V_EXP_V, "dest src rmask")                    \
    X(V_RECI_V, "dest src rmask")                   \
    X(V_SHFT_V, "dest src amount")                  \
    X(V_RED_SUM, "total src rmask")                 \
    X(V_RED_MAX, "total src")                       \
    X(S_ADD_FP, "dest lhs rhs")                     \
    X(S_SUB_FP, "dest lhs rhs")                     \
    X(S_MAX_FP, "dest lhs rhs")                     \
    X(S_MUL_FP, "dest lhs rhs")                     \
    X(S_EXP_FP, "dest src")                         \
    X(S_RECI_FP, "dest src")                        \
    X(S_SQRT_FP, "dest src")                        \
    X(S_LD_FP, "dest base offset")                  \
    X(S_ST_FP, "value base offset")                 \
    X(S_MAP_V_FP, "dest base offset")               \
    X(S_ADD_INT, "dest lhs rhs")                    \
    X(S_ADDI_INT, "dest src value")                 \
    X(S_SUB_INT, "dest lhs rhs")                    \
    X(S_MUL_INT, "dest lhs rhs")                    \
    X(S_LUI_INT, "dest value")                      \
    X(S_LD_INT, "dest base offset")                 \
    X(S_ST_INT, "value base offset")                \
    X(H_PREFETCH_M, "dest offset base rstride precision") \
    X(H_PREFETCH_V, "dest offset base rstride precision") \
    X(H_STORE_V, "src offset base rstride precision")     \
    X(C_SET_ADDR_REG, "dest high low")              \
    X(C_SET_SCALE_REG, "src")                       \
    X(C_SET_STRIDE_REG, "src")                      \
    X(C_SET_V_MASK_REG, "src")                      \
    X(C_LOOP_START, "counter count")                \
    X(C_LOOP_END, "counter")                        \
    X(C_BREAK, "")

/* Besides these a record may end the program, leave an instruction to the interpreter, or stop
 * before one (a breakpoint). */
enum {
    OP_END,
    OP_LEAVE,
    OP_STOP,
#define X(name, operands) OP_##name,
    FA_INSTRUCTIONS(X)
#undef X
    OP_COUNT
};

enum { SLOTS = 5 };

typedef struct {
    uint32_t op;
    uint32_t x[SLOTS];
    uint32_t cycles; /* of one execution, HBM time aside */
    uint32_t waits;  /* loads, by bits of their numbers, that it waits for where they run beside */
} Record;

/* An open loop (section 4.8). `lowest` is the least that its counter was at its end and `stuck` how
 * many iterations have passed since, `since` the executed count at which its iteration began, and
 * `oldest` the least `since` of this loop and those outside it. */
typedef struct {
    uint64_t start;
    uint64_t since;
    uint64_t oldest;
    uint64_t lowest;
    uint32_t reg;
    uint32_t stuck;
} Loop;

/* A number format of HBM (section 5). The tables come from Python's codecs: `decode` gives the
 * value of each code of 8 or 16 bits, `encode` the code of each bf16 value (of an MX format: of
 * each scaled value); `scale_value` the value of each scale byte, and `scale_code` and `factor`
 * scale byte and divisor by the bf16 pattern of a block's largest magnitude. */
typedef struct {
    uint32_t bits;
    uint32_t block; /* elements with one scale; 0 in a format without scales */
    uint32_t ratio_numerator;
    uint32_t ratio_denominator;
    uint32_t exponent; /* of a float element of 8 bits with at most 7 exponent bits, else 0 */
    uint32_t mantissa;
    uint32_t bias;
    uint32_t sign;
    const float *decode;
    const float *scale_value;
    const uint16_t *encode;
    const uint8_t *scale_code;
    const float *factor;
} Format;

enum { MATRIX_WEIGHT, MATRIX_KV, VECTOR_ACT, VECTOR_KV, FORMATS };

typedef struct Dram Dram;

/* Everything of a run. Memories are those of `State` in state.py; bf16 memories hold float32
 * words whose lower halves are zero. */
typedef struct {
    uint64_t mlen, vlen, blen, hlen, broadcast;
    uint64_t rows, tiles, hbm_size, fp_entries, int_entries;
    uint64_t prefetch_m, prefetch_v, writeback_v;
    uint64_t loop_limit, stuck_limit;
    float bmm_scale, exp_limit;

    float *vector, *fp, *matrix;
    uint32_t *ints;
    uint8_t *hbm;
    float *m_accum, *hm_accum, *v_accum, *hv_accum;
    uint32_t *gp;
    float *f;
    uint64_t *a;
    uint64_t scale, stride, mask;

    /* A transposed copy of each tile, made when it is first asked for. */
    float *transposed;
    uint8_t *transposed_valid;
    float *scratch;  /* max(VLEN, 2 * BLEN * BLEN) floats */
    uint32_t *lanes; /* VLEN words: all ones where V_MASK selects the lane */

    const uint16_t *exp_table, *reciprocal_table, *sqrt_table;
    Format formats[FORMATS];

    const Record *records; /* `length` of them, and one OP_END */
    uint64_t length;
    int64_t *counts, *hbm_cycles, *bytes_read, *bytes_written; /* by pc */
    Dram *dram;                                                /* NULL: transfers take no time */
    uint64_t overlaps; /* whether loads run beside other work */
    uint64_t loading;  /* loads under way, by bits of their numbers */

    uint64_t pc, executed;
    int64_t cycles;
    Loop *loops;
    uint64_t depth, loop_room;
} Engine;

/* Why a run returned. LEFT: the interpreter is to execute the instruction at `pc`, because it traps
 * or because the engine does not know it. */
enum { RUN_ENDED, RUN_SLICE_OVER, RUN_LEFT, RUN_STOPPED, RUN_NO_MEMORY };

/* Time of transfers (dram.c); times are cycles and never decrease. A line is its 64-byte aligned
 * address modulo 2^64. */
enum { FOR_VECTOR, FOR_MATRIX, LOADS };
Dram *fa_dram_new(int channels, int column_gap);
void fa_dram_free(Dram *dram);
void fa_dram_request(Dram *dram, uint64_t line);
int64_t fa_dram_read(Dram *dram, int64_t now);
int64_t fa_dram_store(Dram *dram, int64_t now);
int64_t fa_dram_begin(Dram *dram, int load, int64_t now);
int64_t fa_dram_wait(Dram *dram, uint32_t loads, int64_t now);

int fa_run_base(Engine *engine, uint64_t budget);
int fa_run_avx2(Engine *engine, uint64_t budget);
int fa_run_avx512(Engine *engine, uint64_t budget);

#endif
