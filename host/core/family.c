/* Look-ups in the generated tables: families, their texts, parameters and the grid of all points. */
#include "family.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct family *family_find(const char *name)
{
    for (int i = 0; i < family_count; i++)
        if (strcmp(families[i]->name, name) == 0) return families[i];
    return NULL;
}

const struct family_text *family_text(const struct family *family, enum dialect dialect, const struct problem *p)
{
    for (int i = 0; i < family->text_count; i++) {
        const struct family_text *text = &family->texts[i];
        if (text->dialect == dialect && text->dtype_in == p->dtype_in && text->dtype_out == p->dtype_out)
            return text;
    }
    return NULL;
}

int family_param_index(const struct family *family, const char *name)
{
    for (int i = 0; i < family->param_count; i++)
        if (strcmp(family->params[i].name, name) == 0) return i;
    return -1;
}

bool family_param_allows(const struct family *family, int index, int64_t value)
{
    const struct param_desc *param = &family->params[index];
    for (int i = 0; i < param->value_count; i++)
        if (param->values[i] == value) return true;
    return false;
}

char *family_params_print(const struct family *family, const int64_t *param, char *buffer, size_t size)
{
    size_t used = 0;
    if (size > 0) buffer[0] = '\0';
    for (int i = 0; i < family->param_count && used < size; i++) {
        int n = snprintf(buffer + used, size - used, "%s%s=%" PRId64, i > 0 ? " " : "", family->params[i].name,
                         param[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    return buffer;
}

uint64_t family_space_size(const struct family *family)
{
    uint64_t size = 1;
    for (int i = 0; i < family->param_count; i++)
        size *= (uint64_t)family->params[i].value_count;
    return size;
}

/* The last parameter varies fastest, as in the nested loops that one would write by hand. */
void family_space_point(const struct family *family, uint64_t index, int64_t *param)
{
    for (int i = family->param_count; i-- > 0;) {
        uint64_t count = (uint64_t)family->params[i].value_count;
        param[i] = family->params[i].values[index % count];
        index /= count;
    }
}
