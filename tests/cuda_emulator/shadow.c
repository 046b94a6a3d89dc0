/* Shadow memory. Shared memory: for each 4-byte word who wrote it last and who has read it since, each with the writer's or
 * reader's clock, after FastTrack (Flanagan and Freund, PLDI 2009). Every warp has a vector clock, advanced and joined where warps
 * meet at a barrier; the bulk copies of a block are one more agent, the wgmma of a warpgroup another. A second vector of each warp says up to where it knows others'
 * accesses to be behind a proxy fence (PTX ISA 8.8, proxy-preserved base causality order). Limits: accesses of lanes of one warp are
 * taken as ordered, of a word only the last writer, the last strong writer and the last strong reader are remembered, and who has seen one
 * operation of a block's async proxy has seen the earlier ones. */
#include "shadow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 0xffff, NOBODY = 0xfffe, KNOWN = 64 };

struct mark {
    uint32_t clock;
    uint16_t agent;
    uint8_t bytes; /* which of the four */
};

struct cell {
    struct mark write, read; /* read.agent MANY: see readers */
};

struct strong {              /* few words have such marks, and two arrays keep cells small */
    struct mark write, read; /* atomic operations are strong writes */
};

struct clocks {
    uint32_t blocks, warps, agents;
    uint32_t per_block; /* agents: the warps, the bulk copies, the wgmma of each warpgroup */
    uint32_t *seen;     /* [agent][2][agents]: how much of another's past it has seen, and has seen fenced */
    struct arena arena;
};

struct checker {
    struct clocks *clocks;
    uint32_t words, first; /* the agent that is warp 0 */
    struct cell *cells;
    struct strong *strong;
    uint32_t strong_first, strong_end; /* no word outside has strong marks */
    uint32_t *readers; /* [agent][words]: each agent's clock when it last read, where reader is MANY */
    uint64_t *known; /* by word, a bit for each agent modulo 64: there the clocks are known; elsewhere they are 0 */
    uint8_t *defined; /* by byte: bits that are */
};

/* Who accesses, as the rules see it. */
struct accessor {
    struct warp *warp; /* for reports */
    int lane;
    const uint32_t *seen;
    uint32_t me; /* its own accesses are ordered; NOBODY: asynchronous ones are not */
    uint32_t agent, now;
};

struct clocks *shadow_open_clocks(uint32_t blocks, uint32_t warps)
{
    struct clocks *clocks = calloc(1, sizeof *clocks);
    if (clocks == NULL) return NULL;
    *clocks = (struct clocks){ .blocks = blocks, .warps = warps, .per_block = warps + 1 + (warps + 3) / 4 };
    clocks->agents = blocks * clocks->per_block;
    clocks->seen = calloc((size_t)2 * clocks->agents * clocks->agents, sizeof *clocks->seen);
    if (clocks->seen != NULL) return clocks;
    free(clocks);
    return NULL;
}

void shadow_close_clocks(struct clocks *clocks)
{
    if (clocks == NULL) return;
    arena_free(&clocks->arena);
    free(clocks->seen);
    free(clocks);
}

static uint32_t *seen_by(const struct clocks *clocks, uint32_t agent)
{
    return clocks->seen + (size_t)2 * agent * clocks->agents;
}

void shadow_start_clocks(struct clocks *clocks)
{
    arena_free(&clocks->arena);
    memset(clocks->seen, 0, (size_t)2 * clocks->agents * clocks->agents * sizeof *clocks->seen);
    for (uint32_t a = 0; a < clocks->agents; a++)
        seen_by(clocks, a)[a] = 1;
}

