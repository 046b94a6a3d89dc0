/* What hpck.h promises about everything but hpck_gemm: status names, devices, handles, memory, fork. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hpck/hpck.h>

#include "gemm_case.h"

static hpck_handle *create(const char *device)
{
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.device = device;
    assert_int_equal(hpck_create(&handle, &options), HPCK_OK);
    return handle;
}

/* The call fails with `status`, and the message contains `part`. */
static void assert_fails(const hpck_handle *handle, hpck_status got, hpck_status status, const char *part)
{
    assert_string_equal(hpck_status_string(got), hpck_status_string(status));
    if (strstr(hpck_error_message(handle), part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, hpck_error_message(handle));
}

static void every_status_has_a_name(void **state)
{
    (void)state;
    for (int i = HPCK_OK; i <= HPCK_INTERNAL; i++)
        assert_memory_equal(hpck_status_string((hpck_status)i), "HPCK_", 5);
    assert_string_equal(hpck_status_string(HPCK_DB_FORMAT), "HPCK_DB_FORMAT");
    assert_string_equal(hpck_status_string((hpck_status)99), "unknown hpck_status");
    assert_string_equal(hpck_status_string((hpck_status)-1), "unknown hpck_status");
    assert_int_equal(hpck_version(), HPCK_VERSION);
}

/* ---- devices ---------------------------------------------------------------------------------------------- */

static void devices_are_counted_and_described(void **state)
{
    (void)state;
    size_t count = 0;
    assert_int_equal(hpck_devices(NULL, 0, &count), HPCK_OK);
    assert_true(count >= 1);
    hpck_device_info *all = calloc(count, sizeof *all);
    size_t again = 0;
    assert_int_equal(hpck_devices(all, count, &again), HPCK_OK);
    assert_int_equal(again, count);
    for (size_t i = 0; i < count; i++) {
        const char *backend = strncmp(all[i].selector, "cuda:", 5) == 0 ? "cuda:" : "opencl:";
        assert_memory_equal(all[i].selector, backend, strlen(backend));
        assert_true(all[i].name[0] != '\0' && all[i].driver[0] != '\0');
        assert_true(all[i].compute_units > 0 && all[i].global_bytes > 0);
    }
    free(all);
    assert_int_equal(hpck_devices(NULL, 1, &count), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_devices(NULL, 0, NULL), HPCK_INVALID_ARGUMENT);
}

static void a_device_is_chosen_by_selector_or_part_of_its_name(void **state)
{
    (void)state;
    hpck_device_info first;
    hpck_device_info got;
    size_t count = 0;
    assert_int_equal(hpck_devices(&first, 1, &count), HPCK_OK);
    const char *requests[] = { first.selector, first.name, first.name + 1 };
    for (int i = 0; i < (count == 1 ? 3 : 1); i++) {
        hpck_handle *handle = create(requests[i]);
        assert_int_equal(hpck_device(handle, &got), HPCK_OK);
        assert_string_equal(got.selector, first.selector);
        hpck_destroy(handle);
    }
    setenv("HPCK_DEVICE", first.selector, 1);
    hpck_destroy(create(NULL));
    unsetenv("HPCK_DEVICE");
}

static void an_unknown_device_is_named_and_the_others_listed(void **state)
{
    (void)state;
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.device = "no such device";
    assert_fails(handle, hpck_create(&handle, &options), HPCK_NO_DEVICE, "");
    assert_fails(handle, HPCK_NO_DEVICE, HPCK_NO_DEVICE, "device = \"no such device\"");
    assert_fails(handle, HPCK_NO_DEVICE, HPCK_NO_DEVICE, "opencl:0:0");
    hpck_destroy(handle);
    setenv("HPCK_DEVICE", "opencl:99:0", 1);
    assert_int_equal(hpck_create(&handle, NULL), HPCK_NO_DEVICE);
    assert_fails(handle, HPCK_NO_DEVICE, HPCK_NO_DEVICE, "HPCK_DEVICE = \"opencl:99:0\"");
    hpck_destroy(handle);
    unsetenv("HPCK_DEVICE");
}

static void a_machine_without_a_driver_has_no_devices(void **state)
{
    (void)state;
    size_t count = 7;
    hpck_handle *handle = NULL;
    setenv("HPCK_OPENCL_LIBRARY", "/no/such/libOpenCL.so", 1);
    setenv("HPCK_CUDA_DRIVER", "/no/such/libcuda.so", 1);
    assert_int_equal(hpck_devices(NULL, 0, &count), HPCK_OK);
    assert_int_equal(count, 0);
    assert_int_equal(hpck_create(&handle, NULL), HPCK_NO_DEVICE);
    assert_fails(handle, HPCK_NO_DEVICE, HPCK_NO_DEVICE, "/no/such/libOpenCL.so");
    assert_fails(handle, HPCK_NO_DEVICE, HPCK_NO_DEVICE, "/no/such/libcuda.so");
    hpck_destroy(handle);

    setenv("HPCK_OPENCL_LIBRARY", "libm.so.6", 1); /* a library, but not that one */
    assert_int_equal(hpck_create(&handle, NULL), HPCK_NO_DEVICE);
    assert_fails(handle, HPCK_NO_DEVICE, HPCK_NO_DEVICE, "libm.so.6 has no clGetPlatformIDs");
    hpck_destroy(handle);
    unsetenv("HPCK_OPENCL_LIBRARY");
    unsetenv("HPCK_CUDA_DRIVER");
}

/* ---- handles ---------------------------------------------------------------------------------------------- */

static void options_of_another_size_are_refused(void **state)
{
    (void)state;
    struct {
        hpck_options options;
        char newer[16];
    } future = { HPCK_OPTIONS_INIT, { 0 } };
    hpck_handle *handle = NULL;
    future.options.size = 3;
    assert_int_equal(hpck_create(&handle, &future.options), HPCK_INVALID_ARGUMENT);
    assert_fails(handle, HPCK_INVALID_ARGUMENT, HPCK_INVALID_ARGUMENT, "options: size = 3");
    hpck_destroy(handle);

    future.options.size = sizeof future; /* of a newer header, asking for nothing new */
    assert_int_equal(hpck_create(&handle, &future.options), HPCK_OK);
    hpck_destroy(handle);
    future.newer[9] = 1;
    assert_int_equal(hpck_create(&handle, &future.options), HPCK_UNSUPPORTED);
    hpck_destroy(handle);
}

/* Every call on this handle must fail with INVALID_ARGUMENT at once. */
static void assert_unusable(hpck_handle *handle)
{
    const hpck_gemm_desc desc = HPCK_GEMM_DESC_INIT;
    const hpck_buffer none = { NULL, 0 };
    hpck_device_info info;
    hpck_plan *plan = NULL;
    void *memory = NULL;
    char byte = 0;
    assert_int_equal(hpck_device(handle, &info), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_synchronize(handle), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_malloc(handle, 1, &memory), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_free(handle, NULL), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_write(handle, memory, 0, &byte, 1), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_read(handle, &byte, memory, 0, 1), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_set_workspace(handle, NULL, 0), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_set_workspace_limit(handle, 0), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_gemm(handle, &desc, 1.0F, none, none, 0.0F, none, NULL), HPCK_INVALID_ARGUMENT);
    assert_int_equal(hpck_gemm_plan(handle, &desc, &plan), HPCK_INVALID_ARGUMENT);
}

static void a_handle_that_was_not_made_keeps_its_reason(void **state)
{
    (void)state;
    hpck_options options = HPCK_OPTIONS_INIT;
    hpck_handle *handle = NULL;
    options.device = "no such device";
    assert_int_equal(hpck_create(&handle, &options), HPCK_NO_DEVICE);
    assert_non_null(handle);
    assert_unusable(handle);
    assert_fails(handle, HPCK_OK, HPCK_OK, "no such device");
    hpck_destroy(handle);

    assert_unusable(NULL);
    assert_string_equal(hpck_error_message(NULL), "");
    assert_int_equal(hpck_create(NULL, NULL), HPCK_INVALID_ARGUMENT);
    hpck_destroy(NULL);
}

static void a_child_of_fork_may_not_use_the_handle(void **state)
{
    hpck_handle *handle = *state;
    pid_t child = fork();
    if (child == 0) {
        int ok = hpck_synchronize(handle) == HPCK_INVALID_ARGUMENT &&
                 strstr(hpck_error_message(handle), "fork()") != NULL;
        hpck_destroy(handle); /* must neither hang nor crash */
        _exit(ok ? 0 : 1);
    }
    int status = -1;
    alarm(60);
    assert_int_equal(waitpid(child, &status, 0), child);
    alarm(0);
    assert_int_equal(status, 0);
    assert_int_equal(hpck_synchronize(handle), HPCK_OK);
}

static void a_fresh_handle_has_no_message(void **state)
{
    (void)state;
    hpck_handle *handle = create(NULL);
    assert_string_equal(hpck_error_message(handle), "");
    assert_int_equal(hpck_device(handle, NULL), HPCK_INVALID_ARGUMENT);
    assert_string_equal(hpck_error_message(handle), "device: info is NULL");
    hpck_destroy(handle);
}

/* ---- memory ----------------------------------------------------------------------------------------------- */

static void memory_keeps_what_is_written(void **state)
{
    hpck_handle *handle = *state;
    const char text[] = "0123456789";
    char back[4] = "???";
    void *memory = NULL;
    assert_int_equal(hpck_malloc(handle, sizeof text, &memory), HPCK_OK);
    assert_int_equal(hpck_write(handle, memory, 0, text, sizeof text), HPCK_OK);
    assert_int_equal(hpck_write(handle, memory, 5, "ab", 2), HPCK_OK);
    assert_int_equal(hpck_read(handle, back, memory, 4, 3), HPCK_OK);
    assert_string_equal(back, "4ab");
    assert_int_equal(hpck_read(handle, NULL, memory, sizeof text, 0), HPCK_OK);
    assert_int_equal(hpck_free(handle, memory), HPCK_OK);
    assert_int_equal(hpck_free(handle, NULL), HPCK_OK);
}

static void copies_beyond_the_buffer_are_refused(void **state)
{
    hpck_handle *handle = *state;
    char bytes[8] = "intact!";
    void *memory = NULL;
    assert_int_equal(hpck_malloc(handle, 8, &memory), HPCK_OK);
    assert_fails(handle, hpck_write(handle, memory, 4, bytes, 5), HPCK_INVALID_ARGUMENT, "byte_offset = 4");
    assert_fails(handle, hpck_read(handle, bytes, memory, SIZE_MAX, 2), HPCK_INVALID_ARGUMENT, "8 bytes");
    assert_fails(handle, hpck_read(handle, bytes, memory, 1, SIZE_MAX), HPCK_INVALID_ARGUMENT, "read:");
    assert_fails(handle, hpck_read(handle, NULL, memory, 0, 1), HPCK_INVALID_ARGUMENT, "host is NULL");
    assert_fails(handle, hpck_read(handle, bytes, NULL, 0, 1), HPCK_INVALID_ARGUMENT, "memory is NULL");
    assert_string_equal(bytes, "intact!");
    assert_int_equal(hpck_free(handle, memory), HPCK_OK);
}

static void memory_is_allocated_and_freed_by_the_rules(void **state)
{
    hpck_handle *handle = *state;
    void *memory = NULL;
    int mine = 0;
    assert_fails(handle, hpck_malloc(handle, 0, &memory), HPCK_INVALID_ARGUMENT, "bytes is 0");
    assert_fails(handle, hpck_malloc(handle, 1, NULL), HPCK_INVALID_ARGUMENT, "memory is NULL");
    assert_fails(handle, hpck_malloc(handle, SIZE_MAX / 2, &memory), HPCK_DEVICE_OUT_OF_MEMORY, "bytes");
    assert_null(memory);
    assert_fails(handle, hpck_free(handle, &mine), HPCK_INVALID_ARGUMENT, "not allocated by hpck_malloc");
    assert_int_equal(hpck_malloc(handle, 1, &memory), HPCK_OK);
    assert_int_equal(hpck_free(handle, memory), HPCK_OK);
    assert_fails(handle, hpck_free(handle, memory), HPCK_INVALID_ARGUMENT, "freed already");

    hpck_handle *other = create(NULL); /* destroy frees what is left, here more than the list holds at first */
    for (int i = 0; i < 40; i++)
        assert_int_equal(hpck_malloc(other, 64, &memory), HPCK_OK);
    hpck_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_a_name),
        cmocka_unit_test(devices_are_counted_and_described),
        cmocka_unit_test(a_device_is_chosen_by_selector_or_part_of_its_name),
        cmocka_unit_test(an_unknown_device_is_named_and_the_others_listed),
        cmocka_unit_test(a_machine_without_a_driver_has_no_devices),
        cmocka_unit_test(options_of_another_size_are_refused),
        cmocka_unit_test(a_handle_that_was_not_made_keeps_its_reason),
        cmocka_unit_test(a_child_of_fork_may_not_use_the_handle),
        cmocka_unit_test(a_fresh_handle_has_no_message),
        cmocka_unit_test(memory_keeps_what_is_written),
        cmocka_unit_test(copies_beyond_the_buffer_are_refused),
        cmocka_unit_test(memory_is_allocated_and_freed_by_the_rules),
    };
    return cmocka_run_group_tests(tests, device_setup, device_teardown);
}
