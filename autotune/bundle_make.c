/* First the list of programs, each once; then they are compiled, side by side, into the kernel cache; then they are read from
 * there one after the other. What no process could put there is compiled on the way. */
#include "bundle_make.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "cache_disk.h"
#include "cache_entry.h"
#include "program_options.h"
#include "select.h"
#include "strbuf.h"

struct program {
    const struct device_desc *device; /* of the target */
    const struct family *family;
    const char *source;
    struct strbuf options;
    struct strbuf key;
    struct cache_name name;
};

struct target {
    struct device_desc device;
    char fingerprint[32];
};

struct making {
    const struct bundle_order *order;
    const struct backend *backend;
    struct tunedb *db;
    char *folder; /* the kernel cache; NULL: none */
    struct target *targets;
    int target_count;
    struct program *programs;
    int count, capacity;
};

static struct bytes key_of(const struct program *program)
{
    return (struct bytes){ program->key.text, program->key.length };
}

static void program_free(struct program *program)
{
    strbuf_free(&program->options);
    strbuf_free(&program->key);
}

/* ---- the list ----------------------------------------------------------------------------------------------------- */

static hpck_status read_targets(struct making *m, struct error *err)
{
    hpck_status st = HPCK_OK;
    char *rest = NULL;
    char *list = strdup(m->order->targets);
    m->targets = calloc(strlen(m->order->targets) / 2 + 1, sizeof *m->targets);
    if (!list || !m->targets) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "bundle: no memory for the targets");
    for (char *word = strtok_r(list, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        struct target *target = &m->targets[m->target_count++];
        HPCK_TRY(m->backend->describe_absent(word, &target->device, target->fingerprint, sizeof target->fingerprint,
                                             err));
    }
    if (m->target_count == 0)
        HPCK_FAIL(err, HPCK_INVALID_ARGUMENT, "bundle: --target \"%s\" names none", m->order->targets);
done:
    free(list);
    return st;
}

static hpck_status append(struct making *m, const struct program *program, struct error *err)
{
    if (m->count == m->capacity) {
        int capacity = m->capacity ? 2 * m->capacity : 64;
        struct program *programs = realloc(m->programs, (size_t)capacity * sizeof *programs);
        if (!programs) return error_set(err, HPCK_OUT_OF_MEMORY, "bundle: no memory for %d kernels", capacity);
        m->programs = programs;
        m->capacity = capacity;
    }
    m->programs[m->count++] = *program;
    return HPCK_OK;
}

/* Adds the program of these parameters, if the target could choose them and it is not in the list yet. */
static hpck_status add(struct making *m, const struct target *target, const struct problem *problem,
                       const struct family *family, const int64_t *param, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct problem room;
    const struct point point = { &target->device.field, problem_as(problem, family->op, &room), param };
    const enum dialect dialect = m->backend->dialect;
    struct program program = { .device = &target->device, .family = family };
    if (select_rejection(family, &target->device, dialect, problem, param, INT64_MAX)) return HPCK_OK;
    program.source = family_text(family, dialect, problem)->source;
    program_options(&program.options, family, &point);
    if (!program.options.failed)
        program_key(&program.key, target->fingerprint, family, program.options.text, program.source);
    if (program.options.failed || program.key.failed)
        HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "bundle: no memory for the key of %s", family->name);
    program.name = cache_entry_name(key_of(&program));
    for (int i = 0; i < m->count; i++)
        if (memcmp(&m->programs[i].name, &program.name, sizeof program.name) == 0) goto done;
    HPCK_TRY(append(m, &program, err));
    return st;
done:
    program_free(&program);
    return st;
}

/* What each rung of the selection could take: all seeds, and all records of the architecture. */
static hpck_status add_problem(struct making *m, const struct target *target, const struct problem *problem,
                               struct error *err)
{
    hpck_status st = HPCK_OK;
    struct choice choice;
    HPCK_TRY(select_choice(NULL, &target->device, m->backend->dialect, problem, INT64_MAX, NULL, &choice, err));
    for (int f = 0; f < family_count; f++)
        for (int s = 0; s < families[f]->seed_count; s++)
            HPCK_TRY(add(m, target, problem, families[f],
                         families[f]->seeds + (ptrdiff_t)s * families[f]->param_count, err));
    for (int i = 0; i < tunedb_count(m->db); i++) {
        const struct tunedb_record *record = tunedb_get(m->db, i);
        if (strcmp(record->device.backend, target->device.backend) == 0 &&
            strcmp(record->device.architecture, target->device.architecture) == 0)
            HPCK_TRY(add(m, target, problem, record->family, record->param, err));
    }
done:
    return st;
}