struct checker *shadow_open(struct clocks *clocks, uint32_t rank, uint32_t shared_end)
{
    struct checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL) return NULL;
    checker->clocks = clocks;
    checker->words = (shared_end + 3) / 4;
    checker->first = rank * clocks->per_block;
    checker->cells = calloc(checker->words, sizeof *checker->cells);
    checker->strong = calloc(checker->words, sizeof *checker->strong);
    checker->readers = calloc((size_t)checker->words * clocks->agents, sizeof *checker->readers);
    checker->known = calloc(checker->words, sizeof *checker->known);
    checker->defined = calloc(checker->words, 4);
    if (checker->cells != NULL && checker->strong != NULL && checker->readers != NULL && checker->known != NULL &&
        checker->defined != NULL)
        return checker;
    shadow_close(checker);
    return NULL;
}

void shadow_close(struct checker *checker)
{
    if (checker == NULL) return;
    free(checker->cells);
    free(checker->strong);
    free(checker->readers);
    free(checker->known);
    free(checker->defined);
    free(checker);
}

void shadow_start_block(struct checker *checker)
{
    memset(checker->cells, 0, checker->words * sizeof *checker->cells);
    memset(checker->strong, 0, checker->words * sizeof *checker->strong);
    checker->strong_first = checker->strong_end = 0;
    memset(checker->defined, 0, (size_t)4 * checker->words);
}

uint8_t *shadow_defined(struct checker *checker)
{
    return checker->defined;
}

static uint32_t agent_of(const struct warp *warp)
{
    return warp->block->checker->first + warp->index;
}

static uint32_t *clock_of(const struct warp *warp)
{
    return seen_by(warp->block->checker->clocks, agent_of(warp));
}

static void join(uint32_t *into, const uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        into[i] = from[i] > into[i] ? from[i] : into[i];
}

void shadow_join(struct block *block, uint32_t warps)
{
    if (block->checker == NULL) return;
    struct clocks *clocks = block->checker->clocks;
    uint32_t length = 2 * clocks->agents, *joined = NULL;
    for (uint32_t rest = warps; rest != 0; rest &= rest - 1) {
        uint32_t *seen = clock_of(&block->warps[__builtin_ctz(rest)]);
        if (joined != NULL) join(joined, seen, length);
        if (joined == NULL) joined = seen;
    }
    for (uint32_t rest = warps; rest != 0; rest &= rest - 1) {
        uint32_t *seen = clock_of(&block->warps[__builtin_ctz(rest)]);
        if (seen != joined) memcpy(seen, joined, length * sizeof *seen);
    }
    for (uint32_t rest = warps; rest != 0; rest &= rest - 1) {
        const struct warp *warp = &block->warps[__builtin_ctz(rest)];
        clock_of(warp)[agent_of(warp)]++;
    }
}

static uint32_t *sync_seen(struct clocks *clocks, struct sync_clock *sync)
{
    if (sync->seen == NULL)
        sync->seen = arena_alloc(&clocks->arena, (size_t)2 * clocks->agents * sizeof *sync->seen);
    return sync->seen;
}

void shadow_release(struct warp *warp, struct sync_clock *sync)
{
    if (warp->block->checker == NULL) return;
    struct clocks *clocks = warp->block->checker->clocks;
    join(sync_seen(clocks, sync), clock_of(warp), 2 * clocks->agents);
    clock_of(warp)[agent_of(warp)]++;
}

void shadow_acquire(struct warp *warp, const struct sync_clock *sync)
{
    if (warp->block->checker == NULL || sync->seen == NULL) return;
    join(clock_of(warp), sync->seen, 2 * warp->block->checker->clocks->agents);
}

void shadow_copy(struct warp *warp, struct sync_clock *to, const struct sync_clock *from)
{
    if (warp->block->checker == NULL || from->seen == NULL) return;
    struct clocks *clocks = warp->block->checker->clocks;
    join(sync_seen(clocks, to), from->seen, 2 * clocks->agents);
}

void shadow_reset(struct warp *warp, struct sync_clock *sync)
{
    if (warp->block->checker == NULL || sync->seen == NULL) return;
    memset(sync->seen, 0, (size_t)2 * warp->block->checker->clocks->agents * sizeof *sync->seen);
}

