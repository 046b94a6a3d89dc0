/* What a program is compiled with, beside its text, and what names it in caches. */
#ifndef HPCK_RUN_PROGRAM_OPTIONS_H
#define HPCK_RUN_PROGRAM_OPTIONS_H

#include "family.h"
#include "strbuf.h"

/* "-DTILE_M=256 ...": parameters that need a compilation, and what the problem decides. */
void program_options(struct strbuf *options, const struct family *family, const struct point *point);

/* All that decides what a compiled program is: the device's fingerprint, the options, the source. */
void program_key(struct strbuf *key, const char *fingerprint, const struct family *family, const char *options,
                 const char *source);

#endif
