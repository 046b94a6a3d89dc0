# Points of kernel families on oclgrind, with small tiles and ragged shapes: no data race, no access out of bounds and, on what
# is not for CPUs, no uninitialised value.
find_program(OCLGRIND oclgrind)
find_program(OCLGRIND_KERNEL oclgrind-kernel)
find_file(OCLGRIND_LIBRARY liboclgrind-rt.so PATHS /usr /usr/local PATH_SUFFIXES lib/oclgrind lib64/oclgrind lib)
if(NOT OCLGRIND OR NOT OCLGRIND_KERNEL OR NOT OCLGRIND_LIBRARY)
  message(STATUS "oclgrind was not found: its tests are left out")
  function(oclgrind_test)
  endfunction()
  return()
endif()
add_executable(verify_point tools/verify_point.c)
target_link_libraries(verify_point PRIVATE hpck_flags hpck_test_support)
set(oclgrind_folder ${CMAKE_CURRENT_LIST_DIR}/../oclgrind)

# What oclgrind is for is found where it is known to be.
foreach(fault race beyond unset)
  set(race_text "data race")
  set(beyond_text "Invalid write of size 4")
  set(unset_text "depends on uninitialized value")
  add_test(NAME oclgrind_finds_${fault} WORKING_DIRECTORY ${oclgrind_folder}
           COMMAND ${CMAKE_COMMAND} -DOCLGRIND=${OCLGRIND_KERNEL} "-DCHECKS=--data-races;--uninitialized" -DLOG=${CMAKE_CURRENT_BINARY_DIR}/oclgrind-${fault}.log
           -DMUST_FIND=${${fault}_text} -P check.cmake -- ${fault}.sim)
endforeach()

# oclgrind_test(NAME FAMILY POINT PROBLEM...), see verify_point.c
function(oclgrind_test name family params)
  set(checks --data-races)
  if(NOT family MATCHES "_cpu$") # whose accesses through packed structures crash oclgrind 21.10's check for uninitialised values
    list(APPEND checks --uninitialized)
  endif()
  add_test(NAME oclgrind_${name} COMMAND ${CMAKE_COMMAND} -DOCLGRIND=${OCLGRIND} "-DCHECKS=${checks}"
           -DLOG=${CMAKE_CURRENT_BINARY_DIR}/oclgrind-${name}.log -P ${oclgrind_folder}/check.cmake -- $<TARGET_FILE:verify_point> ${family} ${params} ${ARGN})
  set_tests_properties(oclgrind_${name} PROPERTIES TIMEOUT 300 LABELS release-only ENVIRONMENT
      "${HPCK_TEST_ENVIRONMENT};HPCK_OPENCL_LIBRARY=${OCLGRIND_LIBRARY};HPCK_CACHE_DIR=")
endfunction()