void shadow_fence(struct warp *warp)
{
    if (warp->block->checker == NULL) return;
    uint32_t agents = warp->block->checker->clocks->agents, *seen = clock_of(warp);
    memcpy(seen + agents, seen, agents * sizeof *seen);
    seen[agent_of(warp)]++;
}

static void name(const struct accessor *by, uint32_t agent, char text[64])
{
    const struct clocks *clocks = by->warp->block->checker->clocks;
    uint32_t rank = agent / clocks->per_block, index = agent % clocks->per_block;
    int used = index < clocks->warps    ? snprintf(text, 64, "warp %u", index)
               : index == clocks->warps ? snprintf(text, 64, "a bulk copy")
                                        : snprintf(text, 64, "wgmma of warpgroup %u", index - clocks->warps - 1);
    if (clocks->blocks > 1) snprintf(text + used, 64 - (size_t)used, " of block %u of the cluster", rank);
}

static _Noreturn void race(const struct accessor *by, uint32_t word, const char *kind, uint32_t other)
{
    char first[64], second[64];
    name(by, by->agent, first);
    name(by, other, second);
    launch_fault(by->warp, by->lane, 719, "shared-memory race, %s: %s and %s at 0x%x, no barrier between them",
                 kind, first, second, 4 * word);
}

static inline bool unseen(const struct accessor *by, uint32_t other, uint32_t clock)
{
    return other != by->me && clock > by->seen[other];
}

/* A write through the generic proxy that an asynchronous access comes behind: has a proxy fence made it visible? */
static void check_fence(const struct accessor *by, const struct clocks *clocks, const struct mark *write,
                        uint32_t word, const char *kind)
{
    bool is_generic = write->agent % clocks->per_block < clocks->warps;
    if (!is_generic || write->clock <= by->seen[clocks->agents + write->agent]) return;
    char text[64];
    name(by, write->agent, text);
    launch_fault(by->warp, by->lane, 719,
                 "missing fence.proxy.async, %s at 0x%x: %s wrote it through the generic proxy", kind, 4 * word,
                 text);
}

/* A write that comes before: is it ordered, and for the async proxy behind a proxy fence? */
static inline void check_writer(const struct accessor *by, const struct checker *checker, const struct mark *write,
                                uint32_t word, const char *kind)
{
    if (unseen(by, write->agent, write->clock)) race(by, word, kind, write->agent);
    if (by->me == NOBODY) check_fence(by, checker->clocks, write, word, kind);
}

static inline void check_mark(const struct accessor *by, const struct mark *mark, uint32_t word, uint8_t bytes,
                              const char *kind)
{
    if ((mark->bytes & bytes) && unseen(by, mark->agent, mark->clock)) race(by, word, kind, mark->agent);
}

static inline uint32_t *reader(const struct checker *checker, uint32_t word, uint32_t agent)
{
    return checker->readers + (size_t)agent * checker->words + word;
}

static inline void note_reader(struct checker *checker, uint32_t word, uint32_t agent, uint32_t clock)
{
    const uint64_t bit = (uint64_t)1 << agent % KNOWN;
    if ((checker->known[word] & bit) == 0) {
        for (uint32_t v = agent % KNOWN; v < checker->clocks->agents; v += KNOWN)
            *reader(checker, word, v) = 0;
        checker->known[word] |= bit;
    }
    *reader(checker, word, agent) = clock;
}

static inline struct strong *strong_of(const struct checker *checker, uint32_t word)
{
    return word >= checker->strong_first && word < checker->strong_end ? &checker->strong[word] : NULL;
}

static inline void check_readers(const struct accessor *by, const struct checker *checker, uint32_t word,
                                 uint8_t bytes, const char *kind)
{
    const struct cell *cell = &checker->cells[word];
    if ((cell->read.bytes & bytes) == 0) return;
    if (cell->read.agent != MANY) {
        check_mark(by, &cell->read, word, bytes, kind);
        return;
    }
    for (uint64_t rest = checker->known[word]; rest != 0; rest &= rest - 1)
        for (uint32_t v = (uint32_t)__builtin_ctzll(rest); v < checker->clocks->agents; v += KNOWN)
            if (unseen(by, v, *reader(checker, word, v))) race(by, word, kind, v);
}

