/* Data of HBM transfers (sections 4.7, 5): see `machine/hbm/transfers.py`. */

enum { LINE = 64 };

/* A transfer of `rows` rows of `length` elements. */
typedef struct {
    const Format *form;
    uint64_t first, first_scale, step, rows, length;
    uint64_t size, scale_size; /* bytes of a row */
    float scale_step;
} Transfer;

static Transfer transfer_of(const Engine *e, const Record *r, int form, uint64_t offset,
                            uint64_t rows, uint64_t length)
{
    const Format *format = &e->formats[form];
    Transfer t = {.form = format, .rows = rows, .length = length};
    uint64_t base = e->a[r->x[2]];
    t.step = r->x[3] == 1 ? e->stride : length;
    t.first = base + offset;
    t.first_scale =
        base + e->scale + offset * format->ratio_denominator / format->ratio_numerator;
    t.size = length * format->bits / 8;
    t.scale_size = format->block ? length / format->block : 0;
    /* Row numbers times this are truncated, all in float32. */
    t.scale_step =
        (float)t.step / ((float)format->ratio_numerator / (float)format->ratio_denominator);
    return t;
}

static uint64_t element_address(const Transfer *t, uint64_t row)
{
    return t->first + (uint32_t)(row * t->step);
}

static uint64_t scale_address(const Transfer *t, uint64_t row)
{
    return t->first_scale + (t->form->block ? (uint64_t)((float)row * t->scale_step) : 0);
}

/* Ask for the lines of `size` bytes; their number. */
static int64_t request(Engine *e, uint64_t address, uint64_t size)
{
    uint64_t lines = size ? (address % LINE + size + LINE - 1) / LINE : 0;
    uint64_t first = address / LINE * LINE;
    if (e->dram)
        for (uint64_t i = 0; i < lines; i++) {
            uint64_t line = first + i * LINE;
            /* Lines that have passed 2^64 are none that a store wrote. */
            fa_dram_request(e->dram, line < first ? line | 1 : line);
        }
    return (int64_t)lines;
}

/* Traffic and time of a transfer; whether there was memory for it. `load` is its number among
 * loads, LOADS for a store. */
static int account(Engine *e, const Transfer *t, uint64_t pc, int load, int64_t now, int64_t *took)
{
    int is_store = load == LOADS;
    int64_t lines = 0;
    for (uint64_t row = 0; row < t->rows; row++) {
        lines += request(e, element_address(t, row), t->size);
        if (t->form->block)
            lines += request(e, scale_address(t, row), is_store ? t->scale_size : 1);
    }
    e->bytes_read[pc] += LINE * lines;
    if (is_store)
        e->bytes_written[pc] += LINE * lines;
    *took = 0;
    if (!e->dram)
        return 1;
    if (e->overlaps && !is_store) {
        e->loading |= UINT64_C(1) << load;
        return fa_dram_begin(e->dram, load, now) >= 0;
    }
    int64_t end = is_store ? fa_dram_store(e->dram, now) : fa_dram_read(e->dram, now);
    if (end < 0)
        return 0;
    *took = end - now;
    e->hbm_cycles[pc] += *took;
    return 1;
}

/* `size` bytes of HBM, zeros beyond its end; `room` holds them where they are not all there. */
static const uint8_t *bytes_at(const Engine *e, uint64_t address, uint64_t size, uint8_t *room)
{
    if (address < e->hbm_size && size <= e->hbm_size - address)
        return e->hbm + address;
    memset(room, 0, size);
    if (address < e->hbm_size)
        memcpy(room, e->hbm + address, e->hbm_size - address);
    return room;
}

/* Values of codes of one byte, a small float: its exponent 0 means subnormal numbers of exponent
 * -bias, its largest one infinity and NaN. Arithmetic, because it is vectorised and tables are not. */
static INLINE void decode_small_floats(const Format *form, const uint8_t *restrict codes,
                                       float *restrict out, size_t n)
{
    uint32_t mantissa = form->mantissa, shift = 23 - mantissa;
    uint32_t exponent_max = (1u << form->exponent) - 1, magnitude = (1u << (mantissa + form->exponent)) - 1;
    uint32_t fraction = (1u << mantissa) - 1, rebias = (127 - form->bias) << 23;
    uint32_t first_special = exponent_max << mantissa, sign_bit = form->sign ? 0x80 : 0;
    float unit = float_of((127u - form->bias - mantissa) << 23);
    for (size_t i = 0; i < n; i++) {
        uint32_t code = codes[i], size = code & magnitude;
        uint32_t normal = (size << shift) + rebias;
        uint32_t special = (size & fraction) << shift | 0x7F800000u;
        uint32_t tiny = bits_of((float)(int32_t)size * unit);
        uint32_t value = size <= fraction ? tiny : normal;
        value = size >= first_special ? special : value;
        out[i] = float_of(value | (code & sign_bit) << 24);
    }
}

