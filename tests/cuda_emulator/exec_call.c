/* Functions that the device brings along (CUDA C++ Programming Guide 13.0, 10.16, 10.33, 10.34): printf, which writes to stdout at once, the
 * failure of an assert(), malloc and free. The parser makes an instruction of a call of one of them; its operands are the .param variables of
 * the call: the result, if there is one, and the arguments. */
#include <stdio.h>
#include <string.h>

#include "access.h"
#include "decode.h"
#include "undefined.h"

enum { MOST_ARGUMENTS = 5, ERROR_ASSERT = 710 };

struct call {
    uint32_t result, result_size; /* in local memory; size 0: none is wanted */
    uint32_t argument[MOST_ARGUMENTS], size[MOST_ARGUMENTS];
};

/* What the function reads has to be defined. */
static uint64_t read(struct warp *warp, int lane, enum ptx_space space, uint64_t address, uint32_t size)
{
    uint64_t value = 0;
    const uint8_t *host = access_host(warp, lane, space, address, size, ACCESS_READ);
    if (warp->undefined != NULL && undefined_bits(undefined_memory(warp, host), size) << (64 - 8 * size) != 0)
        launch_fault(warp, lane, 719, "use of uninitialised memory as an argument of a function");
    memcpy(&value, host, size);
    return value;
}

static uint64_t argument(struct warp *warp, const struct op *op, int lane, int which)
{
    const struct call *call = op->detail;
    return read(warp, lane, SPACE_LOCAL, call->argument[which], call->size[which]);
}

static void give_back(struct warp *warp, const struct op *op, int lane, uint64_t value)
{
    const struct call *call = op->detail;
    if (call->result_size == 0) return;
    memcpy(access_host(warp, lane, SPACE_LOCAL, call->result, call->result_size, ACCESS_WRITE), &value,
           call->result_size);
}

/* ---- printf --------------------------------------------------------------------------------------------------------------- */

struct line { /* what one thread prints */
    char text[4096];
    size_t used;
};

static void put(struct line *line, const char *text, size_t length)
{
    if (length > sizeof line->text - line->used) length = sizeof line->text - line->used;
    memcpy(line->text + line->used, text, length);
    line->used += length;
}

struct arguments { /* one behind the other, each aligned to its size */
    struct warp *warp;
    int lane;
    uint64_t next;
};

static uint64_t take(struct arguments *arguments, uint32_t size)
{
    arguments->next = (arguments->next + size - 1) & ~(uint64_t)(size - 1);
    uint64_t value = read(arguments->warp, arguments->lane, SPACE_GENERIC, arguments->next, size);
    arguments->next += size;
    return value;
}

static void put_string(struct line *line, struct arguments *arguments, uint64_t address, size_t most)
{
    if (address == 0) {
        put(line, "(null)", strlen("(null)"));
        return;
    }
    for (; most > 0; most--, address++) {
        const char c = (char)read(arguments->warp, arguments->lane, SPACE_GENERIC, address, 1);
        if (c == '\0') return;
        put(line, &c, 1);
    }
}

/* One conversion, behind its '%'; returns what follows it. */
static const char *convert(struct line *line, const char *format, struct arguments *arguments)
{
    enum { WIDEST = 1000 };
    char spec[64] = "%", text[WIDEST + 400];
    size_t used = 1;
    int number[2] = { 0, -1 }; /* width, precision */
    for (; *format != '\0' && strchr("-+ #0", *format) != NULL && used < 8; format++)
        spec[used++] = *format;
    for (int i = 0; i < 2; i++) {
        if (i == 1 && *format != '.') break;
        if (i == 1) format++, number[1] = 0;
        if (*format == '*') format++, number[i] = (int)take(arguments, 4);
        for (; *format >= '0' && *format <= '9'; format++)
            if (number[i] < WIDEST) number[i] = 10 * number[i] + (*format - '0');
        if (number[i] > WIDEST) number[i] = WIDEST;
        if (number[i] < -WIDEST) number[i] = -WIDEST;
    }
    uint32_t size = 4;
    for (; *format != '\0' && strchr("hlLzjtq", *format) != NULL; format++)
        if (*format != 'h') size = 8;
    used += (size_t)snprintf(spec + used, sizeof spec - used, number[1] >= 0 ? "*.*" : "*");
    const char kind = *format;
    if (kind == '\0') return format;
    int length = 0;
    if (strchr("diouxXc", kind) != NULL) {
        if (kind == 'c') size = 4;
        uint64_t value = take(arguments, size);
        if (strchr("di", kind) != NULL && size == 4) value = (uint64_t)(int32_t)value;
        snprintf(spec + used, sizeof spec - used, kind == 'c' ? "c" : "ll%c", kind);
        if (kind == 'c')
            length = snprintf(text, sizeof text, "%*c", number[0], (int)value);
        else if (number[1] >= 0)
            length = snprintf(text, sizeof text, spec, number[0], number[1], (unsigned long long)value);
        else
            length = snprintf(text, sizeof text, spec, number[0], (unsigned long long)value);
    } else if (strchr("eEfFgGaA", kind) != NULL) {
        snprintf(spec + used, sizeof spec - used, "%c", kind);
        const double value = as_double(take(arguments, 8));
        length = number[1] >= 0 ? snprintf(text, sizeof text, spec, number[0], number[1], value)
                                : snprintf(text, sizeof text, spec, number[0], value);
    } else if (kind == 'p') {
        length = snprintf(text, sizeof text, "%*p", number[0], (void *)(uintptr_t)take(arguments, 8));
    } else if (kind == 's') {
        struct line string = { .used = 0 };
        put_string(&string, arguments, take(arguments, 8),
                   number[1] >= 0 ? (size_t)number[1] : sizeof string.text - 1);
        string.text[string.used < sizeof string.text ? string.used : sizeof string.text - 1] = '\0';
        const size_t width = (size_t)(number[0] < 0 ? -number[0] : number[0]);
        bool left = number[0] < 0 || memchr(spec, '-', used) != NULL;
        if (left) put(line, string.text, string.used);
        for (size_t i = string.used; i < width; i++)
            put(line, " ", 1);
        if (!left) put(line, string.text, string.used);
    } else {
        put(line, &kind, 1); /* "%%", and what the guide calls undefined */
    }
    if (length > 0) put(line, text, (size_t)length < sizeof text ? (size_t)length : sizeof text - 1);
    return format + 1;
}

