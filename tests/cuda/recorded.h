/* What tests on the recording driver share: a driver as new for each, handles and a small product on it. */
#ifndef RECORDED_H
#define RECORDED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>

#include <hpck/hpck_cuda.h>

#include "cuda_objects.h"
#include "recording_driver.h"

extern struct recorder *recorded_driver; /* the driver's */

/* A driver as new, and folders of its own; afterwards, whatever happened, the thread's context stack is as before and all is
 * given back. */
int recorded_setup(void **state);
int recorded_teardown(void **state);
#define RECORDED_TEST(name) cmocka_unit_test_setup_teardown(name, recorded_setup, recorded_teardown)
int recorded_run_tests(const char *group, const struct CMUnitTest *tests, size_t count); /* for main */
void recorded_need_nvrtc(void); /* skips the test without it */

void recorded_fail_from(const char *function, int after, enum cuda_code code);
void recorded_forget(void);                 /* the calls so far */
bool recorded_called(const char *function); /* since then */
void recorded_assert_message(const hpck_handle *handle, const char *part);
void recorded_assert_fails(const hpck_handle *handle, hpck_status got, hpck_status status, const char *part);

hpck_handle *recorded_handle(void); /* on cuda:0, with a cache folder of its own */

struct product {
    hpck_handle *handle;
    hpck_gemm_desc desc;
    hpck_buffer a, b, c;
};
struct product recorded_product(hpck_handle *handle);
hpck_status recorded_run(const struct product *p, const hpck_sync *sync);

#endif
