/* Exhaustive, random and local search over one space. */
#include "search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

enum {
    FAVOURITES = 2,    /* of the model, per family, that `local` starts with */
    RANDOM_STARTS = 4, /* random points that it starts with */
    BEAM = 3,          /* best trials whose neighbours it tries */
    EXPLORE_EVERY = 6, /* one candidate in so many is a mutation or random while there are neighbours left */
    EXPLORE_LAST = 12, /* candidates explored without a gain before it ends */
    MUTATION_ATTEMPTS = 64
};

const char *const strategy_names[STRATEGY_COUNT] = {
    [STRATEGY_LOCAL] = "local",
    [STRATEGY_EXHAUSTIVE] = "exhaustive",
    [STRATEGY_RANDOM] = "random",
};

struct candidates {
    struct candidate *items;
    int count, capacity;
};

struct search {
    const struct space *space;
    enum strategy strategy;
    uint64_t random;
    uint64_t *seen; /* fingerprints, open addressing; 0: free */
    size_t seen_capacity, seen_count;
    struct candidates starts;
    int next_start;
    bool has_favourites; /* they are among the starts */
    int *order;          /* points in random order; `local` leaves out what the model finds hopeless */
    int order_count;
    int next_point; /* of `order`, or of the space where the search is exhaustive */
    int random_starts;
    int proposed;
    int explored; /* since the neighbours of the best ran out */
};

/* ---- what has been seen ----------------------------------------------------------------------------------------- */

static uint64_t *seen_slot(uint64_t *table, size_t capacity, uint64_t fingerprint)
{
    size_t i = (size_t)fingerprint & (capacity - 1);
    while (table[i] != 0 && table[i] != fingerprint)
        i = (i + 1) & (capacity - 1);
    return &table[i];
}

static uint64_t key_of(const struct search *search, const struct candidate *candidate)
{
    uint64_t fingerprint = space_fingerprint(search->space, candidate);
    return fingerprint ? fingerprint : 1;
}

static bool is_seen(const struct search *search, const struct candidate *candidate)
{
    return *seen_slot(search->seen, search->seen_capacity, key_of(search, candidate)) != 0;
}

static hpck_status seen_grow(struct search *search, struct error *err)
{
    size_t capacity = search->seen_capacity ? 2 * search->seen_capacity : 256; /* a power of two */
    uint64_t *table = calloc(capacity, sizeof *table);
    if (!table) return error_set(err, HPCK_OUT_OF_MEMORY, "search: no memory for %zu trials", capacity);
    for (size_t i = 0; i < search->seen_capacity; i++)
        if (search->seen[i]) *seen_slot(table, capacity, search->seen[i]) = search->seen[i];
    free(search->seen);
    search->seen = table;
    search->seen_capacity = capacity;
    return HPCK_OK;
}

hpck_status search_note(struct search *search, const struct candidate *candidate, struct error *err)
{
    hpck_status st = HPCK_OK;
    if (2 * (search->seen_count + 1) > search->seen_capacity) HPCK_TRY(seen_grow(search, err));
    uint64_t *slot = seen_slot(search->seen, search->seen_capacity, key_of(search, candidate));
    if (*slot == 0) search->seen_count++;
    *slot = key_of(search, candidate);
done:
    return st;
}

/* ---- starting points --------------------------------------------------------------------------------------------- */

hpck_status search_start_at(struct search *search, const struct candidate *candidate, struct error *err)
{
    struct candidates *starts = &search->starts;
    if (space_rejection(search->space, candidate)) return HPCK_OK;
    if (starts->count == starts->capacity) {
        int capacity = starts->capacity ? 2 * starts->capacity : 32;
        struct candidate *items = realloc(starts->items, (size_t)capacity * sizeof *items);
        if (!items) return error_set(err, HPCK_OUT_OF_MEMORY, "search: no memory for %d starting points", capacity);
        starts->items = items;
        starts->capacity = capacity;
    }
    starts->items[starts->count++] = *candidate;
    return HPCK_OK;
}

static bool next_start(struct search *search, struct candidate *candidate)
{
    while (search->next_start < search->starts.count) {
        *candidate = search->starts.items[search->next_start++];
        if (!is_seen(search, candidate)) return true;
    }
    return false;
}

/* The model's favourites of every family that it finds plausible, after what the caller has added. */
static hpck_status add_favourites(struct search *search, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int f = 0; f < family_count; f++) {
        for (int i = 0, taken = 0; i < search->space->plausible && taken < FAVOURITES; i++) {
            if (search->space->points[i].family != families[f]) continue;
            struct candidate candidate = space_candidate(search->space, i);
            HPCK_TRY(search_start_at(search, &candidate, err));
            taken++;
        }
    }
done:
    return st;
}

/* ---- random points ----------------------------------------------------------------------------------------------- */

static bool next_random(struct search *search, struct candidate *candidate)
{
    while (search->next_point < search->order_count) {
        *candidate = space_candidate(search->space, search->order[search->next_point++]);
        if (!is_seen(search, candidate)) return true;
    }
    return false;
}

