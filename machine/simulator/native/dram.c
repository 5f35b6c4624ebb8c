/* Time that HBM transfers take (section 6.3): `machine/hbm/dram.py` in C.
 *
 * A line's four accesses go to four channels of the memory, a half of the usual eight, each to the
 * same bank and row of its channel. So these four always do the same at the same time, and one of
 * them is simulated for all: `Half`, of which there are one to eight. With fewer than four channels
 * that is not so; Python leaves those to the other engines. What else makes it quick is as in dram.py: ticks in which nothing can
 * be done are skipped, and requests of one kind for the same row of a bank are one group.
 */
#include <stdlib.h>
#include <string.h>

#include "engine.h"

enum { BANKS = 32, ROOM = 33 /* entries of a queue */, QUEUE = 32, MOST_HALVES = 8 };
enum { WRITE_HIGH = 26, WRITE_LOW = 6, READ_LATENCY = 11 };
#define NEVER (INT64_C(1) << 62)
#define CLOSED (-1)

/* Lines that were asked for together: how many are under way, and when the last of those that have
 * been issued arrives. */
typedef struct {
    int64_t pending, end;
} Load;

typedef struct {
    int64_t sequence;
    uint64_t line;
    Load *load;
    int next;
} Entry;

/* Queued requests of one kind for one row, the oldest first; `sequence` is that one's. Groups of a
 * bank are chained; `bucket` is the one of the queue's buckets that has the group. */
typedef struct {
    int64_t sequence, row;
    int bank, bucket;
    int first, last;
    int next;
} Group;

/* What a request's bank is: open with its row, closed, or open with another row. */
enum { HIT, SHUT, CONFLICT, KINDS, BUCKETS = 2 * KINDS };

/* Requests of one kind in one channel. Groups stand in buckets by pseudo-channel and by what their
 * bank is, because one limit may hold back a whole bucket; in each the oldest is first, so that the
 * first ready one is the bucket's choice. */
typedef struct {
    Entry entries[ROOM];
    Group groups[ROOM];
    int of_bank[BANKS];
    uint8_t buckets[BUCKETS][ROOM];
    int counts[BUCKETS];
    int free_entry, free_group;
    int size;
} Queue;

typedef struct {
    int64_t sequence, row;
    int bank, is_write;
    Load *load;
} Active;

typedef struct {
    Queue reads, writes;
    Active active[BANKS];
    int active_count, column_gap;
    int64_t active_at; /* no activated request is ready before this tick */
    int write_mode;
    int64_t last_return, wake;
    int64_t open[BANKS], act_at[BANKS], column_at[BANKS], pre_at[BANKS];
    int64_t group_act[8], group_read[8], group_write[8];
    int64_t pseudo_act[2], pseudo_read[2], pseudo_write[2];
    int64_t recent_acts[2][4];
    int64_t channel_act, channel_pre;
} Half;

/* A line that has no place in its channels yet. */
typedef struct {
    uint64_t line;
    Load *load;
} Waiting;

struct Dram {
    Half halves[MOST_HALVES];
    int count_of_halves, channel_bits;
    int64_t clock, sequence;
    Load loads[LOADS], own; /* under way beside other work; what is waited for at once */
    Waiting *waiting;       /* a queue for all channels, from `head` to `tail` */
    size_t head, tail, waiting_room;
    /* The lines of the transfer to come. */
    uint64_t *lines;
    size_t count, room;
    int failed;
};

static void queue_init(Queue *queue)
{
    for (int i = 0; i < ROOM; i++)
        queue->entries[i].next = queue->groups[i].next = i + 1 < ROOM ? i + 1 : -1;
    for (int bank = 0; bank < BANKS; bank++)
        queue->of_bank[bank] = -1;
}

Dram *fa_dram_new(int channels, int column_gap)
{
    Dram *dram = calloc(1, sizeof *dram);
    if (!dram)
        return NULL;
    dram->clock = -1;
    dram->count_of_halves = channels / 4;
    while (1 << dram->channel_bits < channels)
        dram->channel_bits++;
    for (int h = 0; h < dram->count_of_halves; h++) {
        Half *half = &dram->halves[h];
        queue_init(&half->reads);
        queue_init(&half->writes);
        half->active_at = half->wake = NEVER;
        half->last_return = -1;
        half->column_gap = column_gap;
        for (int bank = 0; bank < BANKS; bank++)
            half->open[bank] = CLOSED;
        for (int i = 0; i < 8; i++)
            half->recent_acts[i / 4][i % 4] = -NEVER;
    }
    return dram;
}