static void write_over_strong(const struct accessor *by, struct checker *checker, struct strong *strong,
                              uint32_t word, uint8_t bytes)
{
    check_mark(by, &strong->read, word, bytes, "write after read");
    if (strong->write.bytes & bytes)
        check_writer(by, checker, &strong->write, word, "write after atomic or volatile write");
    strong->read.bytes &= (uint8_t)~bytes;
    strong->write.bytes &= (uint8_t)~bytes;
}

static inline void on_write(const struct accessor *by, struct checker *checker, uint32_t word, uint8_t bytes)
{
    struct cell *cell = &checker->cells[word];
    struct strong *strong = strong_of(checker, word);
    if (cell->write.bytes & bytes) check_writer(by, checker, &cell->write, word, "write after write");
    check_readers(by, checker, word, bytes, "write after read");
    if (strong != NULL) write_over_strong(by, checker, strong, word, bytes);
    bool again = cell->write.agent == by->agent && cell->write.clock == by->now;
    cell->write = (struct mark){ by->now, (uint16_t)by->agent, again ? cell->write.bytes | bytes : bytes };
    cell->read.bytes &= (uint8_t)~bytes;
}

static inline void on_read(const struct accessor *by, struct checker *checker, uint32_t word, uint8_t bytes)
{
    struct cell *cell = &checker->cells[word];
    const struct strong *strong = strong_of(checker, word);
    if (cell->write.bytes & bytes) check_writer(by, checker, &cell->write, word, "read after write");
    if (strong != NULL && strong->write.bytes & bytes)
        check_writer(by, checker, &strong->write, word, "read after atomic or volatile write");
    if (cell->read.bytes == 0 || cell->read.agent == by->agent) {
        cell->read.agent = (uint16_t)by->agent;
        cell->read.clock = by->now;
    } else {
        if (cell->read.agent != MANY) {
            checker->known[word] = 0;
            note_reader(checker, word, cell->read.agent, cell->read.clock);
            cell->read.agent = MANY;
        }
        note_reader(checker, word, by->agent, by->now);
    }
    cell->read.bytes |= bytes;
}

/* Atomic operations, strong reads and strong writes do not race with each other. What they order is order.c's. */
static void on_strong(const struct accessor *by, struct checker *checker, uint32_t word, uint8_t bytes,
                      bool is_read)
{
    struct cell *cell = &checker->cells[word];
    struct strong *strong = &checker->strong[word];
    struct mark *mark = is_read ? &strong->read : &strong->write;
    if (checker->strong_end == 0) checker->strong_first = word;
    if (word < checker->strong_first) checker->strong_first = word;
    if (word >= checker->strong_end) checker->strong_end = word + 1;
    check_mark(by, &cell->write, word, bytes,
               is_read ? "read after write" : "atomic or volatile write after write");
    if (!is_read) check_readers(by, checker, word, bytes, "atomic or volatile write after read");
    *mark = (struct mark){ by->now, (uint16_t)by->agent, mark->bytes | bytes };
}

/* Some bytes of a word. */
static void on_word(const struct accessor *by, struct checker *checker, uint32_t word, uint8_t bytes,
                    enum access access)
{
    if (access == ACCESS_WRITE)
        on_write(by, checker, word, bytes);
    else if (access == ACCESS_READ)
        on_read(by, checker, word, bytes);
    else
        on_strong(by, checker, word, bytes, access == ACCESS_STRONG_READ);
}

