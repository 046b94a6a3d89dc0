# Every tests/fuzz/fuzz_NAME.c is a libFuzzer program and one ctest fuzz_NAME: a bounded run that starts from
# tests/fuzz/corpus/NAME/, with the words of tests/fuzz/NAME.dict where there is one. The library has to be compiled by
# clang with sanitizers for it, so the programs live in a second build tree below this one, made by the test fuzz_build.
file(GLOB fuzzers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/fuzz_*.c)

if(HPCK_FUZZ) # we are that second build tree
  add_custom_target(fuzzers)
  foreach(source ${fuzzers})
    get_filename_component(name ${source} NAME_WE)
    add_executable(${name} EXCLUDE_FROM_ALL ${source})
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
    target_link_libraries(${name} PRIVATE hpck_flags hpck_autotune)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    add_dependencies(fuzzers ${name})
  endforeach()
  file(GLOB emulator CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/cuda_emulator/*.c)
  target_sources(fuzz_ptx PRIVATE ${emulator})
  target_include_directories(fuzz_ptx PRIVATE ${PROJECT_SOURCE_DIR}/tests/cuda_emulator)
  target_compile_options(fuzz_ptx PRIVATE -fno-strict-aliasing -ffp-contract=off -Wno-pass-failed)
  return()
endif()

set(HPCK_FUZZ_SECONDS 10 CACHE STRING "length of each fuzzing test")
set(HPCK_FUZZ_FLAGS "-O1 -gline-tables-only -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer")
find_program(HPCK_FUZZ_CLANG NAMES clang clang-14 clang-15 clang-16 clang-17 clang-18)
if(HPCK_FUZZ_CLANG AND NOT DEFINED HPCK_HAS_LIBFUZZER)
  set(probe ${PROJECT_BINARY_DIR}/CMakeFiles/fuzz_probe)
  file(WRITE ${probe}.c "int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n);\n"
                        "int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n ? 0 : 0; }\n")
  execute_process(COMMAND ${HPCK_FUZZ_CLANG} -fsanitize=fuzzer,address,undefined ${probe}.c -o ${probe}
                  RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
  if(NOT failed)
    set(HPCK_HAS_LIBFUZZER ON CACHE INTERNAL "clang can link libFuzzer")
  endif()
endif()
if(NOT HPCK_HAS_LIBFUZZER)
  message(STATUS "fuzz: no clang with libFuzzer found, its tests are left out")
  return()
endif()

set(tree ${PROJECT_BINARY_DIR}/fuzz)
add_test(NAME fuzz_build COMMAND ${CMAKE_CTEST_COMMAND} --build-and-test ${PROJECT_SOURCE_DIR} ${tree}
    --build-noclean --build-generator ${CMAKE_GENERATOR} --build-target fuzzers
    --build-options -DHPCK_FUZZ=ON -DHPCK_TESTS=ON -DHPCK_TOOLS=OFF -DCMAKE_BUILD_TYPE=None
                    -DCMAKE_C_COMPILER=${HPCK_FUZZ_CLANG} -DCMAKE_C_FLAGS=${HPCK_FUZZ_FLAGS})
set_tests_properties(fuzz_build PROPERTIES FIXTURES_SETUP fuzz TIMEOUT 900 LABELS release-only) # it has sanitizers of its own

foreach(source ${fuzzers})
  get_filename_component(program ${source} NAME_WE)
  string(REPLACE fuzz_ "" name ${program})
  set(found ${PROJECT_BINARY_DIR}/fuzz/found/${name}) # new inputs and crashes stay here, the corpus is only read
  file(MAKE_DIRECTORY ${found})
  set(words ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.dict)
  set(dictionary)
  if(EXISTS ${words})
    set(dictionary -dict=${words})
  endif()
  # through env, which exists when ctest looks for its programs: the fuzzers are made by fuzz_build
  add_test(NAME ${program} COMMAND ${CMAKE_COMMAND} -E env ${tree}/tests/${program} -max_total_time=${HPCK_FUZZ_SECONDS} -timeout=10
      -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 -artifact_prefix=${found}/ ${dictionary}
      ${found} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  set_tests_properties(${program} PROPERTIES FIXTURES_REQUIRED fuzz TIMEOUT 300 LABELS release-only ENVIRONMENT "${HPCK_TEST_ENVIRONMENT}")
endforeach()
