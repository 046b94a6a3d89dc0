# scripts/gpu-acceptance, rehearsed on the emulator.
find_library(HPCK_NVRTC NAMES nvrtc nvrtc.so.13 PATHS /usr/local/cuda /usr/local/cuda-13.0 PATH_SUFFIXES lib lib64)
if(HPCK_TOOLS AND HPCK_NVRTC)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME gpu_acceptance COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/../acceptance/test_acceptance.py)
  set_tests_properties(gpu_acceptance PROPERTIES TIMEOUT 600 LABELS release-only ENVIRONMENT
      "${HPCK_TEST_ENVIRONMENT};BUILD=${PROJECT_BINARY_DIR};EMULATOR=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${HPCK_NVRTC};PYTHONDONTWRITEBYTECODE=1")
endif()