void fa_dram_free(Dram *dram)
{
    if (dram) {
        free(dram->lines);
        free(dram->waiting);
    }
    free(dram);
}

void fa_dram_request(Dram *dram, uint64_t line)
{
    if (dram->count == dram->room) {
        size_t room = dram->room ? 2 * dram->room : 256;
        uint64_t *lines = realloc(dram->lines, room * sizeof *lines);
        if (!lines) {
            dram->failed = 1;
            return;
        }
        dram->lines = lines;
        dram->room = room;
    }
    dram->lines[dram->count++] = line;
}

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void raise_to(int64_t *limit, int64_t value)
{
    if (*limit < value)
        *limit = value;
}

static void place(const Dram *dram, uint64_t line, int *half, int *bank, int64_t *row)
{
    uint64_t rest = line >> (6 + dram->channel_bits);
    unsigned column = (unsigned)(rest >> 5 & 7) << 2, number = (unsigned)(line >> 6) ^ column;
    *half = (int)((number & ((1u << dram->channel_bits) - 1)) >> 2);
    column >>= dram->channel_bits;
    unsigned pseudo = ((unsigned)rest ^ column) & 1;
    unsigned group = ((unsigned)(rest >> 1) ^ column >> 1) & 3;
    unsigned in_group = ((unsigned)(rest >> 3) ^ column >> 3) & 3;
    *bank = (int)(pseudo << 4 | group << 2 | in_group);
    *row = (int64_t)(rest >> 8 & 0xFFFFFFFF);
}

static void put(Queue *queue, int index, int64_t open_row)
{
    Group *group = &queue->groups[index];
    int kind = open_row == CLOSED ? SHUT : open_row == group->row ? HIT : CONFLICT;
    group->bucket = KINDS * (group->bank >> 4) + kind;
    uint8_t *bucket = queue->buckets[group->bucket];
    int at = queue->counts[group->bucket]++;
    for (; at > 0 && queue->groups[bucket[at - 1]].sequence > group->sequence; at--)
        bucket[at] = bucket[at - 1];
    bucket[at] = (uint8_t)index;
}

static void take(Queue *queue, int index)
{
    int number = queue->groups[index].bucket, at = 0;
    uint8_t *bucket = queue->buckets[number];
    while (bucket[at] != index)
        at++;
    for (int last = --queue->counts[number]; at < last; at++)
        bucket[at] = bucket[at + 1];
}

/* Sort the groups of a bank anew after it was opened or closed. */
static void bank_changed(Queue *queue, int bank, int64_t open_row)
{
    for (int i = queue->of_bank[bank]; i >= 0; i = queue->groups[i].next) {
        take(queue, i);
        put(queue, i, open_row);
    }
}

static void push(Queue *queue, int bank, int64_t row, int64_t sequence, uint64_t line, Load *load,
                 int64_t open_row)
{
    int at = queue->free_entry;
    queue->free_entry = queue->entries[at].next;
    queue->size++;
    queue->entries[at] = (Entry){sequence, line, load, -1};
    for (int i = queue->of_bank[bank]; i >= 0; i = queue->groups[i].next) {
        Group *group = &queue->groups[i];
        if (group->row == row) {
            queue->entries[group->last].next = at;
            group->last = at;
            return;
        }
    }
    int index = queue->free_group;
    queue->free_group = queue->groups[index].next;
    queue->groups[index] =
        (Group){.sequence = sequence, .row = row, .bank = bank, .first = at, .last = at,
                .next = queue->of_bank[bank]};
    queue->of_bank[bank] = index;
    put(queue, index, open_row);
}

/* Take the oldest request of a group of a bank whose open row is given. */
static Entry pop(Queue *queue, int index, int64_t open_row)
{
    Group *group = &queue->groups[index];
    int at = group->first;
    Entry *entry = &queue->entries[at], taken = *entry;
    take(queue, index);
    group->first = entry->next;
    entry->next = queue->free_entry;
    queue->free_entry = at;
    queue->size--;
    if (group->first >= 0) {
        group->sequence = queue->entries[group->first].sequence;
        put(queue, index, open_row);
        return taken;
    }
    int *link = &queue->of_bank[group->bank];
    while (*link != index)
        link = &queue->groups[*link].next;
    *link = group->next;
    group->next = queue->free_group;
    queue->free_group = index;
    return taken;
}

