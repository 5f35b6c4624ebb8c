/* The sums of the matrix unit (section 4.2), in the orders of `summation_order.py`.
 *
 * Independent sums stand side by side in vectors; each adds its terms one by one. Needs VF, a vector
 * of LANES floats, and V4, one of four; included once for each set of vector instructions.
 *
 * Each function adds sum over d < n of x[d * xs] * w[d * ws + j] for the columns j of a vector.
 */

static inline VF load_vf(const float *p) { VF v; memcpy(&v, p, sizeof v); return v; }
static inline V4 load_v4(const float *p) { V4 v; memcpy(&v, p, sizeof v); return v; }
static inline float load_float(const float *p) { return *p; }

#define DEFINE_SUMS(T, load)                                                                     \
    /* In order of d, from zero. */                                                              \
    static inline T sequential_##load(const float *x, size_t xs, const float *w, size_t ws,      \
                                      size_t n)                                                  \
    {                                                                                            \
        T sum = {0};                                                                             \
        for (size_t d = 0; d < n; d++)                                                           \
            sum = sum + x[d * xs] * load(w + d * ws);                                            \
        return sum;                                                                              \
    }                                                                                            \
    /* The same for four rows of x, `rs` apart. */                                               \
    static inline void sequential4_##load(T out[4], const float *x, size_t xs, size_t rs,        \
                                          const float *w, size_t ws, size_t n)                   \
    {                                                                                            \
        T s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                                \
        for (size_t d = 0; d < n; d++) {                                                         \
            T k = load(w + d * ws);                                                              \
            s0 = s0 + x[d * xs] * k;                                                             \
            s1 = s1 + x[d * xs + rs] * k;                                                        \
            s2 = s2 + x[d * xs + 2 * rs] * k;                                                    \
            s3 = s3 + x[d * xs + 3 * rs] * k;                                                    \
        }                                                                                        \
        out[0] = s0, out[1] = s1, out[2] = s2, out[3] = s3;                                      \
    }                                                                                            \
    /* Four chains of every fourth term, then (0 + 2) + (1 + 3); where `peeled`, terms 1, 2 and 3 \
     * go to the first chain too, before the others. */                                          \
    static INLINE T chains_##load(const float *x, const float *w, size_t ws, size_t n,           \
                                  int peeled)                                                    \
    {                                                                                            \
        T s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};                                                \
        size_t d = 0;                                                                            \
        if (peeled)                                                                              \
            for (; d < 4 && d < n; d++)                                                          \
                s0 = s0 + x[d] * load(w + d * ws);                                               \
        for (; d + 4 <= n; d += 4) {                                                             \
            s0 = s0 + x[d] * load(w + d * ws);                                                   \
            s1 = s1 + x[d + 1] * load(w + (d + 1) * ws);                                         \
            s2 = s2 + x[d + 2] * load(w + (d + 2) * ws);                                         \
            s3 = s3 + x[d + 3] * load(w + (d + 3) * ws);                                         \
        }                                                                                        \
        if (d < n)                                                                               \
            s0 = s0 + x[d] * load(w + d * ws);                                                   \
        if (d + 1 < n)                                                                           \
            s1 = s1 + x[d + 1] * load(w + (d + 1) * ws);                                         \
        if (d + 2 < n)                                                                           \
            s2 = s2 + x[d + 2] * load(w + (d + 2) * ws);                                         \
        return (s0 + s2) + (s1 + s3);                                                            \
    }

DEFINE_SUMS(VF, load_vf)
DEFINE_SUMS(V4, load_v4)
DEFINE_SUMS(float, load_float)

#define ADD_TO(T, out, sum)            \
    do {                               \
        T total_;                      \
        memcpy(&total_, out, sizeof total_); \
        total_ = total_ + (sum);       \
        memcpy(out, &total_, sizeof total_); \
    } while (0)

/* out[j] += sum * scale, for `columns` columns. */
static void add_sequential(float *out, const float *x, size_t xs, const float *w, size_t ws,
                           size_t n, size_t columns, float scale)
{
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES)
        ADD_TO(VF, out + j, sequential_load_vf(x, xs, w + j, ws, n) * scale);
    for (; j + 4 <= columns; j += 4)
        ADD_TO(V4, out + j, sequential_load_v4(x, xs, w + j, ws, n) * scale);
    for (; j < columns; j++)
        out[j] = out[j] + sequential_load_float(x, xs, w + j, ws, n) * scale;
}