static inline void each_word(const struct accessor *by, struct checker *checker, uint32_t address, uint32_t bytes,
                             enum access access)
{
    const uint32_t end = address + bytes;
    if (access == ACCESS_WRITE || access == ACCESS_STRONG_WRITE) memset(checker->defined + address, 0xff, bytes);
    if ((address | bytes) % 4 == 0 && access == ACCESS_READ) {
        for (uint32_t word = address / 4; word < end / 4; word++)
            on_read(by, checker, word, 0xf);
    } else if ((address | bytes) % 4 == 0 && access == ACCESS_WRITE) {
        for (uint32_t word = address / 4; word < end / 4; word++)
            on_write(by, checker, word, 0xf);
    } else {
        for (uint32_t at = address, count; at < end; at += count) {
            const uint32_t first = at % 4;
            count = 4 - first < end - at ? 4 - first : end - at;
            on_word(by, checker, at / 4, (uint8_t)(((1u << count) - 1) << first), access);
        }
    }
}

void shadow_shared(struct warp *warp, int lane, struct block *block, uint32_t address, uint32_t bytes,
                   enum access access)
{
    uint32_t me = agent_of(warp);
    const uint32_t *seen = clock_of(warp);
    const struct accessor by = { .warp = warp, .lane = lane, .seen = seen, .me = me, .agent = me, .now = seen[me] };
    each_word(&by, block->checker, address, bytes, access);
}

void shadow_lanes(struct warp *warp, const uint64_t address[], uint32_t count, uint32_t bytes, enum access access)
{
    uint32_t me = agent_of(warp);
    const uint32_t *seen = clock_of(warp);
    struct accessor by = { .warp = warp, .seen = seen, .me = me, .agent = me, .now = seen[me] };
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0 && address[i] == address[i - 1]) continue;
        by.lane = (int)i;
        each_word(&by, warp->block->checker, (uint32_t)address[i], bytes, access);
    }
}

void shadow_issue(struct async_view *view, struct warp *warp, int lane)
{
    *view = (struct async_view){ .warp = warp, .lane = lane };
    if (warp->block->checker == NULL) return;
    size_t size = (size_t)2 * warp->block->checker->clocks->agents * sizeof *view->seen;
    view->seen = malloc(size);
    if (view->seen == NULL) launch_fault(warp, lane, 2, "out of host memory");
    memcpy(view->seen, clock_of(warp), size);
    clock_of(warp)[agent_of(warp)]++; /* what the warp does from now on is not ordered before */
}

void shadow_perform(struct async_view *view)
{
    if (view->seen == NULL) return;
    const struct clocks *clocks = view->warp->block->checker->clocks;
    view->agent = view->warp->block->checker->first + clocks->warps;
    view->now = ++seen_by(clocks, view->agent)[view->agent];
}

void shadow_perform_wgmma(struct async_view *const views[], uint32_t count)
{
    if (views[0]->seen == NULL) return;
    const struct warp *first = views[0]->warp;
    const struct clocks *clocks = first->block->checker->clocks;
    uint32_t agent = first->block->checker->first + clocks->warps + 1 + first->index / 4;
    uint32_t now = ++seen_by(clocks, agent)[agent];
    for (uint32_t i = 0; i < count; i++) {
        views[i]->agent = agent;
        views[i]->now = now;
    }
}

void shadow_async(const struct async_view *view, struct block *block, uint32_t address, uint32_t bytes,
                  enum access access)
{
    if (view->seen == NULL) return;
    const struct accessor by = { .warp = view->warp,
                                 .lane = view->lane,
                                 .seen = view->seen,
                                 .me = NOBODY,
                                 .agent = view->agent,
                                 .now = view->now };
    each_word(&by, block->checker, address, bytes, access);
}

void shadow_signal(const struct async_view *view, struct sync_clock *sync)
{
    if (view->seen == NULL) return;
    uint32_t *seen = sync_seen(view->warp->block->checker->clocks, sync);
    if (view->now > seen[view->agent]) seen[view->agent] = view->now;
}

void shadow_waited(const struct async_view *view)
{
    if (view->warp->block->checker == NULL) return;
    uint32_t *seen = clock_of(view->warp);
    if (view->now > seen[view->agent]) seen[view->agent] = view->now;
}

void shadow_forget(struct async_view *view)
{
    free(view->seen);
    view->seen = NULL;
}
