/* See point.h. */
#include "point.h"

#include <stdlib.h>
#include <string.h>

#include "handle.h"

hpck_status point_parse(const struct family *family, const char *text, int64_t *param, struct error *err)
{
    char list[512];
    if (strlen(text) >= sizeof list)
        return error_set(err, HPCK_INVALID_ARGUMENT, "%s: a point has fewer than %zu characters", family->name,
                         sizeof list);
    strcpy(list, text);
    memcpy(param, family->seeds, (size_t)family->param_count * sizeof *param);
    for (char *rest = list, *word; (word = strtok_r(rest, ",", &rest)) != NULL;) {
        char *value = strchr(word, '=');
        if (value != NULL) *value++ = '\0';
        const int index = family_param_index(family, word);
        if (index >= 0 && value != NULL) param[index] = strtoll(value, NULL, 10);
        if (index < 0 || value == NULL || !family_param_allows(family, index, param[index]))
            return error_set(err, HPCK_INVALID_ARGUMENT, "%s: %s=%s is not a parameter and one of its values",
                             family->name, word, value != NULL ? value : "");
    }
    return HPCK_OK;
}

hpck_status point_verify(hpck_handle *handle, const struct family *family, const int64_t *param,
                         const char *problem, struct trial *last, struct error *err)
{
    static const struct workload_options layouts[] = {
        { .seed = 1, .alpha = 1, .beta = 0, .ld_pad = 0, .offset = 0, .copies = 1 },
        { .seed = 2, .alpha = 0.5F, .beta = -1.25F, .ld_pad = 3, .offset = 8, .ld_multiple = 8, .copies = 1 },
        { .seed = 2, .alpha = 0.5F, .beta = 0, .ld_pad = 3, .offset = 5, .copies = 1 },
    };
    const struct device_desc *device = handle->backend->describe(handle->device);
    hpck_status st = HPCK_OK;
    struct problem parsed;
    HPCK_TRY(problem_parse(problem, &parsed, err));
    memcpy(last->param, param, (size_t)family->param_count * sizeof *param);
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        last->options = layouts[i];
        last->problem = parsed;
        workload_traits(&last->problem, &last->options);
        const struct problem canonical = problem_canonical(&last->problem);
        const char *reason =
            select_rejection(family, device, handle->backend->dialect, &canonical, param, INT64_MAX);
        if (reason != NULL && i == 0) HPCK_FAIL(err, HPCK_UNSUPPORTED, "%s", reason);
        if (reason != NULL) continue; /* operands that are aligned worse */
        HPCK_TRY(trial_verify(handle, family, last, err));
    }
done:
    return st;
}
