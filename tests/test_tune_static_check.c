/* What is rejected before it runs, by what the compiler made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "static_check.h"

static const struct plan_facts fine = {
    .name = "gemm",
    .kernel = { .registers = 128, .spill_bytes = 0, .local_bytes = 1024, .max_work_items = 512 },
    .work_items = 512,
    .local_bytes = 49152,
};

static void expect_rejection(const struct plan_facts *facts, int64_t local_bytes_max, const char *message)
{
    char reason[256] = "";
    assert_false(static_check_facts(facts, local_bytes_max, reason, sizeof reason));
    if (strstr(reason, message) == NULL) fail_msg("\"%s\" lacks \"%s\"", reason, message);
}

static void a_kernel_that_fits_is_accepted(void **state)
{
    (void)state;
    char reason[128];
    assert_true(static_check_facts(&fine, 49152, reason, sizeof reason));
    assert_true(static_check_facts(&fine, 0, reason, sizeof reason)); /* a limit that is unknown limits nothing */
}

static void spills_are_rejected(void **state)
{
    (void)state;
    struct plan_facts facts = fine;
    facts.kernel.spill_bytes = 72;
    expect_rejection(&facts, 49152, "kernel gemm spills 72 bytes per work-item (128 registers)");
}

static void more_work_items_than_registers_for_them_are_rejected(void **state)
{
    (void)state;
    struct plan_facts facts = fine;
    facts.work_items = 513;
    expect_rejection(&facts, 49152, "registers for 512 work-items (128 each), a work-group has 513");
}

static void more_local_memory_than_the_device_has_is_rejected(void **state)
{
    (void)state;
    struct plan_facts facts = fine;
    facts.local_bytes = 49153;
    expect_rejection(&facts, 49152, "needs 49153 bytes of local memory, the device has 49152");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_that_fits_is_accepted),
        cmocka_unit_test(spills_are_rejected),
        cmocka_unit_test(more_work_items_than_registers_for_them_are_rejected),
        cmocka_unit_test(more_local_memory_than_the_device_has_is_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