static hpck_status list(struct making *m, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int t = 0; t < m->target_count; t++)
        for (int i = 0; i < m->order->problems->count; i++) {
            const struct problem canonical = problem_canonical(&m->order->problems->items[i].problem);
            HPCK_TRY(add_problem(m, &m->targets[t], &canonical, err));
        }
done:
    return st;
}

/* ---- one program -------------------------------------------------------------------------------------------------- */

/* *data NULL: the cache has it not, or damaged. */
static void read_cached(const struct making *m, const struct program *program, void **data, size_t *size)
{
    struct error ignored = { 0 };
    struct bytes binary;
    *data = NULL;
    if (m->folder && cache_disk_read(m->folder, program->name.text, data, size, &ignored) == HPCK_OK && *data &&
        cache_entry_parse((struct bytes){ *data, *size }, key_of(program), &binary)) {
        free(*data);
        *data = NULL;
    }
    error_free(&ignored);
}

/* The entry, from the cache or compiled now and put there; the caller frees it. */
static hpck_status obtain(struct making *m, const struct program *program, void **data, size_t *size,
                          struct error *err)
{
    hpck_status st = HPCK_OK;
    struct error ignored = { 0 };
    void *image = NULL;
    size_t image_size = 0;
    read_cached(m, program, data, size);
    if (*data) goto done;
    st = m->backend->compile_absent(program->device, program->source, program->options.text,
                                    program->family->cuda_target, &image, &image_size, err);
    if (st != HPCK_OK) error_append(err, "\nfamily: %s", program->family->name);
    HPCK_TRY(st);
    HPCK_TRY(cache_entry_print(key_of(program), (struct bytes){ image, image_size }, data, size, err));
    if (m->folder)
        cache_disk_write(m->folder, program->name.text, *data, *size, (uint64_t)CACHE_DISK_LIMIT_MB << 20,
                         &ignored);
done:
    free(image);
    error_free(&ignored);
    return st;
}

/* ---- all of them -------------------------------------------------------------------------------------------------- */

/* Fills the cache by processes that each take every jobs-th program. What fails in them fails again, with a message, later. */
static void compile_side_by_side(struct making *m)
{
    const int jobs = m->folder ? m->order->jobs : 1;
    for (int job = 0; job < jobs && jobs > 1; job++) {
        if (fork() != 0) continue;
        struct error ignored = { 0 };
        for (int i = job; i < m->count; i += jobs) {
            void *data = NULL;
            size_t size = 0;
            if (obtain(m, &m->programs[i], &data, &size, &ignored) != HPCK_OK) break;
            free(data);
        }
        _exit(0);
    }
    while (wait(NULL) > 0) {
    }
}

static hpck_status collect(struct making *m, struct strbuf *bundle, struct error *err)
{
    hpck_status st = HPCK_OK;
    for (int i = 0; i < m->count; i++) {
        void *data = NULL;
        size_t size = 0;
        HPCK_TRY(obtain(m, &m->programs[i], &data, &size, err));
        strbuf_addn(bundle, data, size);
        free(data);
    }
    if (bundle->failed) HPCK_FAIL(err, HPCK_OUT_OF_MEMORY, "bundle: no memory for %d kernels", m->count);
done:
    return st;
}

hpck_status bundle_make(const struct bundle_order *order, FILE *out, FILE *notes, struct error *err)
{
    hpck_status st = HPCK_OK;
    struct making m = { .order = order, .backend = &cuda_backend };
    struct strbuf bundle = { 0 };
    struct error ignored = { 0 };
    HPCK_TRY(read_targets(&m, err));
    HPCK_TRY(tunedb_open(order->db, NULL, &m.db, err));
    HPCK_TRY(cache_disk_path(NULL, &m.folder, err));
    if (m.folder && cache_disk_make(m.folder, &ignored) != HPCK_OK) {
        free(m.folder);
        m.folder = NULL;
    }
    HPCK_TRY(list(&m, err));
    compile_side_by_side(&m);
    HPCK_TRY(collect(&m, &bundle, err));
    fwrite(bundle.text, 1, bundle.length, out);
    fprintf(notes, "bundle: %d kernels for %s, %.1f MB\n", m.count, order->targets, 1e-6 * (double)bundle.length);
done:
    for (int i = 0; i < m.count; i++)
        program_free(&m.programs[i]);
    free(m.programs);
    free(m.targets);
    free(m.folder);
    tunedb_close(m.db);
    strbuf_free(&bundle);
    error_free(&ignored);
    return st;
}
