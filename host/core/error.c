/* struct error: a status with a message that grows as it is passed up. */
#include "error.h"

#include <stdarg.h>
#include <stdlib.h>

#include "strbuf.h"

/* Takes the text over into err; a failed allocation leaves the message empty, never the status wrong. */
static void store(struct error *err, struct strbuf *text)
{
    if (text->failed) strbuf_free(text);
    free(err->text);
    err->text = text->text;
}

hpck_status error_set(struct error *err, hpck_status status, const char *format, ...)
{
    if (err == NULL) return status;
    struct strbuf text = { 0 };
    va_list args;
    va_start(args, format);
    strbuf_addv(&text, format, args); /* before the old message goes: it may be one of the arguments */
    va_end(args);
    store(err, &text);
    err->status = status;
    return status;
}

void error_append(struct error *err, const char *format, ...)
{
    if (err == NULL) return;
    struct strbuf text = { 0 };
    strbuf_add(&text, error_text(err));
    va_list args;
    va_start(args, format);
    strbuf_addv(&text, format, args);
    va_end(args);
    if (text.failed) {
        strbuf_free(&text); /* what was there is worth more than nothing */
        return;
    }
    store(err, &text);
}

const char *error_text(const struct error *err)
{
    return err != NULL && err->text != NULL ? err->text : "";
}

void error_free(struct error *err)
{
    if (err == NULL) return;
    free(err->text);
    *err = (struct error){ 0 };
}