/* Whether a write of the line, which lies in this bank, is queued. */
static int is_queued(const Queue *queue, int bank, uint64_t line)
{
    for (int i = queue->of_bank[bank]; i >= 0; i = queue->groups[i].next)
        for (int at = queue->groups[i].first; at >= 0; at = queue->entries[at].next)
            if (queue->entries[at].line == line)
                return 1;
    return 0;
}

/* Data return in order, at most one a tick. */
static void complete(Half *half, int64_t depart, Load *load)
{
    half->last_return = max64(depart, half->last_return + 1);
    load->pending--;
    raise_to(&load->end, half->last_return);
}

static void set_open(Half *half, int bank, int64_t row)
{
    half->open[bank] = row;
    bank_changed(&half->reads, bank, row);
    bank_changed(&half->writes, bank, row);
}

static void activate(Half *half, int64_t clock, int bank, int64_t row)
{
    int pseudo = bank >> 4;
    int64_t *acts = half->recent_acts[pseudo];
    memmove(acts, acts + 1, 3 * sizeof *acts);
    acts[3] = clock;
    set_open(half, bank, row);
    half->channel_act = half->channel_pre = clock + 2;
    half->pseudo_act[pseudo] = max64(clock + 2, acts[0] + 15);
    half->group_act[bank >> 2] = clock + 3;
    half->column_at[bank] = clock + 7;
    half->pre_at[bank] = clock + 17;
    half->act_at[bank] = clock + 19;
}

/* Read, write, activate or precharge for a request; whether that finishes it. */
static int issue(Half *half, int64_t clock, int bank, int64_t row, int is_write, Load *load)
{
    int pseudo = bank >> 4, group = bank >> 2;
    if (half->open[bank] == row) {
        if (is_write) {
            half->pseudo_write[pseudo] = clock + half->column_gap;
            half->group_write[group] = clock + 2;
            raise_to(&half->pseudo_read[pseudo], clock + 9);
            raise_to(&half->group_read[group], clock + 10);
            raise_to(&half->pre_at[bank], clock + 14);
        } else {
            complete(half, clock + READ_LATENCY, load);
            half->pseudo_read[pseudo] = clock + half->column_gap;
            half->group_read[group] = clock + 2;
            raise_to(&half->pseudo_write[pseudo], clock + 11);
            raise_to(&half->pre_at[bank], clock + 3);
        }
        return 1;
    }
    if (half->open[bank] == CLOSED) {
        activate(half, clock, bank, row);
    } else {
        set_open(half, bank, CLOSED);
        raise_to(&half->act_at[bank], clock + 7);
    }
    return 0;
}

/* The earliest tick for the command that a request for `row` of `bank` needs next. */
static int64_t ready_at(const Half *half, int bank, int64_t row, int is_write)
{
    int64_t open = half->open[bank];
    if (open == row) {
        const int64_t *group = is_write ? half->group_write : half->group_read;
        const int64_t *pseudo = is_write ? half->pseudo_write : half->pseudo_read;
        return max64(half->column_at[bank], max64(group[bank >> 2], pseudo[bank >> 4]));
    }
    if (open == CLOSED)
        return max64(max64(half->act_at[bank], half->group_act[bank >> 2]),
                     max64(half->pseudo_act[bank >> 4], half->channel_act));
    return max64(half->pre_at[bank], half->channel_pre);
}

/* Serve an activated request if one is ready; otherwise the tick when one will be. */
static int64_t tick_active(Half *half, int64_t clock)
{
    int64_t best = NEVER, wake = NEVER;
    int chosen = -1;
    for (int i = 0; i < half->active_count; i++) {
        const Active *each = &half->active[i];
        int64_t ready = ready_at(half, each->bank, each->row, each->is_write);
        if (ready > clock) {
            if (ready < wake)
                wake = ready;
        } else if (each->sequence < best) {
            best = each->sequence;
            chosen = i;
        }
    }
    if (chosen < 0)
        return wake;
    Active *each = &half->active[chosen];
    if (issue(half, clock, each->bank, each->row, each->is_write, each->load))
        *each = half->active[--half->active_count];
    return clock;
}

/* Whether writes or reads are served. */
static void update_mode(Half *half)
{
    int waiting = half->reads.size;
    if (half->write_mode) {
        if (half->writes.size <= WRITE_LOW && waiting)
            half->write_mode = 0;
    } else if (half->writes.size >= WRITE_HIGH || !waiting) {
        half->write_mode = 1;
    }
}

