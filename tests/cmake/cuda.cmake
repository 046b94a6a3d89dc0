# CUDA without a GPU: a driver that only records what it is asked for (tests/cuda), for the backend's manners.
add_library(recording_driver MODULE cuda/recording_driver.c)
target_include_directories(recording_driver PRIVATE ${PROJECT_SOURCE_DIR}/host/backend ${PROJECT_SOURCE_DIR}/host/core)
target_link_libraries(recording_driver PRIVATE hpck_flags hpck_api)
add_library(recorded STATIC cuda/recorded.c)
target_include_directories(recorded PUBLIC cuda)
target_compile_definitions(recorded PUBLIC RECORDING_DRIVER="$<TARGET_FILE:recording_driver>")
target_link_libraries(recorded PRIVATE hpck_flags PUBLIC hpck_test_support)
add_dependencies(recorded recording_driver)
foreach(program test_cuda_backend test_cuda_faults test_cuda_streams test_cuda_tensor)
  target_link_libraries(${program} PRIVATE recorded)
endforeach()
set_tests_properties(cuda_compile PROPERTIES SKIP_RETURN_CODE 77)

# The toolkit's headers, where they are, and what hpck declares in their place.
find_path(CUDA_HEADERS cuda.h PATHS /usr/local/cuda/include)
if(CUDA_HEADERS AND EXISTS ${CUDA_HEADERS}/nvrtc.h)
  add_executable(cuda_api cuda/cuda_api.c)
  target_include_directories(cuda_api SYSTEM PRIVATE ${CUDA_HEADERS})
  target_link_libraries(cuda_api PRIVATE hpck_flags hpck_internal)
  add_test(NAME cuda_api COMMAND cuda_api)
endif()

# The same for the libraries that hpck-bench compares with.
foreach(pair vendor_blas:cublasLt.h vendor_dnn:cudnn.h)
  string(REPLACE ":" ";" pair ${pair})
  list(GET pair 0 name)
  list(GET pair 1 header)
  if(CUDA_HEADERS AND EXISTS ${CUDA_HEADERS}/${header})
    add_executable(${name} cuda/${name}.c)
    target_include_directories(${name} SYSTEM PRIVATE ${CUDA_HEADERS})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/bench)
    target_link_libraries(${name} PRIVATE hpck_flags)
    add_test(NAME ${name} COMMAND ${name})
  endif()
endforeach()

# Tests of the library, run once more on the emulated device (tests/cuda_emulator): template, NVRTC, PTX, launch, result.
find_library(HPCK_NVRTC NAMES nvrtc nvrtc.so.13 PATHS /usr/local/cuda /usr/local/cuda-13.0 PATH_SUFFIXES lib lib64)
if(HPCK_NVRTC)
  foreach(name gemm_semantics conv_semantics conv_as_gemm reduce_semantics reduce_accuracy row_stability gemm_random conv_random reduce_random
               plan cache handle_threads api api_overlap)
    add_test(NAME cuda_emulated_${name} COMMAND test_${name})
    set(environment ${HPCK_TEST_ENVIRONMENT})
    if(name MATCHES "semantics|accuracy|as_gemm|stability") # the others have to do with compiling
      set(environment ${HPCK_CUDA_TEST_ENVIRONMENT})
    endif()
    list(APPEND environment LSAN_OPTIONS=suppressions=${CMAKE_CURRENT_SOURCE_DIR}/support/leaks_nvrtc.supp:print_suppressions=0:use_tls=0)
    set_tests_properties(cuda_emulated_${name} PROPERTIES TIMEOUT 600 ENVIRONMENT
        "${environment};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${HPCK_NVRTC};HPCK_DEVICE=cuda:0;HPCK_EMULATOR_QUIET=1")
  endforeach()
  add_test(NAME cuda_emulated_gemm_semantics_h100 COMMAND test_gemm_semantics)
  set_tests_properties(cuda_emulated_gemm_semantics_h100 PROPERTIES TIMEOUT 600 LABELS release-only ENVIRONMENT
      "${HPCK_CUDA_TEST_ENVIRONMENT};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${HPCK_NVRTC};HPCK_DEVICE=cuda:0;HPCK_EMULATOR_DEVICE=h100")
endif()

# Variants of every family that has a CUDA text, on an emulated device that can run it: every pair of parameter values that is
# legal there. An argument more: SIZE_MAX of verify_family, 100 without it.
function(add_cuda_variants family device limit)
  string(REPLACE ":" "_" place ${device})
  set(name cuda_emulated_variants_${family}_${place})
  set(size 100)
  if(ARGN)
    set(size ${ARGN})
  endif()
  add_test(NAME ${name} COMMAND verify_family ${family} ${limit} ${size})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS release-only
      SKIP_RETURN_CODE 77 ENVIRONMENT
      "${HPCK_CUDA_TEST_ENVIRONMENT};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_NVRTC=${HPCK_NVRTC};HPCK_DEVICE=cuda:0;HPCK_EMULATOR_DEVICE=${device};HPCK_EMULATOR_CHECK=1;HPCK_EMULATOR_QUIET=1")
endfunction()
if(HPCK_NVRTC)
  file(GLOB declarations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*/*.toml)
  foreach(declaration ${declarations})
    get_filename_component(family ${declaration} NAME_WE)
    file(STRINGS ${declaration} dialects REGEX "^dialects = .*\"cuda\"")
    file(STRINGS ${declaration} is_hopper REGEX "^requires = \"sm_90a\"")
    if(is_hopper)
      add_cuda_variants(${family} h100:3 10 300) # few multiprocessors: each has several tiles
    elseif(dialects)
      add_cuda_variants(${family} a100 10)
    endif()
  endforeach()
  add_cuda_variants(gemm_mma t4 10)
endif()

add_test(NAME cuda_static_branches COMMAND ${HPCK_CODEGEN_PYTHON} ${PROJECT_SOURCE_DIR}/tests/static/test_sass.py)
set_tests_properties(cuda_static_branches PROPERTIES ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)

# What ptxas makes of the seeds of families that have CUDA texts (tests/static): no spills, and the code that they declare.
file(GLOB cuda_declarations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*/*.toml)
list(FILTER cuda_declarations EXCLUDE REGEX "/op\\.toml$")
foreach(declaration ${cuda_declarations})
  get_filename_component(family ${declaration} NAME_WE)
  file(STRINGS ${declaration} dialects REGEX "^dialects = .*\"cuda\"")
  if(HPCK_NVRTC AND dialects)
    add_test(NAME cuda_static_${family}
             COMMAND ${HPCK_CODEGEN_PYTHON} ${PROJECT_SOURCE_DIR}/tests/static/test_static.py ${family})
    set_tests_properties(cuda_static_${family} PROPERTIES TIMEOUT 600 LABELS release-only SKIP_RETURN_CODE 77 ENVIRONMENT
        "HPCK_NVRTC=${HPCK_NVRTC};HPCK_STATIC_CACHE=${HPCK_TEST_CACHE}/static;PYTHONDONTWRITEBYTECODE=1")
  endif()
endforeach()
