# Rows that lie more than 2^31 elements apart: PoCL refuses such buffers on most machines, oclgrind takes them. It needs
# 4.3 GiB for one, hence one test at a time, and none on a machine with less than 8 GiB.
cmake_host_system_information(RESULT memory QUERY TOTAL_PHYSICAL_MEMORY) # MiB
if(memory LESS 7500)
  message(STATUS "oclgrind_huge: ${memory} MiB of memory are too little, its tests are left out")
  return()
endif()
if(NOT TARGET verify_point) # see oclgrind.cmake
  return()
endif()
add_executable(verify_huge tools/verify_huge.c)
target_link_libraries(verify_huge PRIVATE hpck_flags hpck_test_support)
foreach(family ${HPCK_FAMILIES_gemm})
  file(STRINGS ${PROJECT_SOURCE_DIR}/kernels/gemm/${family}.toml dialects REGEX "^dialects = .*\"opencl\"")
  if(NOT dialects)
    continue()
  endif()
  add_test(NAME oclgrind_huge_${family} COMMAND ${CMAKE_COMMAND} -DOCLGRIND=${OCLGRIND}
      "-DCHECKS=--global-mem-size;34359738368" -DLOG=${CMAKE_CURRENT_BINARY_DIR}/oclgrind-huge-${family}.log
      -P ${oclgrind_folder}/check.cmake -- $<TARGET_FILE:verify_huge> ${family} 3)
  set_tests_properties(oclgrind_huge_${family} PROPERTIES TIMEOUT 600 LABELS release-only RESOURCE_LOCK huge ENVIRONMENT
      "${HPCK_TEST_ENVIRONMENT};HPCK_OPENCL_LIBRARY=${OCLGRIND_LIBRARY};HPCK_CACHE_DIR=")
endforeach()
