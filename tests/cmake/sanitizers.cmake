# Which tests the sanitizer builds of CMakePresets.json run. Preset asan: all but the label release-only, which is for
# what says nothing about the host's code there and takes minutes. Preset tsan: the label threads.
set_tests_properties(handle_threads PROPERTIES LABELS threads)
set_tests_properties(gemm_mutants PROPERTIES LABELS release-only) # breaks kernels, which no sanitizer sees
