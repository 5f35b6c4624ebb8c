/* The engine's loop: one record after another. Included once for each set of vector instructions,
 * with RUN, the name of the function, and LANES, the floats of its vectors.
 *
 * An instruction that would trap is not begun: the loop returns RUN_LEFT, and the plain interpreter
 * executes it, or says why it cannot. So reasons are written down once, and what an instruction
 * leaves behind when it traps is what it leaves there.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* Inlined for each constant that it is called with. */
#define INLINE inline __attribute__((always_inline))

typedef float VF __attribute__((vector_size(LANES * 4)));
typedef float V4 __attribute__((vector_size(16)));

#include "vector_unit.h"

#include "matrix_unit.h"

#include "transfers.h"

#define A (r->x[0])
#define B (r->x[1])
#define C (r->x[2])
#define D (r->x[3])
#define E (r->x[4])

/* Leave the instruction to the interpreter unless the condition holds. */
#define NEED(condition)    \
    do {                   \
        if (!(condition))  \
            goto leave;    \
    } while (0)

/* A row of vector SRAM at an element address; `count` rows are wanted. */
#define ROWS(name, address, count)                                                     \
    float *name;                                                                       \
    do {                                                                               \
        uint64_t at_ = (address);                                                      \
        NEED(at_ % vlen == 0 && at_ / vlen + (count) <= e->rows);                      \
        name = e->vector + at_;                                                        \
    } while (0)

/* Tile and offset of an element address of matrix SRAM. */
#define TILE(address)                                           \
    uint64_t at_m = (address), tile = at_m / area, offset = at_m % area; \
    NEED(vlen == mlen && tile < e->tiles)

#define SOURCE(slot)                 \
    ROWS(src, g[slot], 1);           \
    ROWS(d, g[A], 1)

#define VECTOR_VECTOR(operation)                   \
    {                                              \
        SOURCE(B);                                 \
        ROWS(rhs, g[C], 1);                        \
        ELEMENTWISE(D, x operation rhs[i], x);     \
        break;                                     \
    }

#define VECTOR_SCALAR(result)                      \
    {                                              \
        SOURCE(B);                                 \
        float y = f[C];                            \
        ELEMENTWISE(D, result, x);                 \
        break;                                     \
    }

#define SCALAR(result)                             \
    {                                              \
        if (A) {                                   \
            float x = f[B], y = f[C];              \
            (void)y;                               \
            f[A] = round_bf16(result);             \
        }                                          \
        break;                                     \
    }

#define TABLE(table)                                                        \
    {                                                                       \
        if (A)                                                              \
            f[A] = float_of((uint32_t)(table)[bits_of(f[B]) >> 16] << 16);  \
        break;                                                              \
    }

/* Instructions that take long count for more of a slice; see `fa_run` in engine.c. */
#define HEAVY(work)                                                     \
    do {                                                                \
        uint64_t more_ = (work) / 256, left_ = slice_end - executed;    \
        slice_end -= more_ < left_ ? more_ : left_;                     \
        stop = deadline < slice_end ? deadline : slice_end;             \
    } while (0)

#define LIMITS()                                                                            \
    do {                                                                                    \
        deadline = UINT64_MAX;                                                              \
        if (e->depth && e->loops[e->depth - 1].oldest <= UINT64_MAX - e->loop_limit)        \
            deadline = e->loops[e->depth - 1].oldest + e->loop_limit;                       \
        stop = deadline < slice_end ? deadline : slice_end;                                 \
    } while (0)

static void set_lanes(Engine *e)
{
    for (uint64_t head = 0; head < e->vlen / e->hlen; head++) {
        uint32_t on = head < 64 && e->mask >> head & 1 ? 0xFFFFFFFFu : 0;
        for (uint64_t i = 0; i < e->hlen; i++)
            e->lanes[head * e->hlen + i] = on;
    }
}

/* What of a loop nest an iteration of loop `from` begins anew. */
static void set_oldest(Engine *e, uint64_t from)
{
    for (uint64_t i = from; i < e->depth; i++) {
        uint64_t before = i ? e->loops[i - 1].oldest : UINT64_MAX;
        e->loops[i].oldest = before < e->loops[i].since ? before : e->loops[i].since;
    }
}

