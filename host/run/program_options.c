/* See program_options.h. */
#include "program_options.h"

#include <ctype.h>
#include <inttypes.h>

/* Parameters are macros in upper case; what the problem decides is one already. */
void program_options(struct strbuf *options, const struct family *family, const struct point *point)
{
    strbuf_add(options, "");
    for (int i = 0; i < family->param_count; i++) {
        if (family->params[i].run_time) continue;
        strbuf_add(options, "-D");
        for (const char *c = family->params[i].name; *c != '\0'; c++)
            strbuf_addn(options, &(char){ (char)toupper((unsigned char)*c) }, 1);
        strbuf_addf(options, "=%" PRId64 " ", point->param[i]);
    }
    for (int i = 0; i < family->define_count; i++)
        strbuf_addf(options, "-D%s=%" PRId64 " ", family->defines[i].name, family->defines[i].value(point));
}

void program_key(struct strbuf *key, const char *fingerprint, const struct family *family, const char *options,
                 const char *source)
{
    strbuf_add(key, fingerprint);
    if (family->cuda_target != NULL) strbuf_addf(key, " %s", family->cuda_target);
    strbuf_addf(key, "\n%s\n%s", options, source);
}
