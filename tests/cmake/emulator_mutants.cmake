# Wrong versions of the emulator's own rules: its tests have to notice each of them (tests/cuda_emulator/mutants.py).
add_test(NAME emulator_mutants
         COMMAND ${Python3_EXECUTABLE} ${PROJECT_SOURCE_DIR}/tests/cuda_emulator/mutants.py --build ${PROJECT_BINARY_DIR})
set_tests_properties(emulator_mutants PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 600 LABELS release-only ENVIRONMENT
    "${HPCK_TEST_ENVIRONMENT};HPCK_NVRTC=${nvrtc};HPCK_EMULATOR_QUIET=1")