HANDLER(print)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctz(rest);
        struct line format = { .used = 0 }, line = { .used = 0 };
        struct arguments arguments = { .warp = warp, .lane = i, .next = argument(warp, op, i, 1) };
        put_string(&format, &arguments, argument(warp, op, i, 0), sizeof format.text - 1);
        format.text[format.used] = '\0';
        int converted = 0;
        for (const char *at = format.text; *at != '\0';) {
            const size_t plain = strcspn(at, "%");
            put(&line, at, plain);
            at += plain;
            if (*at == '\0') break;
            converted += at[1] != '%';
            at = convert(&line, at + 1, &arguments);
        }
        fwrite(line.text, 1, line.used, stdout);
        give_back(warp, op, i, (uint64_t)converted);
    }
    fflush(stdout);
}

/* ---- assert, malloc, free ------------------------------------------------------------------------------------------------- */

HANDLER(fail_assertion) /* message, file, line, function, size of a character */
{
    const int lane = __builtin_ctz(mask);
    struct arguments none = { .warp = warp, .lane = lane };
    char words[3][256];
    static const int strings[] = { 0, 1, 3 };
    for (int i = 0; i < 3; i++) {
        struct line string = { .used = 0 };
        put_string(&string, &none, argument(warp, op, lane, strings[i]), sizeof words[i] - 1);
        memcpy(words[i], string.text, string.used);
        words[i][string.used] = '\0';
    }
    launch_fault(warp, lane, ERROR_ASSERT, "%s:%u: %s: assertion '%s' failed", words[1],
                 (unsigned)argument(warp, op, lane, 2), words[2], words[0]);
}

HANDLER(allocate)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctz(rest);
        give_back(warp, op, i, memory_alloc(warp->launch->memory, argument(warp, op, i, 0)));
    }
}

HANDLER(release)
{
    for (uint32_t rest = mask; rest != 0; rest &= rest - 1) {
        const int i = __builtin_ctz(rest);
        const uint64_t address = argument(warp, op, i, 0);
        if (address != 0 && !memory_free(warp->launch->memory, address))
            launch_fault(warp, i, 719, "free() of what malloc() did not give");
    }
    warp->launch->near_low = warp->launch->near_end = 0; /* what was found last may be gone */
}

static const struct {
    const char *name, *opcode; /* what the parser makes of a call; the opcode's last word is the decoder's */
    op_handler *run;
    uint32_t results, arguments, size[MOST_ARGUMENTS];
} functions[] = { { "vprintf", "call.vprintf", print, 1, 2, { 8, 8 } },
                  { "__assertfail", "call.assertfail", fail_assertion, 0, 5, { 8, 8, 4, 8, 8 } },
                  { "malloc", "call.malloc", allocate, 1, 1, { 8 } },
                  { "free", "call.free", release, 0, 1, { 8 } } };

const char *ptx_known_function(const char *name)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].name, name) == 0) return functions[i].opcode;
    return NULL;
}

static void decode_call(struct decoder *decoder, struct opcode_words *words)
{
    struct call *call = arena_alloc(&decoder->module->arena, sizeof *call);
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
        if (!words_take(words, functions[f].opcode + strlen("call."))) continue;
        const uint32_t results = functions[f].results, count = results + functions[f].arguments;
        bool fits = decoder->source->count == count;
        for (uint32_t i = 0; i < count && fits; i++) {
            const struct ptx_operand *operand = &decoder->source->operands[i];
            fits = operand->kind == PTX_VARIABLE && operand->variable->space == SPACE_LOCAL &&
                   (i < results ? operand->variable->size <= 8
                                : operand->variable->size == functions[f].size[i - results]);
            if (!fits) break;
            *(i < results ? &call->result : &call->argument[i - results]) = operand->variable->offset;
            *(i < results ? &call->result_size : &call->size[i - results]) = operand->variable->size;
        }
        if (!fits) decode_fail(decoder, "a call of %s with other parameters", functions[f].name);
        decoder->op->run = functions[f].run;
    }
    decoder->op->detail = call;
    decoder->op->class = CLASS_CONTROL;
}

const struct family exec_call_families[] = { { "call", decode_call }, { NULL, NULL } };
