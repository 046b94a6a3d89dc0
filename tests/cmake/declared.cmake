# The tests that tests/families/FAMILY.toml declare: points that oclgrind runs, and wrong versions that must be noticed.
set(declared_folder ${CMAKE_CURRENT_LIST_DIR}/../families)
file(GLOB declared CONFIGURE_DEPENDS ${declared_folder}/*.toml)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${declared} ${declared_folder}/declared.py)
set(declared_command ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1 ${HPCK_CODEGEN_PYTHON} ${declared_folder}/declared.py)

include(${CMAKE_CURRENT_LIST_DIR}/../oclgrind/oclgrind.cmake)

# The mutants of a family on a device: opencl (what tests run on), or an emulated one, where races and uninitialised memory are
# looked for, too.
set(mutants_table ${CMAKE_CURRENT_BINARY_DIR}/mutants_table.c)
add_custom_command(OUTPUT ${mutants_table} COMMAND ${declared_command} table ${declared} > ${mutants_table}
                   DEPENDS ${declared} ${declared_folder}/declared.py VERBATIM)
add_executable(verify_mutants tools/verify_mutants.c ${mutants_table})
target_link_libraries(verify_mutants PRIVATE hpck_flags hpck_test_support)
function(mutants_test family device)
  string(REPLACE ":" "_" place ${device})
  set(name mutants_${family})
  set(environment ${HPCK_TEST_ENVIRONMENT})
  if(NOT device STREQUAL opencl)
    if(NOT HPCK_NVRTC)
      return()
    endif()
    set(name cuda_emulated_mutants_${family}_${place})
    set(environment ${HPCK_CUDA_TEST_ENVIRONMENT})
    list(APPEND environment HPCK_CUDA_DRIVER=$<TARGET_FILE:hpckemu> HPCK_NVRTC=${HPCK_NVRTC} HPCK_DEVICE=cuda:0
         HPCK_EMULATOR_DEVICE=${device} HPCK_EMULATOR_CHECK=1 HPCK_EMULATOR_QUIET=1)
  endif()
  add_test(NAME ${name} COMMAND verify_mutants ${family} ${device})
  set_tests_properties(${name} PROPERTIES TIMEOUT 900 LABELS release-only ENVIRONMENT "${environment}")
endfunction()

execute_process(COMMAND ${declared_command} tests ${declared} OUTPUT_FILE ${CMAKE_CURRENT_BINARY_DIR}/declared_tests.cmake
                COMMAND_ERROR_IS_FATAL ANY)
include(${CMAKE_CURRENT_BINARY_DIR}/declared_tests.cmake)
