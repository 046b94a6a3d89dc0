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
      "${HPCK_CUDA_TEST_ENVIRONMENT};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${nvrtc}")
endforeach()
set_tests_properties(cuda_seeds PROPERTIES LABELS release-only)

# What a call costs in CPU time (docs/cuda-emulator.md): at most 15 ms in f32 and 10 ms in bf16 where nothing else runs; beside other
# tests, twice that.
if(HPCK_NVRTC)
  add_executable(emulator_speed tools/emulator_speed.c)
  target_link_libraries(emulator_speed PRIVATE hpck_flags hpck_test_support)
  foreach(device a100 h100)
    add_test(NAME emulator_speed_${device}
             COMMAND emulator_speed gemm:f32:nn:m256n256k256 30 gemm:bf16:nn:m256n256k256 20)
    set_tests_properties(emulator_speed_${device} PROPERTIES LABELS release-only ENVIRONMENT
        "${HPCK_CUDA_TEST_ENVIRONMENT};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${HPCK_NVRTC};HPCK_DEVICE=cuda:0;HPCK_EMULATOR_DEVICE=${device}")
  endforeach()
endif()
