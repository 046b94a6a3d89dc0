/* Failing calls in the CUDA backend, on a driver that records calls: a clear status for each, and what the handle can still do. */
#include "recorded.h"

static void memory_that_is_not_there_is_reported_and_the_handle_stays_usable(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    void *memory = NULL;
    recorded_fail_from("cuMemAlloc_v2", 0, CUDA_OUT_OF_MEMORY);
    recorded_assert_fails(handle, hpck_malloc(handle, 1 << 20, &memory), HPCK_DEVICE_OUT_OF_MEMORY,
                          "1048576 bytes");
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    hpck_destroy(handle);
}

static void a_fault_loses_the_context_and_the_handle_says_so(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    recorded_fail_from("cuStreamSynchronize", 0, CUDA_ILLEGAL_ADDRESS);
    recorded_assert_fails(handle, hpck_synchronize(handle), HPCK_LAUNCH_FAILED, "CUDA_ERROR_ILLEGAL_ADDRESS (700)");
    recorded_assert_message(handle, "context is lost");
    recorded_forget();
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_LAUNCH_FAILED,
                          "lost by an earlier fault, CUDA_ERROR_ILLEGAL_ADDRESS");
    recorded_assert_fails(handle, hpck_synchronize(handle), HPCK_LAUNCH_FAILED, "lost by an earlier fault");
    assert_string_equal(recorded_driver->log, "");
    hpck_destroy(handle);
    recorded_driver->alive = 0; /* went with the context */
}

static void a_refused_launch_leaves_the_handle_usable(void **state)
{
    (void)state;
    recorded_need_nvrtc();
    hpck_handle *handle = recorded_handle();
    struct product p = recorded_product(handle);
    recorded_fail_from("cuLaunchKernel", 0, CUDA_LAUNCH_OUT_OF_RESOURCES);
    recorded_assert_fails(handle, recorded_run(&p, NULL), HPCK_LAUNCH_FAILED, "cuLaunchKernel");
    recorded_driver->failing = NULL;
    assert_int_equal(recorded_run(&p, NULL), HPCK_OK);
    hpck_destroy(handle);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        RECORDED_TEST(memory_that_is_not_there_is_reported_and_the_handle_stays_usable),
        RECORDED_TEST(a_fault_loses_the_context_and_the_handle_says_so),
        RECORDED_TEST(a_refused_launch_leaves_the_handle_usable),
    };
    return recorded_run_tests("cuda_faults", tests, sizeof tests / sizeof tests[0]);
}
