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
#include "variants.h"

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

/* Trials of the family's seeds until one tells the mutant; returns how many it took, 0: none did. A fault costs the context,
 * so the handle is then opened anew. */
static int hunt(hpck_handle **handle, const struct family *original, const struct family *mutant)
{
    const struct device_desc device = *(*handle)->backend->describe((*handle)->device);
    uint64_t seed = 1;
    for (int t = 1; t <= TRIALS_MAX; t++) {
        const int64_t *param = original->seeds + (t % original->seed_count) * original->param_count;
        struct trial trial;
        struct error err = { 0 };
        if (!trial_draw(mutant, &device, param, NULL, SIZE_MAX_OF_TRIALS, &seed, &trial)) continue;
        const hpck_status caught = trial_verify(*handle, mutant, &trial, &err);
        if (caught == HPCK_OK) continue;
        if (caught != HPCK_INTERNAL && caught != HPCK_LAUNCH_FAILED)
            fail_msg("the mutant does not run: %s", error_text(&err));
        print_message("trial %d: %s\n", t, error_text(&err));
        if (caught == HPCK_LAUNCH_FAILED) {
            hpck_destroy(*handle);
            *handle = open_handle();
        }
        if (trial_verify(*handle, original, &trial, &err) != HPCK_OK) {
            char problem[PROBLEM_TEXT_MAX];
            char params[512];
            fail_msg("the original fails, too: %s %s: ld_pad %d offset %d: %s",
                     problem_print(&trial.problem, problem),
                     family_params_print(original, trial.param, params, sizeof params), (int)trial.options.ld_pad,
                     (int)trial.options.offset, error_text(&err));
        }
        error_free(&err);
        return t;
    }
    return 0;
}

bool mutant_is_of_this_device(const struct mutant *mutant)
{
    const char *device = getenv("HPCK_DEVICE");
    const char *emulated = getenv("HPCK_EMULATOR_DEVICE");
    if (device == NULL || strncmp(device, "cuda:", 5) != 0) return mutant->device == NULL;
    if (mutant->device != NULL) return emulated != NULL && strcmp(emulated, mutant->device) == 0;
    const struct family *family = family_find(mutant->family);
    for (int t = 0; family != NULL && t < family->text_count; t++)
        if (family->texts[t].dialect == DIALECT_CUDA) return emulated != NULL && strcmp(emulated, "a100") == 0;
    return false;
}

void mutant_is_caught(void **state)
{
    const struct mutant *mutant = *state;
    const struct family *original = family_find(mutant->family);
    assert_non_null(original);
    hpck_handle *handle = open_handle();
    struct mutated mutated;
    mutate(mutant, original, handle->backend->dialect, &mutated);
    const int trials = hunt(&handle, original, &mutated.family);
    hpck_destroy(handle);
    free_mutated(&mutated);
    if (trials == 0) fail_msg("%s: not noticed in %d trials", mutant->name, (int)TRIALS_MAX);
}
