# hpck-tune as a user runs it.
if(HPCK_TOOLS)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(tune_environment
      "TUNE=$<TARGET_FILE:hpck-tune>;PYTHONDONTWRITEBYTECODE=1;POCL_AFFINITY=1;POCL_CACHE_DIR=${HPCK_TEST_CACHE}/pocl;HPCK_CACHE_DIR=${PROJECT_BINARY_DIR}/test-cache")
  foreach(name exit_codes run faults interrupt database)
    add_test(NAME tune_${name} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/../tune/test_${name}.py)
    set_tests_properties(tune_${name} PROPERTIES TIMEOUT 600 ENVIRONMENT "${tune_environment}")
  endforeach()

  # The same on emulated CUDA devices, where NVRTC is.
  find_library(HPCK_NVRTC NAMES nvrtc nvrtc.so.13 PATHS /usr/local/cuda /usr/local/cuda-13.0 PATH_SUFFIXES lib lib64)
  if(HPCK_NVRTC)
    foreach(name emulated model_ranking)
      add_test(NAME tune_${name} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/../tune/test_${name}.py)
      set_tests_properties(tune_${name} PROPERTIES TIMEOUT 600 LABELS release-only ENVIRONMENT
          "${tune_environment};BUILD=${PROJECT_BINARY_DIR};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${HPCK_NVRTC};HPCK_EMULATOR_QUIET=1")
    endforeach()
  endif()
endif()
