/* Every rule of hpck_conv's arguments: the call returns INVALID_ARGUMENT, the message names the argument and the rule, and
 * nothing is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include <hpck/hpck.h>

enum { BYTES = 1 << 16 };

struct fixture {
    hpck_handle *handle;
    hpck_buffer x, filter, y;
};

static struct fixture fixture;

static int open_handle(void **state)
{
    static const char poison[BYTES] = { 0x5a };
    (void)state;
    if (hpck_create(&fixture.handle, NULL) != HPCK_OK) return -1;
    hpck_buffer *const buffers[] = { &fixture.x, &fixture.filter, &fixture.y };
    for (int i = 0; i < 3; i++)
        if (hpck_malloc(fixture.handle, BYTES, &buffers[i]->memory) != HPCK_OK ||
            hpck_write(fixture.handle, buffers[i]->memory, 0, poison, BYTES) != HPCK_OK)
            return -1;
    return 0;
}

static int close_handle(void **state)
{
    (void)state;
    hpck_destroy(fixture.handle);
    return 0;
}

static hpck_conv_desc small(void)
{
    hpck_conv_desc desc = HPCK_CONV_DESC_INIT;
    desc.c = 4;
    desc.k = 6;
    desc.h = desc.w = 8;
    desc.r = desc.s = 3;
    return desc;
}

static void refused_with(const hpck_conv_desc *desc, hpck_buffer x, hpck_buffer filter, hpck_buffer y,
                         const char *word)
{
    char after[16];
    assert_int_equal(hpck_conv(fixture.handle, desc, 1.0F, x, filter, 0.0F, y, NULL), HPCK_INVALID_ARGUMENT);
    if (strstr(hpck_error_message(fixture.handle), word) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", hpck_error_message(fixture.handle), word);
    assert_int_equal(hpck_read(fixture.handle, after, fixture.y.memory, 0, sizeof after), HPCK_OK);
    assert_int_equal(after[0], 0x5a);
}

static void refused(const hpck_conv_desc *desc, const char *word)
{
    refused_with(desc, fixture.x, fixture.filter, fixture.y, word);
}

#define REFUSED(change, word)                                                                                      \
    do {                                                                                                           \
        hpck_conv_desc desc = small();                                                                             \
        change;                                                                                                    \
        refused(&desc, word);                                                                                      \
    } while (0)

static void enumerations(void **state)
{
    (void)state;
    REFUSED(desc.direction = (hpck_conv_direction)3, "direction = 3");
    REFUSED(desc.dtype = (hpck_dtype)9, "dtype = 9");
    REFUSED(desc.layout = (hpck_conv_layout)2, "layout = 2");
    REFUSED(desc.filter_layout = (hpck_filter_layout)2, "filter_layout = 2");
    REFUSED(desc.activation = (hpck_activation)4, "activation = 4");
    REFUSED(desc.math = (hpck_conv_math)2, "math = 2");
    REFUSED(desc.size = 8, "size = 8");
}

static void sizes(void **state)
{
    (void)state;
    REFUSED(desc.n = -1, "must not be negative");
    REFUSED(desc.r = 0, "r and s must be at least 1");
    REFUSED(desc.stride_w = 0, "strides must be at least 1");
    REFUSED(desc.dilation_h = 0, "dilations must be at least 1");
    REFUSED(desc.pad_left = -1, "padding must not be negative");
    REFUSED(desc.groups = 0, "groups must be at least 1");
    REFUSED(desc.groups = 3, "channels c must be a multiple of groups");
    REFUSED(desc.groups = 4, "channels k must be a multiple of groups");
    REFUSED(desc.h = 2, "at least one row");
    REFUSED(desc.dilation_w = 4, "at least one column");
    REFUSED(desc.pad_top = INT64_MAX, "63 bits");
    REFUSED((desc.n = INT64_MAX / 4, desc.c = desc.k = 1), "63 bits");
}

static void directions_without_epilogue(void **state)
{
    (void)state;
    REFUSED((desc.direction = HPCK_CONV_BACKWARD_DATA, desc.activation = HPCK_RELU), "belong to fwd only");
    REFUSED((desc.direction = HPCK_CONV_BACKWARD_FILTER, desc.bias = fixture.y), "belong to fwd only");
}

static void memory(void **state)
{
    (void)state;
    const hpck_conv_desc desc = small();
    const hpck_buffer none = { NULL, 0 };
    hpck_buffer beyond = fixture.x, negative = fixture.filter;
    beyond.offset = BYTES / 4;
    negative.offset = -1;
    refused_with(&desc, none, fixture.filter, fixture.y, "x");
    refused_with(&desc, beyond, fixture.filter, fixture.y, "too few for this shape");
    refused_with(&desc, fixture.x, negative, fixture.y, "filter.offset = -1");
    refused_with(&desc, fixture.y, fixture.filter, fixture.y, "overlaps x");
    beyond.offset = INT64_MAX;
    refused_with(&desc, beyond, fixture.filter, fixture.y, "63 bits");
}

static void prepared_filters(void **state)
{
    (void)state;
    hpck_conv_filter *prepared = NULL;
    hpck_conv_desc desc = small();
    assert_int_equal(hpck_conv_prepare(fixture.handle, &desc, fixture.filter, NULL), HPCK_INVALID_ARGUMENT);
    desc.direction = HPCK_CONV_BACKWARD_FILTER;
    assert_int_equal(hpck_conv_prepare(fixture.handle, &desc, fixture.filter, &prepared), HPCK_INVALID_ARGUMENT);
    assert_non_null(strstr(hpck_error_message(fixture.handle), "none to prepare"));
    assert_null(prepared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enumerations),
        cmocka_unit_test(sizes),
        cmocka_unit_test(directions_without_epilogue),
        cmocka_unit_test(memory),
        cmocka_unit_test(prepared_filters),
    };
    return cmocka_run_group_tests(tests, open_handle, close_handle);
}
