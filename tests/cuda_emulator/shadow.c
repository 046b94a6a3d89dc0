/* Shadow memory. Shared memory: for each 4-byte word who wrote it last and who has read it since, each with the writer's or
 * reader's clock, after FastTrack (Flanagan and Freund, PLDI 2009). Every warp has a vector clock, advanced and joined where warps
 * meet at a barrier. Limits: accesses of lanes of one warp are taken as ordered, and of a word that two warps write by
 * different bytes only the last writer is remembered. Global memory: one "written" byte per byte, kept by memory.c. */
#include "shadow.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WARPS = 32, MANY = 0xff };

struct cell {
    uint32_t write_clock, read_clock;
    uint8_t writer, reader;          /* warps; reader MANY: see readers */
    uint8_t write_bytes, read_bytes; /* which of the four */
    uint8_t defined;                 /* bytes ever written */
};

struct checker {
    uint32_t words, warps;
    uint32_t clock[WARPS][WARPS]; /* [w][v]: how much of v's past w has seen */
    struct cell *cells;
    uint32_t (*readers)[WARPS]; /* by word: each warp's clock when it last read, where reader is MANY */
};

struct checker *shadow_open(uint32_t shared_end, uint32_t warps)
{
    struct checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL) return NULL;
    checker->words = (shared_end + 3) / 4;
    checker->warps = warps;
    checker->cells = calloc(checker->words, sizeof *checker->cells);
    checker->readers = calloc(checker->words, sizeof *checker->readers);
    if (checker->cells != NULL && checker->readers != NULL) return checker;
    shadow_close(checker);
    return NULL;
}

void shadow_close(struct checker *checker)
{
    if (checker == NULL) return;
    free(checker->cells);
    free(checker->readers);
    free(checker);
}

void shadow_start_block(struct checker *checker)
{
    memset(checker->cells, 0, checker->words * sizeof *checker->cells);
    for (uint32_t w = 0; w < WARPS; w++)
        for (uint32_t v = 0; v < WARPS; v++)
            checker->clock[w][v] = v == w;
}

void shadow_join(struct checker *checker, uint32_t warps)
{
    uint32_t joined[WARPS] = { 0 };
    for (uint32_t rest = warps; rest != 0; rest &= rest - 1)
        for (uint32_t v = 0; v < WARPS; v++) {
            uint32_t seen = checker->clock[__builtin_ctz(rest)][v];
            if (seen > joined[v]) joined[v] = seen;
        }
    for (uint32_t rest = warps; rest != 0; rest &= rest - 1) {
        uint32_t w = (uint32_t)__builtin_ctz(rest);
        memcpy(checker->clock[w], joined, sizeof joined);
        checker->clock[w][w]++;
    }
}

static _Noreturn void race(struct warp *warp, int lane, uint32_t address, const char *kind, uint32_t other)
{
    launch_fault(warp, lane, 719, "shared-memory race, %s: warp %u and warp %u at 0x%x, no barrier between them",
                 kind, warp->index, other, address);
}

static bool unseen(const struct checker *checker, uint32_t warp, uint32_t other, uint32_t clock)
{
    return other != warp && clock > checker->clock[warp][other];
}

static void on_write(struct warp *warp, int lane, uint32_t word, uint8_t bytes)
{
    struct checker *checker = warp->block->checker;
    struct cell *cell = &checker->cells[word];
    uint32_t me = warp->index;
    if ((cell->write_bytes & bytes) && unseen(checker, me, cell->writer, cell->write_clock))
        race(warp, lane, 4 * word, "write after write", cell->writer);
    if (cell->read_bytes & bytes) {
        if (cell->reader != MANY) {
            if (unseen(checker, me, cell->reader, cell->read_clock))
                race(warp, lane, 4 * word, "write after read", cell->reader);
        } else {
            for (uint32_t v = 0; v < checker->warps; v++)
                if (unseen(checker, me, v, checker->readers[word][v]))
                    race(warp, lane, 4 * word, "write after read", v);
        }
    }
    bool again = cell->writer == me && cell->write_clock == checker->clock[me][me];
    cell->write_bytes = again ? cell->write_bytes | bytes : bytes;
    cell->writer = (uint8_t)me;
    cell->write_clock = checker->clock[me][me];
    cell->read_bytes &= (uint8_t)~bytes;
    cell->defined |= bytes;
}

static void on_read(struct warp *warp, int lane, uint32_t word, uint8_t bytes)
{
    struct checker *checker = warp->block->checker;
    struct cell *cell = &checker->cells[word];
    uint32_t me = warp->index, now = checker->clock[me][me];
    if (bytes & ~cell->defined)
        launch_fault(warp, lane, 719, "read of uninitialised shared memory at 0x%x", 4 * word);
    if ((cell->write_bytes & bytes) && unseen(checker, me, cell->writer, cell->write_clock))
        race(warp, lane, 4 * word, "read after write", cell->writer);
    if (cell->read_bytes == 0 || (cell->reader == me)) {
        cell->reader = (uint8_t)me;
        cell->read_clock = now;
    } else {
        if (cell->reader != MANY) {
            memset(checker->readers[word], 0, sizeof checker->readers[word]);
            checker->readers[word][cell->reader] = cell->read_clock;
            cell->reader = MANY;
        }
        checker->readers[word][me] = now;
    }
    cell->read_bytes |= bytes;
}

/* Atomics do not race with each other, and order nothing; a plain write has to come before them. */
static void on_atomic(struct warp *warp, int lane, uint32_t word, uint8_t bytes)
{
    struct checker *checker = warp->block->checker;
    const struct cell *cell = &checker->cells[word];
    if (bytes & ~cell->defined)
        launch_fault(warp, lane, 719, "atomic on uninitialised shared memory at 0x%x", 4 * word);
    if ((cell->write_bytes & bytes) && unseen(checker, warp->index, cell->writer, cell->write_clock))
        race(warp, lane, 4 * word, "atomic after write", cell->writer);
}

void shadow_shared(struct warp *warp, int lane, uint32_t address, uint32_t bytes, enum access access)
{
    for (uint32_t at = address; at < address + bytes;) {
        uint32_t word = at / 4, first = at % 4, count = 4 - first;
        if (count > address + bytes - at) count = address + bytes - at;
        uint8_t set = (uint8_t)(((1u << count) - 1) << first);
        if (access == ACCESS_WRITE)
            on_write(warp, lane, word, set);
        else if (access == ACCESS_ATOMIC)
            on_atomic(warp, lane, word, set);
        else
            on_read(warp, lane, word, set);
        at += count;
    }
}

void shadow_global(struct warp *warp, int lane, uint64_t address, uint32_t bytes, enum access access)
{
    struct memory *memory = warp->launch->memory;
    if (memory->defined == NULL) return;
    uint8_t *defined = memory->defined + (address - GLOBAL_WINDOW);
    if (access != ACCESS_WRITE && memchr(defined, 0, bytes) != NULL)
        launch_fault(warp, lane, 719, "read of uninitialised global memory at 0x%" PRIx64, address);
    if (access != ACCESS_READ) memset(defined, 1, bytes);
}