/* A sum as bf16. Which of several NaNs a sum gives is the host's, and some would round to infinity;
 * here a NaN stays one. */
static inline float drained(float value)
{
    float rounded = round_bf16(value);
    return value != value ? float_of(0x7FC00000u) : rounded;
}

static void drain_row(float *to, const float *from, uint64_t n)
{
    FOR_LANES(n, to[i] = drained(from[i]));
}

static void round_row(float *to, const float *from, uint64_t n)
{
    FOR_LANES(n, to[i] = round_bf16(from[i]));
}

int RUN(Engine *e, uint64_t budget)
{
    const Record *const records = e->records, *r = records + e->pc, *next;
    const uint64_t vlen = e->vlen, mlen = e->mlen, blen = e->blen, hlen = e->hlen;
    const uint64_t area = mlen * mlen, heads = e->broadcast;
    const int heads_fit = heads * hlen == mlen;
    const uint32_t *const lanes = e->lanes;
    int64_t *const counts = e->counts;
    uint32_t g[16];
    float f[8];
    uint64_t executed = e->executed, slice_end = executed + budget, deadline, stop;
    int64_t now = e->cycles;
    int status;

    memcpy(g, e->gp, sizeof g);
    memcpy(f, e->f, sizeof f);
    set_lanes(e);
    LIMITS();
    for (;; r = next) {
        if (executed >= stop) {
            if (r->op == OP_END)
                goto ended;
            if (executed >= deadline)
                goto leave; /* the watchdog */
            status = RUN_SLICE_OVER;
            goto out;
        }
        next = r + 1;
        if (r->waits & e->loading) {
            int64_t end = fa_dram_wait(e->dram, r->waits & (uint32_t)e->loading, now);
            e->loading &= ~(uint64_t)r->waits;
            e->hbm_cycles[r - records] += end - now;
            now = end;
        }
        switch (r->op) {
        case OP_END:
        ended:
            status = RUN_ENDED;
            goto out;
        case OP_STOP:
            status = RUN_STOPPED;
            goto out;

        /* Matrix unit */
        case OP_M_MM: {
            TILE(g[A]);
            NEED(offset % (mlen * blen) == 0);
            ROWS(x, g[B], blen);
            const float *w = e->matrix + tile * area + offset / mlen;
            add_product(e->m_accum, blen, blen, x, 1, mlen, w, mlen, mlen, blen, 1);
            HEAVY(blen * blen * mlen);
            break;
        }
        case OP_M_TMM: {
            TILE(g[A]);
            NEED(offset % (mlen * blen) == 0);
            ROWS(x, g[B], blen);
            const float *w = transposed(e, tile) + offset / mlen;
            for (uint64_t i = 0; i < blen; i++)
                add_chains(e->m_accum + i * blen, x + i * mlen, w, mlen, mlen, blen, 1, 0);
            HEAVY(blen * blen * mlen);
            break;
        }
        case OP_M_BMM:
        case OP_M_BTMM: {
            TILE(g[A]);
            NEED(heads_fit && offset < mlen && offset % hlen == 0);
            ROWS(x, g[B], mlen);
            int across = r->op == OP_M_BTMM;
            const float *k = (across ? transposed(e, tile) : e->matrix + tile * area) + offset * mlen;
            for (uint64_t h = 0; h < heads; h++)
                add_product(e->hm_accum + h * area, mlen, mlen, x + h * (across ? hlen : 1),
                            across ? 1 : heads, mlen, k, mlen, hlen, mlen, e->bmm_scale);
            HEAVY(heads * area * hlen);
            break;
        }
        case OP_M_MV: {
            TILE(g[A]);
            NEED(offset < mlen && offset % blen == 0);
            ROWS(x, g[B], 1);
            add_sequential(e->v_accum, x, 1, e->matrix + tile * area + offset, mlen, mlen, blen, 1);
            break;
        }
        case OP_M_TMV: {
            TILE(g[A]);
            NEED(offset == 0);
            ROWS(x, g[B], 1);
            add_chains(e->v_accum, x, transposed(e, tile), mlen, mlen, blen, 1, 1);
            break;
        }
        case OP_M_BTMV: {
            TILE(g[A] + g[C]);
            NEED(heads_fit && offset < mlen && offset % hlen == 0);
            ROWS(x, g[B], 1);
            const float *k = transposed(e, tile) + offset * mlen;
            float *out = e->hv_accum, scale = e->bmm_scale;
            if (mlen == 64 && hlen == 16) /* the usual machine */
                for (uint64_t h = 0; h < 4; h += 2)
                    add_peeled_pair(out + h * 64, 64, x + h * 16, 16, k, 64, 16, 64, scale);
            else
                for (uint64_t h = 0; h < heads; h++)
                    add_chains(out + h * mlen, x + h * hlen, k, mlen, hlen, mlen, scale, 1);
            HEAVY(heads * mlen * hlen);
            break;
        }
        case OP_M_MM_WO: {
            uint32_t address = g[A] + B, column = address % mlen;
            uint32_t step = C ? g[C] : 1;
            NEED(vlen == mlen && column % blen == 0);
            for (uint64_t i = 0; i < blen; i++) {
                uint32_t at = (uint32_t)(address - column + i * mlen * step);
                NEED(at % vlen == 0 && at / vlen < e->rows);
            }
            for (uint64_t i = 0; i < blen; i++) {
                float *to = e->vector + (uint32_t)(address - column + i * mlen * step) + column;
                for (uint64_t j = 0; j < blen; j++)
                    to[j] = drained(e->m_accum[i * blen + j]);
            }
            memset(e->m_accum, 0, blen * blen * sizeof(float));
            break;
        }
        case OP_M_MV_WO: {
            uint32_t address = g[A] + B, column = address % mlen;
            NEED(vlen == mlen && column % blen == 0);
            ROWS(to, address - column, 1);
            for (uint64_t j = 0; j < blen; j++)
                to[column + j] = drained(e->v_accum[j]);
            memset(e->v_accum, 0, blen * sizeof(float));
            break;
        }
        case OP_M_BMM_WO: {
            NEED(vlen == mlen);
            ROWS(to, (uint32_t)(g[A] + B), heads * mlen);
            for (uint64_t i = 0; i < heads * mlen; i++)
                drain_row(to + i * mlen, e->hm_accum + i * mlen, mlen);
            memset(e->hm_accum, 0, heads * area * sizeof(float));
            HEAVY(heads * area);
            break;
        }
        case OP_M_BMV_WO: {
            NEED(vlen == mlen);
            ROWS(to, (uint32_t)(g[A] + B), heads);
            for (uint64_t h = 0; h < heads; h++)
                drain_row(to + h * mlen, e->hv_accum + h * mlen, mlen);
            memset(e->hv_accum, 0, heads * mlen * sizeof(float));
            break;
        }

        /* Vector unit */
        case OP_V_ADD_VV: VECTOR_VECTOR(+)
        case OP_V_SUB_VV: VECTOR_VECTOR(-)
        case OP_V_MUL_VV: VECTOR_VECTOR(*)
        case OP_V_ADD_VF: VECTOR_SCALAR(x + y)
        case OP_V_MUL_VF: VECTOR_SCALAR(x * y)
        case OP_V_SUB_VF:
            if (E)
                VECTOR_SCALAR(-(x - y))
            VECTOR_SCALAR(x - y)
        /* A scalar that is NaN goes to every lane, an element that is stays. */
        case OP_V_MAX_VF: VECTOR_SCALAR(y != y || x < y ? y : x)
        case OP_V_MIN_VF: VECTOR_SCALAR(y != y || x > y ? y : x)
        case OP_V_EXP_V: {
            SOURCE(B);
            const uint16_t *table = e->exp_table;
            const float most = e->exp_limit;
            for (uint64_t i = 0; i < vlen; i++) {
                float x = src[i];
                uint32_t clamped = bits_of(x > most ? most : x < -most ? -most : x);
                uint32_t value = (uint32_t)table[bits_of(x) >> 16] << 16;
                d[i] = float_of(!C || lanes[i] ? value : clamped);
            }
            break;
        }
        case OP_V_RECI_V: {
            SOURCE(B);
            const uint16_t *table = e->reciprocal_table;
            for (uint64_t i = 0; i < vlen; i++) {
                uint32_t x = bits_of(src[i]), value = (uint32_t)table[x >> 16] << 16;
                d[i] = float_of(!C || lanes[i] ? value : x);
            }
            break;
        }
        case OP_V_SHFT_V: {
            SOURCE(B);
            uint64_t amount = g[C] < vlen ? g[C] : vlen;
            memmove(d + amount, src, (vlen - amount) * sizeof *d);
            memset(d, 0, amount * sizeof *d);
            break;
        }
        case OP_V_RED_SUM: {
            if (!A)
                break;
            ROWS(src, g[B], 1);
            const float *row = src;
            if (C) {
                /* Each selected head becomes its own sum in all lanes; then the row is summed. */
                memcpy(e->scratch, src, vlen * sizeof(float));
                for (uint64_t i = 0; i < vlen; i += hlen)
                    if (lanes[i]) {
                        float sum = sum_row(src + i, hlen);
                        for (uint64_t j = 0; j < hlen; j++)
                            e->scratch[i + j] = sum;
                    }
                row = e->scratch;
            }
            f[A] = round_bf16(f[A] + sum_row(row, vlen));
            break;
        }
        case OP_V_RED_MAX: {
            if (!A)
                break;
            ROWS(src, g[B], 1);
            float largest = max_row(src, vlen);
            /* A NaN on either side gives way to the other. */
            if (largest >= f[A] || (f[A] != f[A] && largest == largest))
                f[A] = largest;
            break;
        }

        /* Scalar unit */
        case OP_S_ADD_FP: SCALAR(x + y)
        case OP_S_SUB_FP: SCALAR(x - y)
        case OP_S_MUL_FP: SCALAR(x * y)
        case OP_S_MAX_FP: SCALAR(y > x ? y : x)
        case OP_S_EXP_FP: TABLE(e->exp_table)
        case OP_S_RECI_FP: TABLE(e->reciprocal_table)
        case OP_S_SQRT_FP: TABLE(e->sqrt_table)
        case OP_S_LD_FP: {
            uint32_t index = g[B] + C;
            NEED(index < e->fp_entries);
            f[A] = e->fp[index];
            break;
        }
        case OP_S_ST_FP: {
            uint32_t index = g[B] + C;
            NEED(index < e->fp_entries);
            e->fp[index] = f[A];
            break;
        }
        case OP_S_MAP_V_FP: {
            uint32_t index = g[B] + C;
            NEED(index + vlen <= e->fp_entries);
            ROWS(d, g[A], 1);
            memcpy(d, e->fp + index, vlen * sizeof *d);
            break;
        }
        case OP_S_ADD_INT: g[A] = g[B] + g[C]; break;
        case OP_S_ADDI_INT: g[A] = g[B] + C; break;
        case OP_S_SUB_INT: g[A] = g[B] - g[C]; break;
        case OP_S_MUL_INT: g[A] = g[B] * g[C]; break;
        case OP_S_LUI_INT: g[A] = B << 12; break;
        case OP_S_LD_INT: {
            uint32_t index = g[B] + C;
            NEED(index < e->int_entries);
            g[A] = e->ints[index];
            break;
        }
        case OP_S_ST_INT: {
            uint32_t index = g[B] + C;
            NEED(index < e->int_entries);
            e->ints[index] = g[A];
            break;
        }

        /* HBM. The instruction takes as long as its transfer, or a load goes on beside others. */
        case OP_H_PREFETCH_M: {
            uint64_t first = g[A], tiles = e->prefetch_m / mlen;
            NEED(first % area == 0 && first / area + tiles <= e->tiles);
            Transfer t = transfer_of(e, r, E ? MATRIX_KV : MATRIX_WEIGHT, g[B], e->prefetch_m, mlen);
            NEED(t.form->bits >= 8);
            for (uint64_t row = 0; row < t.rows; row++)
                fetch_row(e, &t, row, e->matrix + first + row * mlen, (uint8_t *)e->scratch);
            memset(e->transposed_valid + first / area, 0, tiles);
            int64_t took;
            if (!account(e, &t, (uint64_t)(r - records), FOR_MATRIX, now, &took))
                goto no_memory;
            now += took;
            HEAVY(t.rows * mlen * 16);
            break;
        }
        case OP_H_PREFETCH_V: {
            ROWS(to, g[A], 1);
            Transfer t = transfer_of(e, r, E ? VECTOR_KV : VECTOR_ACT, g[B], e->prefetch_v, vlen);
            NEED(t.form->bits >= 8);
            /* Rows past the end of the memory are dropped without a sign. */
            uint64_t kept = e->rows - (uint64_t)(to - e->vector) / vlen;
            for (uint64_t row = 0; row < t.rows && row < kept; row++) {
                fetch_row(e, &t, row, to + row * vlen, (uint8_t *)e->scratch);
                round_row(to + row * vlen, to + row * vlen, vlen);
            }
            int64_t took;
            if (!account(e, &t, (uint64_t)(r - records), FOR_VECTOR, now, &took))
                goto no_memory;
            now += took;
            HEAVY(t.rows * vlen * 16);
            break;
        }
        case OP_H_STORE_V: {
            uint64_t first = g[A];
            ROWS(from, first, e->writeback_v);
            Transfer t = transfer_of(e, r, E ? VECTOR_KV : VECTOR_ACT, g[B], e->writeback_v, vlen);
            NEED(store_fits(e, &t));
            for (uint64_t row = 0; row < t.rows; row++)
                store_row(e, &t, row, from + row * vlen);
            int64_t took;
            if (!account(e, &t, (uint64_t)(r - records), LOADS, now, &took))
                goto no_memory;
            now += took;
            HEAVY(t.rows * vlen * 32);
            break;
        }

        /* Control */
        case OP_C_SET_ADDR_REG: e->a[A] = (uint64_t)g[B] << 32 | g[C]; break;
        case OP_C_SET_SCALE_REG: e->scale = g[A]; break;
        case OP_C_SET_STRIDE_REG: e->stride = g[A]; break;
        case OP_C_SET_V_MASK_REG:
            e->mask = g[A];
            set_lanes(e);
            break;
        case OP_C_LOOP_START: {
            NEED(B > 0);
            if (e->depth == e->loop_room) {
                uint64_t room = e->loop_room ? 2 * e->loop_room : 16;
                Loop *loops = realloc(e->loops, room * sizeof *loops);
                if (!loops)
                    goto no_memory;
                e->loops = loops;
                e->loop_room = room;
            }
            g[A] = B;
            e->loops[e->depth++] = (Loop){.start = (uint64_t)(r - records),
                                          .since = executed + 1,
                                          .lowest = UINT64_C(1) << 32,
                                          .reg = A};
            set_oldest(e, e->depth - 1);
            LIMITS();
            break;
        }
        case OP_C_LOOP_END: {
            uint64_t at = e->depth;
            while (at && e->loops[at - 1].reg != A)
                at--;
            NEED(at);
            Loop *loop = &e->loops[--at];
            if (g[A] > 1) {
                if (g[A] < loop->lowest) {
                    loop->lowest = g[A];
                    loop->stuck = 0;
                } else {
                    NEED(loop->stuck != e->stuck_limit);
                }
                loop->stuck++;
                g[A]--;
                loop->since = executed + 1;
                next = records + loop->start + 1;
            } else {
                g[A] = 0;
                e->depth--;
                memmove(loop, loop + 1, (e->depth - at) * sizeof *loop);
            }
            set_oldest(e, at);
            LIMITS();
            break;
        }
        case OP_C_BREAK:
            NEED(e->depth);
            g[e->loops[--e->depth].reg] = 0;
            LIMITS();
            break;

        default:
        leave:
            status = RUN_LEFT;
            goto out;
        no_memory:
            status = RUN_NO_MEMORY;
            goto out;
        }
        counts[r - records]++;
        now += r->cycles;
        executed++;
    }

out:
    memcpy(e->gp, g, sizeof g);
    memcpy(e->f, f, sizeof f);
    e->pc = (uint64_t)(r - records);
    e->executed = executed;
    e->cycles = now;
    return status;
}