/* Issue the command that a group needs; it is ready. */
static void serve(Half *half, int64_t clock, Queue *queue, int index, int is_write)
{
    int bank = queue->groups[index].bank;
    int64_t row = queue->groups[index].row;
    if (half->open[bank] != CLOSED && half->open[bank] != row) {
        /* A row that an activated request still needs stays open. */
        for (int i = 0; i < half->active_count; i++)
            if (half->active[i].bank == bank)
                return;
        issue(half, clock, bank, row, is_write, NULL);
        return;
    }
    Load *load = queue->entries[queue->groups[index].first].load;
    int done = issue(half, clock, bank, row, is_write, load);
    Entry taken = pop(queue, index, half->open[bank]);
    if (!done) {
        /* At most one request of a bank is active: others wait until its row may be closed. */
        half->active[half->active_count++] = (Active){taken.sequence, row, bank, is_write, load};
        half->active_at = clock + 1;
    }
}

/* Issue at most one command at tick `clock`, for the oldest ready request, activated ones first. */
static void tick(Half *half, int64_t clock)
{
    int64_t wake = half->active_at;
    if (wake <= clock) {
        wake = tick_active(half, clock);
        if (wake <= clock) {
            half->wake = clock + 1;
            return;
        }
        half->active_at = wake;
    }
    update_mode(half);
    int is_write = half->write_mode;
    Queue *queue = is_write ? &half->writes : &half->reads;
    static const int64_t no_limit[8];
    const int64_t *column = is_write ? half->group_write : half->group_read;
    const int64_t *pseudo_column = is_write ? half->pseudo_write : half->pseudo_read;
    int64_t best = NEVER;
    int chosen = -1;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
        if (!queue->counts[bucket])
            continue;
        int pseudo = bucket / KINDS;
        int64_t bound;
        const int64_t *bank_at, *group_at;
        switch (bucket % KINDS) {
        case HIT:
            bound = pseudo_column[pseudo];
            bank_at = half->column_at, group_at = column;
            break;
        case SHUT:
            bound = max64(half->pseudo_act[pseudo], half->channel_act);
            bank_at = half->act_at, group_at = half->group_act;
            break;
        default:
            bound = half->channel_pre;
            bank_at = half->pre_at, group_at = no_limit;
        }
        if (bound > clock) {
            if (bound < wake)
                wake = bound;
            continue;
        }
        for (int i = 0; i < queue->counts[bucket]; i++) {
            const Group *group = &queue->groups[queue->buckets[bucket][i]];
            if (group->sequence > best)
                break;
            int64_t ready = max64(bank_at[group->bank], group_at[group->bank >> 2]);
            if (ready <= clock) {
                best = group->sequence;
                chosen = queue->buckets[bucket][i];
                break;
            }
            if (ready < wake)
                wake = ready;
        }
    }
    half->wake = wake;
    if (chosen >= 0) {
        serve(half, clock, queue, chosen, is_write);
        half->wake = clock + 1;
    }
}

/* Move lines from the head of the queue to their channels until one is full. */
static void admit(Dram *dram)
{
    while (dram->head < dram->tail) {
        Waiting each = dram->waiting[dram->head];
        int number, bank;
        int64_t row;
        place(dram, each.line, &number, &bank, &row);
        Half *half = &dram->halves[number];
        if (half->reads.size > QUEUE)
            return;
        dram->head++;
        dram->sequence++;
        if (half->writes.size && is_queued(&half->writes, bank, each.line)) {
            complete(half, dram->clock + 1, each.load);
        } else {
            push(&half->reads, bank, row, dram->sequence, each.line, each.load, half->open[bank]);
            half->wake = dram->clock + 1;
        }
    }
    dram->head = dram->tail = 0;
}

static void tick_all(Dram *dram, int64_t clock)
{
    dram->clock = clock;
    for (int h = 0; h < dram->count_of_halves; h++)
        if (dram->halves[h].wake <= clock)
            tick(&dram->halves[h], clock);
    if (dram->tail)
        admit(dram);
}

static int64_t next_wake(const Dram *dram)
{
    int64_t first = dram->halves[0].wake;
    for (int h = 1; h < dram->count_of_halves; h++)
        if (dram->halves[h].wake < first)
            first = dram->halves[h].wake;
    return first;
}

