/* Breaking texts and looking for the problem that shows it. */
#include "mutants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "handle.h"
#include "strbuf.h"
#include "point.h"

enum { TRIALS_MAX = 60, SIZE_MAX_OF_TRIALS = 120, TEXTS_MAX = 16 };

static char *replace_all(const char *text, const char *original, const char *mistake)
{
    struct strbuf out = { 0 };
    const char *at;
    while ((at = strstr(text, original)) != NULL) {
        strbuf_addn(&out, text, (size_t)(at - text));
        strbuf_add(&out, mistake);
        text = at + strlen(original);
    }
    strbuf_add(&out, text);
    assert_false(out.failed);
    return out.text;
}

/* The family with the mistake in it; its texts are the ones that have the mutated place. */
struct mutated {
    struct family family;
    struct family_text texts[TEXTS_MAX];
};

static void mutate(const struct mutant *mutant, const struct family *original, enum dialect dialect,
                   struct mutated *out)
{
    out->family = *original;
    out->family.texts = out->texts;
    out->family.text_count = 0;
    for (int t = 0; t < original->text_count; t++) {
        const struct family_text *text = &original->texts[t];
        if (text->dialect != dialect || strstr(text->source, mutant->original) == NULL) continue;
        assert_true(out->family.text_count < TEXTS_MAX);
        struct family_text *copy = &out->texts[out->family.text_count++];
        *copy = *text;
        copy->source = replace_all(text->source, mutant->original, mutant->mistake);
        copy->hash = "0badc0de0badc0de";
    }
    if (out->family.text_count == 0) {
        fail_msg("no text of %s contains \"%s\" any more: the mutant needs a new place", mutant->family,
                 mutant->original);
    }
}

static void free_mutated(struct mutated *mutated)
{
    for (int t = 0; t < mutated->family.text_count; t++)
        free((char *)mutated->texts[t].source);
}

static hpck_handle *open_handle(void)
{
    const hpck_options options = { .size = sizeof options, .cache_dir = "" };
    hpck_handle *handle = NULL;
    if (hpck_create(&handle, &options) != HPCK_OK) fail_msg("%s", hpck_error_message(handle));
    return handle;
}

/* ---- the hunt -------------------------------------------------------------------------------------------------- */

/* What came of running the mutant: true if that gave it away, in `trial`. A fault costs the context, so the handle is then
 * opened anew. */
static bool is_caught(hpck_handle **handle, const struct mutant *mutant, hpck_status st, struct error *err)
{
    if (st == HPCK_OK) return false;
    if (st != HPCK_INTERNAL && st != HPCK_LAUNCH_FAILED)
        fail_msg("%s: the mutant does not run: %s", mutant->name, error_text(err));
    if (st == HPCK_LAUNCH_FAILED) {
        hpck_destroy(*handle);
        *handle = open_handle();
    }
    return true;
}

static bool hunt_at_random(hpck_handle **handle, const struct mutant *mutant, const struct family *original,
                           const struct family *mutated, struct trial *trial, struct error *err)
{
    const struct device_desc device = *(*handle)->backend->describe((*handle)->device);
    uint64_t seed = 1;
    for (int t = 1; t <= TRIALS_MAX; t++) {
        const int64_t *param = original->seeds + (t % original->seed_count) * original->param_count;
        if (!trial_draw(mutated, &device, param, NULL, SIZE_MAX_OF_TRIALS, &seed, trial)) continue;
        if (is_caught(handle, mutant, trial_verify(*handle, mutated, trial, err), err)) return true;
    }
    return false;
}

/* The declared problem, at the declared point or the seeds that are legal for it. */
static bool hunt_in_problem(hpck_handle **handle, const struct mutant *mutant, const struct family *original,
                            const struct family *mutated, struct trial *trial, struct error *err)
{
    int64_t param[FAMILY_PARAMS_MAX];
    const bool has_point = mutant->point[0] != '\0';
    if (has_point && point_parse(original, mutant->point, param, err) != HPCK_OK) fail_msg("%s", error_text(err));
    for (int s = 0; s < (has_point ? 1 : original->seed_count); s++) {
        if (!has_point)
            memcpy(param, original->seeds + s * original->param_count,
                   (size_t)original->param_count * sizeof *param);
        const hpck_status st = point_verify(*handle, mutated, param, mutant->problem, trial, err);
        if (st == HPCK_UNSUPPORTED && !has_point) continue;
        if (is_caught(handle, mutant, st, err)) return true;
    }
    return false;
}

static void print_trial(const struct family *family, const struct trial *trial, const struct error *err)
{
    char problem[PROBLEM_TEXT_MAX];
    char params[512];
    print_message("%s %s: ld_pad %d offset %d: %s\n", problem_print(&trial->problem, problem),
                  family_params_print(family, trial->param, params, sizeof params), (int)trial->options.ld_pad,
                  (int)trial->options.offset, error_text(err));
}

void mutant_is_caught(void **state)
{
    const struct mutant *mutant = *state;
    const struct family *original = family_find(mutant->family);
    if (original == NULL) fail_msg("there is no family %s", mutant->family);
    hpck_handle *handle = open_handle();
    struct mutated mutated;
    struct trial trial;
    struct error err = { 0 };
    mutate(mutant, original, handle->backend->dialect, &mutated);
    const bool is_noticed = (mutant->problem != NULL ? hunt_in_problem : hunt_at_random)(
        &handle, mutant, original, &mutated.family, &trial, &err);
    if (!is_noticed) {
        hpck_destroy(handle);
        fail_msg("%s: not noticed", mutant->name);
    }
    print_trial(original, &trial, &err);
    if (trial_verify(handle, original, &trial, &err) != HPCK_OK) {
        print_trial(original, &trial, &err);
        hpck_destroy(handle);
        fail_msg("%s: the original fails, too", mutant->name);
    }
    error_free(&err);
    hpck_destroy(handle);
    free_mutated(&mutated);
}
