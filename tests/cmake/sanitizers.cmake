# Which tests the sanitizer builds of CMakePresets.json run. Preset asan: all but the label release-only, which is for
# what says nothing about the host's code there and takes minutes. Preset tsan: the label threads.
set_tests_properties(handle_threads PROPERTIES LABELS threads)
# Kernels are compiled by PoCL inside the sanitized process, many times slower, and no sanitizer sees into them.
set_tests_properties(gemm_semantics conv_semantics reduce_semantics reduce_accuracy row_stability
                     gemm_random conv_random reduce_random PROPERTIES LABELS release-only)
