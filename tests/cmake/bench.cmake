# hpck-bench and hpck-microbench as a user runs them, and the parts of hpck-bench that need no device.
if(HPCK_TOOLS)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(bench_tests ${CMAKE_CURRENT_LIST_DIR}/../bench)

  add_executable(test_bench_judge ${bench_tests}/test_judge.c)
  target_link_libraries(test_bench_judge PRIVATE hpck_flags hpck_bench PkgConfig::CMOCKA)
  target_compile_definitions(test_bench_judge PRIVATE SHAPES_FOLDER="${PROJECT_SOURCE_DIR}/bench/shapes")
  add_test(NAME bench_judge COMMAND test_bench_judge)

  # The CUDA references with stand-ins for the libraries, on the emulated device.
  foreach(name cublas cudnn)
    add_library(fake_${name} MODULE ${bench_tests}/fake_${name}.c ${bench_tests}/fake_device.c)
    target_include_directories(fake_${name} PRIVATE ${PROJECT_SOURCE_DIR}/bench)
    target_link_libraries(fake_${name} PRIVATE hpck_flags hpck_reference ${CMAKE_DL_LIBS})
    add_executable(test_bench_${name} ${bench_tests}/test_${name}.c)
    target_link_libraries(test_bench_${name} PRIVATE hpck_flags hpck_bench PkgConfig::CMOCKA)
    add_test(NAME bench_${name} COMMAND test_bench_${name})
    string(TOUPPER ${name} variable)
    set_tests_properties(bench_${name} PROPERTIES ENVIRONMENT
        "${HPCK_TEST_ENVIRONMENT};HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu>;HPCK_${variable}=$<TARGET_FILE:fake_${name}>;HPCK_EMULATOR_QUIET=1")
  endforeach()

  add_library(idle_blas MODULE ${bench_tests}/idle_blas.c)
  set_target_properties(idle_blas PROPERTIES C_VISIBILITY_PRESET default)

  set(bench_names output exit_codes references)
  if(TARGET hpck-microbench)
    list(APPEND bench_names microbench)
    set(microbench MICROBENCH=$<TARGET_FILE:hpck-microbench>)
  endif()
  foreach(name IN LISTS bench_names)
    add_test(NAME bench_${name} COMMAND ${Python3_EXECUTABLE} ${bench_tests}/test_${name}.py)
    set_tests_properties(bench_${name} PROPERTIES TIMEOUT 600 ENVIRONMENT
        "BENCH=$<TARGET_FILE:hpck-bench>;IDLE_BLAS=$<TARGET_FILE:idle_blas>;EMULATOR=$<TARGET_FILE:hpckemu>;FAKE_CUBLAS=$<TARGET_FILE:fake_cublas>;${microbench};PYTHONDONTWRITEBYTECODE=1;${HPCK_TEST_ENVIRONMENT}")
  endforeach()
  set_tests_properties(bench_references PROPERTIES LABELS release-only) # two minutes under the sanitizers
  if(TARGET hpck-microbench)
    set_tests_properties(bench_microbench PROPERTIES LABELS release-only) # a minute and a half
  endif()
endif()
