/* Rounding, and the vector unit's elementwise loops and reductions (sections 4.1, 4.3). */

static inline uint32_t bits_of(float value) { uint32_t b; memcpy(&b, &value, sizeof b); return b; }
static inline float float_of(uint32_t bits) { float f; memcpy(&f, &bits, sizeof f); return f; }

/* Rounded to bf16, ties to even. A NaN is rounded like a number, and overflows to infinity. */
static inline uint32_t round_bits(uint32_t bits)
{
    uint32_t sign = bits & 0x80000000u, size = bits ^ sign;
    uint32_t rounded = size + 0x7FFFu + (size >> 16 & 1);
    rounded = (int32_t)rounded < 0 ? 0x7F800000u : rounded & 0xFFFF0000u;
    return rounded | sign;
}

static inline float round_bf16(float value) { return float_of(round_bits(bits_of(value))); }

/* Rows are whole or apart, so a loop over lanes never meets another lane's result. A row of 64
 * elements, the usual one, has loops of its own. */
#define FOR_LANES(n, body)                                     \
    do {                                                       \
        if ((n) == 64) {                                       \
            _Pragma("GCC ivdep") for (size_t i = 0; i < 64; i++) { body; } \
        } else {                                               \
            size_t n_ = (n);                                   \
            _Pragma("GCC ivdep") for (size_t i = 0; i < n_; i++) { body; } \
        }                                                      \
    } while (0)

/* d[i] = result, rounded; lanes that the mask does not select get `other`. `x` is src[i]. */
#define ELEMENTWISE(masked, result, other)                                                       \
    do {                                                                                         \
        if (masked)                                                                              \
            FOR_LANES(vlen, float x = src[i]; float r_ = (result); float o_ = (other);           \
                      uint32_t on_ = lanes[i];                                                   \
                      d[i] = round_bf16(float_of((bits_of(r_) & on_) | (bits_of(o_) & ~on_))));  \
        else                                                                                     \
            FOR_LANES(vlen, float x = src[i]; d[i] = round_bf16(result));                        \
    } while (0)

/* The vector unit's sum of n elements: see `sum_row` in summation_order.py. */
static float sum_row(const float *row, size_t n)
{
    enum { WIDTH = 8, CHAINS = 4, GROUP = WIDTH * CHAINS, LEVELS = 4 };
    size_t vectors = n / WIDTH, groups = vectors / CHAINS;
    float total = 0;
    for (size_t i = vectors * WIDTH; i < n; i++)
        total += row[i];
    if (!vectors)
        return total;
    float parts[GROUP] = {0};
    if (groups < 16) {
        for (size_t g = 0; g < groups; g++)
            for (size_t i = 0; i < GROUP; i++)
                parts[i] += row[g * GROUP + i];
    } else {
        unsigned bits = 0; /* of the group count, rounded up to a power of two */
        while ((size_t)1 << bits < groups)
            bits++;
        unsigned power = bits / 4 > 4 ? bits / 4 : 4;
        size_t step = (size_t)1 << power;
        float levels[LEVELS][GROUP] = {{0}};
        for (size_t g = 0; g < groups; g++) {
            for (size_t i = 0; i < GROUP; i++)
                levels[0][i] += row[g * GROUP + i];
            size_t every = step;
            for (size_t level = 0; level + 1 < LEVELS && (g + 1) % every == 0; level++) {
                for (size_t i = 0; i < GROUP; i++) {
                    levels[level + 1][i] += levels[level][i];
                    levels[level][i] = 0;
                }
                every *= step;
            }
        }
        for (size_t i = 0; i < GROUP; i++)
            parts[i] = ((levels[0][i] + levels[1][i]) + levels[2][i]) + levels[3][i];
    }
    for (size_t v = groups * CHAINS; v < vectors; v++)
        for (size_t i = 0; i < WIDTH; i++)
            parts[i] += row[v * WIDTH + i];
    for (size_t i = 0; i < WIDTH; i++)
        total += ((parts[i] + parts[WIDTH + i]) + parts[2 * WIDTH + i]) + parts[3 * WIDTH + i];
    return total;
}

/* The greatest of a row, +0 above -0; NaN if an element is. */
static float max_row(const float *row, size_t n)
{
    /* Float patterns as integers in the same order. */
    int32_t most = INT32_MIN, largest = 0;
    FOR_LANES(n, int32_t b = (int32_t)bits_of(row[i]); int32_t size = b & 0x7FFFFFFF;
              int32_t key = b ^ (b >> 31 & 0x7FFFFFFF); most = key > most ? key : most;
              largest = size > largest ? size : largest);
    if (largest > 0x7F800000)
        return float_of(0x7FC00000u);
    return float_of((uint32_t)(most ^ (most >> 31 & 0x7FFFFFFF)));
}