/* The next tick in which something may be done. */
static void step(Dram *dram)
{
    tick_all(dram, max64(dram->clock + 1, next_wake(dram)));
}

static void run_until(Dram *dram, int64_t clock)
{
    int64_t wake;
    while ((wake = next_wake(dram)) <= clock)
        tick_all(dram, max64(dram->clock + 1, wake));
    dram->clock = max64(dram->clock, clock);
}

/* Ticks before `now` that nobody waited for. */
static void catch_up(Dram *dram, int64_t now)
{
    if (dram->clock < now - 1)
        run_until(dram, now - 1);
}

/* Request lines at `now` and go on; whether there was memory for them. */
static int begin(Dram *dram, const uint64_t *lines, size_t count, int64_t now, Load *load)
{
    *load = (Load){(int64_t)count, now};
    if (!count)
        return 1;
    catch_up(dram, now);
    if (dram->head) {
        memmove(dram->waiting, dram->waiting + dram->head,
                (dram->tail - dram->head) * sizeof *dram->waiting);
        dram->tail -= dram->head;
        dram->head = 0;
    }
    if (dram->tail + count > dram->waiting_room) {
        size_t room = 2 * (dram->tail + count);
        Waiting *waiting = realloc(dram->waiting, room * sizeof *waiting);
        if (!waiting)
            return 0;
        dram->waiting = waiting;
        dram->waiting_room = room;
    }
    for (size_t i = 0; i < count; i++)
        dram->waiting[dram->tail++] = (Waiting){lines[i], load};
    admit(dram);
    return 1;
}

/* The time from `now` on when a load has arrived. */
static int64_t wait_for(Dram *dram, const Load *load, int64_t now)
{
    if (load->pending) {
        catch_up(dram, now);
        while (load->pending)
            step(dram);
    }
    if (load->end <= now)
        return now;
    run_until(dram, load->end);
    return load->end;
}

/* Request lines at `now`; the time when the last one has arrived, or -1 without memory for that. */
static int64_t read_lines(Dram *dram, const uint64_t *lines, size_t count, int64_t now)
{
    if (!count)
        return now;
    if (!begin(dram, lines, count, now, &dram->own))
        return -1;
    now = wait_for(dram, &dram->own, now);
    /* A wait that ends now ends in the tick of now, also where it has been none. */
    run_until(dram, now);
    return now;
}

/* Post a write; the time when the controllers have accepted it. */
static int64_t write_line(Dram *dram, uint64_t line, int64_t now)
{
    int number, bank;
    int64_t row;
    place(dram, line, &number, &bank, &row);
    Half *half = &dram->halves[number];
    while (half->writes.size > QUEUE)
        step(dram);
    push(&half->writes, bank, row, ++dram->sequence, line, NULL, half->open[bank]);
    half->wake = dram->clock + 1;
    return max64(now, dram->clock);
}

/* All requested lines are read at once from `now` on; the time when the last has arrived, or -1
 * where there was no memory for the requests. */
int64_t fa_dram_read(Dram *dram, int64_t now)
{
    int64_t end = dram->failed ? -1 : read_lines(dram, dram->lines, dram->count, now);
    dram->count = 0;
    return end;
}

/* As fa_dram_read, but go on at once: `now`, or -1. */
int64_t fa_dram_begin(Dram *dram, int load, int64_t now)
{
    if (dram->failed || !begin(dram, dram->lines, dram->count, now, &dram->loads[load]))
        now = -1;
    dram->count = 0;
    return now;
}

/* The time from `now` on when the last of these loads (bits of their numbers) that was begun has
 * arrived; the load of the highest number is waited for first. */
int64_t fa_dram_wait(Dram *dram, uint32_t loads, int64_t now)
{
    for (int load = LOADS - 1; load >= 0; load--)
        if (loads >> load & 1)
            now = wait_for(dram, &dram->loads[load], now);
    return now;
}

/* Each requested line is read and then posted, in turn; the time when the last is accepted, or -1. */
int64_t fa_dram_store(Dram *dram, int64_t now)
{
    if (dram->failed)
        now = -1;
    for (size_t i = 0; i < dram->count && now >= 0; i++) {
        now = read_lines(dram, &dram->lines[i], 1, now);
        if (now >= 0)
            now = write_line(dram, dram->lines[i], now);
    }
    dram->count = 0;
    return now;
}
