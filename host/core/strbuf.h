/* A growing text. Appends after a failed allocation are ignored and `failed` stays set: check once at the end. */
#ifndef HPCK_CORE_STRBUF_H
#define HPCK_CORE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct strbuf {
    char *text; /* NULL when empty; always terminated otherwise */
    size_t length;
    size_t capacity;
    bool failed;
};

void strbuf_add(struct strbuf *buf, const char *text);
void strbuf_addn(struct strbuf *buf, const char *text, size_t length);
void strbuf_addf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_addv(struct strbuf *buf, const char *format, va_list args);
void strbuf_free(struct strbuf *buf);

#endif
