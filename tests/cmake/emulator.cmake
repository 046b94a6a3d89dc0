# The CUDA driver on the CPU and its tests, which need NVRTC (they skip without it).
add_subdirectory(${PROJECT_SOURCE_DIR}/tests/cuda_emulator ${PROJECT_BINARY_DIR}/tests/cuda_emulator)
find_library(HPCK_NVRTC NAMES nvrtc nvrtc.so.13 PATHS /usr/local/cuda /usr/local/cuda-13.0 PATH_SUFFIXES lib lib64)
set(nvrtc "")
if(HPCK_NVRTC)
  set(nvrtc ${HPCK_NVRTC})
endif()
file(GLOB emulator_tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/test_emulator_*.c)
foreach(source ${emulator_tests})
  get_filename_component(program ${source} NAME_WE)
  string(REPLACE test_ "" name ${program})
  target_link_libraries(${program} PRIVATE hpckemu_testing)
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT
      "${HPCK_TEST_ENVIRONMENT};HPCK_NVRTC=${nvrtc};HPCK_EMULATOR_QUIET=1")
endforeach()

target_link_libraries(test_cuda_compile PRIVATE hpckemu_testing) # it loads what it compiled

# What the library's own kernels cost, counted by the emulator, and where its callers' memory may begin.
foreach(name cuda_seeds cuda_addresses)
  target_link_libraries(test_${name} PRIVATE hpckemu_testing)
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT
      "${HPCK_TEST_ENVIRONMENT};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${nvrtc}")
endforeach()
set_tests_properties(cuda_seeds PROPERTIES LABELS release-only)