static void decode_codes(const Format *form, const uint8_t *data, float *out, size_t n)
{
    if (form->bits == 16) {
        for (size_t i = 0; i < n; i++)
            out[i] = form->decode[data[2 * i] | (uint32_t)data[2 * i + 1] << 8];
    } else if (form->exponent && n == 64) {
        decode_small_floats(form, data, out, 64);
    } else if (form->exponent) {
        decode_small_floats(form, data, out, n);
    } else {
        for (size_t i = 0; i < n; i++)
            out[i] = form->decode[data[i]];
    }
}

/* The values of a row. `room` holds the row's bytes of elements and of scales. */
static void fetch_row(const Engine *e, const Transfer *t, uint64_t row, float *out, uint8_t *room)
{
    const Format *form = t->form;
    decode_codes(form, bytes_at(e, element_address(t, row), t->size, room), out, t->length);
    if (!form->block)
        return;
    uint64_t address = scale_address(t, row), present = LINE - address % LINE;
    const uint8_t *scales = bytes_at(e, address, t->scale_size, room);
    size_t block = form->block, fours = block / 4 * 4;
    for (size_t b = 0; b < t->scale_size; b++, out += block) {
        /* Scales after the end of the line are not fetched and count as 0. */
        float scale = form->scale_value[b < present ? scales[b] : 0];
        size_t i = 0;
        for (; i < fours; i += 4) {
            V4 values = load_v4(out + i) * scale;
            memcpy(out + i, &values, sizeof values);
        }
        for (; i < block; i++)
            out[i] *= scale;
    }
}

/* Codes that are written of each block, or of a row without blocks. Those narrower than a byte take
 * one each, and only as many are written as dense bytes would be. */
static uint64_t kept_codes(const Transfer *t)
{
    uint64_t block = t->form->block ? t->form->block : t->length, bits = t->form->bits;
    return bits < 8 ? block * bits / 8 : block;
}

/* Whether a store of the transfer's rows stays within the memory. */
static int store_fits(const Engine *e, const Transfer *t)
{
    uint64_t blocks = t->form->block ? t->scale_size : 1;
    uint64_t size = blocks * kept_codes(t) * (t->form->bits == 16 ? 2 : 1);
    for (uint64_t row = 0; row < t->rows; row++) {
        uint64_t address = element_address(t, row);
        if (address > e->hbm_size || size > e->hbm_size - address)
            return 0;
        address = scale_address(t, row);
        if (t->form->block && (address > e->hbm_size || t->scale_size > e->hbm_size - address))
            return 0;
    }
    return 1;
}

static uint8_t *put_code(uint8_t *to, uint32_t code, uint32_t bits)
{
    *to++ = (uint8_t)code;
    if (bits == 16)
        *to++ = (uint8_t)(code >> 8);
    return to;
}

/* The bf16 pattern of the largest magnitude of a block, NaNs aside. */
static uint32_t largest_of(const float *x, size_t n)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t size = bits_of(x[i]) & 0x7FFFFFFFu;
        if (size <= 0x7F800000u && size > largest)
            largest = size;
    }
    return largest >> 16;
}

/* Write a row of bf16 values. */
static void store_row(Engine *e, const Transfer *t, uint64_t row, const float *values)
{
    const Format *form = t->form;
    size_t block = form->block ? form->block : t->length;
    size_t kept = kept_codes(t);
    uint8_t *to = e->hbm + element_address(t, row);
    if (!form->block) {
        for (size_t i = 0; i < kept; i++)
            to = put_code(to, form->encode[bits_of(values[i]) >> 16], form->bits);
        return;
    }
    uint8_t *scales = e->hbm + scale_address(t, row);
    /* Elements before scales: where they overlap the scales stay. */
    for (size_t b = 0; b < t->scale_size; b++) {
        const float *x = values + b * block;
        uint32_t largest = largest_of(x, block);
        float factor = form->factor[largest];
        for (size_t i = 0; i < kept; i++) {
            /* A quotient that is subnormal in float32 may have lower bits; its code does not depend
             * on which (tables.py checks that). */
            uint32_t scaled = x[i] == 0 ? 0 : bits_of(x[i] / factor);
            uint32_t pattern = scaled >> 16 | ((scaled & 0xFFFF) != 0);
            to = put_code(to, largest ? form->encode[pattern] : 0, form->bits);
        }
    }
    for (size_t b = 0; b < t->scale_size; b++)
        scales[b] = form->scale_code[largest_of(values + b * block, block)];
}
