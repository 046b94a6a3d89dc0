/* A growing text: doubles its room, never shrinks, remembers a failed allocation. */
#include "strbuf.h"

#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALLEST = 64 };

/* Room for `more` bytes and the terminator; false when there is none. */
static bool reserve(struct strbuf *buf, size_t more)
{
    if (buf->failed) return false;
    if (more < buf->capacity - buf->length) return true;
    size_t capacity = buf->capacity < SMALLEST ? SMALLEST : buf->capacity;
    while (capacity - buf->length <= more && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    char *text = capacity - buf->length > more ? realloc(buf->text, capacity) : NULL;
    if (text == NULL) {
        buf->failed = true;
        return false;
    }
    buf->text = text;
    buf->capacity = capacity;
    return true;
}

void strbuf_add(struct strbuf *buf, const char *text)
{
    strbuf_addn(buf, text, strlen(text));
}

void strbuf_addn(struct strbuf *buf, const char *text, size_t length)
{
    if (!reserve(buf, length)) return;
    memcpy(buf->text + buf->length, text, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void strbuf_addf(struct strbuf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    strbuf_addv(buf, format, args);
    va_end(args);
}

/* Numbers have a decimal point whatever locale the application has chosen: verbose output is read by programs. */
void strbuf_addv(struct strbuf *buf, const char *format, va_list args)
{
    va_list again;
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t callers = uselocale(plain);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0)
        buf->failed = true;
    else if (reserve(buf, (size_t)length)) {
        vsnprintf(buf->text + buf->length, (size_t)length + 1, format, again);
        buf->length += (size_t)length;
    }
    va_end(again);
    uselocale(callers);
    if (plain != (locale_t)0) freelocale(plain);
}

void strbuf_free(struct strbuf *buf)
{
    free(buf->text);
    *buf = (struct strbuf){ 0 };
}