/* The same for four rows: of x `rs` apart, of out `os`. */
static void add_sequential4(float *out, size_t os, const float *x, size_t xs, size_t rs,
                            const float *w, size_t ws, size_t n, size_t columns, float scale)
{
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES) {
        VF sums[4];
        sequential4_load_vf(sums, x, xs, rs, w + j, ws, n);
        for (size_t i = 0; i < 4; i++)
            ADD_TO(VF, out + i * os + j, sums[i] * scale);
    }
    for (; j + 4 <= columns; j += 4) {
        V4 sums[4];
        sequential4_load_v4(sums, x, xs, rs, w + j, ws, n);
        for (size_t i = 0; i < 4; i++)
            ADD_TO(V4, out + i * os + j, sums[i] * scale);
    }
    for (; j < columns; j++) {
        float sums[4];
        sequential4_load_float(sums, x, xs, rs, w + j, ws, n);
        for (size_t i = 0; i < 4; i++)
            out[i * os + j] = out[i * os + j] + sums[i] * scale;
    }
}

static void add_product(float *out, size_t os, size_t rows, const float *x, size_t xs, size_t rs,
                        const float *w, size_t ws, size_t n, size_t columns, float scale)
{
    size_t i = 0;
    for (; i + 4 <= rows; i += 4)
        add_sequential4(out + i * os, os, x + i * rs, xs, rs, w, ws, n, columns, scale);
    for (; i < rows; i++)
        add_sequential(out + i * os, x + i * rs, xs, w, ws, n, columns, scale);
}

static INLINE void add_chains(float *out, const float *x, const float *w, size_t ws, size_t n,
                              size_t columns, float scale, int peeled)
{
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES)
        ADD_TO(VF, out + j, chains_load_vf(x, w + j, ws, n, peeled) * scale);
    for (; j + 4 <= columns; j += 4)
        ADD_TO(V4, out + j, chains_load_v4(x, w + j, ws, n, peeled) * scale);
    for (; j < columns; j++)
        out[j] = out[j] + chains_load_float(x, w + j, ws, n, peeled) * scale;
}

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#endif
#endif
#if !defined(SHUFFLE)
typedef int I4 __attribute__((vector_size(16)));
#define SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (I4){i, j, k, l})
#endif

/* Transpose a block of 4 by 4. */
static inline void transpose4(float *to, const float *from, size_t n)
{
    V4 a = load_v4(from), b = load_v4(from + n), c = load_v4(from + 2 * n), d = load_v4(from + 3 * n);
    V4 ab = SHUFFLE(a, b, 0, 4, 1, 5), ab2 = SHUFFLE(a, b, 2, 6, 3, 7);
    V4 cd = SHUFFLE(c, d, 0, 4, 1, 5), cd2 = SHUFFLE(c, d, 2, 6, 3, 7);
    V4 rows[4] = {SHUFFLE(ab, cd, 0, 1, 4, 5), SHUFFLE(ab, cd, 2, 3, 6, 7),
                  SHUFFLE(ab2, cd2, 0, 1, 4, 5), SHUFFLE(ab2, cd2, 2, 3, 6, 7)};
    for (size_t i = 0; i < 4; i++)
        memcpy(to + i * n, &rows[i], sizeof rows[i]);
}

/* Peeled chains for two rows at once, which share what is loaded of w: x and out `rs` and `os`
 * apart. n is a multiple of 4, and not 0, and `columns` one of LANES. */
static INLINE void add_peeled_pair(float *out, size_t os, const float *x, size_t rs, const float *w,
                                   size_t ws, size_t n, size_t columns, float scale)
{
    for (size_t j = 0; j < columns; j += LANES) {
        VF a[4] = {{0}}, b[4] = {{0}};
        for (size_t d = 0; d < n; d++) {
            VF k = load_vf(w + d * ws + j);
            size_t chain = d < 4 ? 0 : d % 4;
            a[chain] = a[chain] + x[d] * k;
            b[chain] = b[chain] + x[rs + d] * k;
        }
        ADD_TO(VF, out + j, ((a[0] + a[2]) + (a[1] + a[3])) * scale);
        ADD_TO(VF, out + os + j, ((b[0] + b[2]) + (b[1] + b[3])) * scale);
    }
}

/* The transposed copy of a tile. */
static const float *transposed(Engine *e, size_t tile)
{
    size_t n = e->mlen, whole = n / 4 * 4;
    float *copy = e->transposed + tile * n * n;
    const float *source = e->matrix + tile * n * n;
    if (e->transposed_valid[tile])
        return copy;
    for (size_t j = 0; j < whole; j += 4)
        for (size_t i = 0; i < whole; i += 4)
            transpose4(copy + j * n + i, source + i * n + j, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i < whole ? whole : 0; j < n; j++)
            copy[j * n + i] = source[i * n + j];
    e->transposed_valid[tile] = 1;
    return copy;
}