static bool next_in_order(struct search *search, struct candidate *candidate)
{
    while (search->next_point < search->space->count) {
        *candidate = space_candidate(search->space, search->next_point++);
        if (!is_seen(search, candidate)) return true;
    }
    return false;
}

/* Two parameters of a good point set at random: reaches what single steps cannot, where constraints tie parameters
 * together. */
static bool next_mutation(struct search *search, const struct trial *const *best, int best_count,
                          struct candidate *candidate)
{
    for (int attempt = 0; attempt < MUTATION_ATTEMPTS && best_count > 0; attempt++) {
        *candidate = best[random_below(&search->random, (uint64_t)best_count)]->candidate;
        for (int change = 0; change < 2 && candidate->family->param_count > 0; change++) {
            uint64_t i = random_below(&search->random, (uint64_t)candidate->family->param_count);
            const struct param_desc *param = &candidate->family->params[i];
            candidate->param[i] = param->values[random_below(&search->random, (uint64_t)param->value_count)];
        }
        if (!space_rejection(search->space, candidate) && !is_seen(search, candidate)) return true;
    }
    return false;
}

/* ---- local search ------------------------------------------------------------------------------------------------ */

static int find_best(const struct trial *trials, int count, const struct trial *best[BEAM])
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        if (trials[i].outcome != OUTCOME_OK) continue;
        int place = found < BEAM ? found++ : BEAM;
        for (; place > 0 && trials[i].seconds < best[place - 1]->seconds; place--)
            if (place < BEAM) best[place] = best[place - 1];
        if (place < BEAM) best[place] = &trials[i];
    }
    return found;
}

static bool next_neighbour(struct search *search, const struct trial *const *best, int best_count,
                           struct candidate *candidate)
{
    struct candidate neighbours[NEIGHBOURS_MAX];
    for (int b = 0; b < best_count; b++) {
        int count = space_neighbours(search->space, &best[b]->candidate, neighbours);
        for (int i = 0; i < count; i++) {
            if (is_seen(search, &neighbours[i])) continue;
            *candidate = neighbours[i];
            return true;
        }
    }
    return false;
}

static bool explore(struct search *search, const struct trial *const *best, int best_count,
                    struct candidate *candidate)
{
    bool wild = random_below(&search->random, 3) == 0;
    if (!wild && next_mutation(search, best, best_count, candidate)) return true;
    return next_random(search, candidate);
}

static bool next_local(struct search *search, const struct trial *trials, int count, struct candidate *candidate)
{
    const struct trial *best[BEAM];
    if (!search->has_favourites) {
        search->has_favourites = true;
        add_favourites(search, NULL); /* without memory for them the search goes on without them */
    }
    if (next_start(search, candidate)) return true;
    while (search->random_starts < RANDOM_STARTS) {
        search->random_starts++;
        if (next_random(search, candidate)) return true;
    }
    int best_count = find_best(trials, count, best);
    if (++search->proposed % EXPLORE_EVERY == 0 && explore(search, best, best_count, candidate)) return true;
    if (next_neighbour(search, best, best_count, candidate)) {
        search->explored = 0;
        return true;
    }
    return search->explored++ < EXPLORE_LAST && explore(search, best, best_count, candidate);
}

/* ---- the strategies ---------------------------------------------------------------------------------------------- */

bool search_next(struct search *search, const struct trial *trials, int trial_count, struct candidate *candidate)
{
    switch (search->strategy) {
    case STRATEGY_EXHAUSTIVE:
        return next_in_order(search, candidate);
    case STRATEGY_RANDOM:
        return next_random(search, candidate);
    default:
        return next_local(search, trials, trial_count, candidate);
    }
}

static void shuffle(int *order, int count, uint64_t *random)
{
    for (int i = 0; i < count; i++)
        order[i] = i;
    for (int i = count - 1; i > 0; i--) {
        int j = (int)random_below(random, (uint64_t)i + 1);
        int swap = order[i];
        order[i] = order[j];
        order[j] = swap;
    }
}

hpck_status search_create(const struct space *space, enum strategy strategy, uint64_t seed, struct search **search,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    struct search *s = calloc(1, sizeof *s);
    if (!s) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "search: no memory");
    s->space = space;
    s->strategy = strategy;
    s->random = seed;
    s->order = malloc(((size_t)space->count + 1) * sizeof *s->order);
    if (!s->order) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "search: no memory for %d points", space->count);
    s->order_count = strategy == STRATEGY_LOCAL ? space->plausible : space->count;
    shuffle(s->order, s->order_count, &s->random);
    HPCK_TRY(seen_grow(s, err));
    *search = s;
    s = NULL; /* the caller's now */
done:
    search_free(s);
    return st;
}

void search_free(struct search *search)
{
    if (!search) return;
    free(search->seen);
    free(search->starts.items);
    free(search->order);
    free(search);
}
