# hpck-tune as a user runs it.
if(HPCK_TOOLS)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  foreach(name exit_codes run faults interrupt database)
    add_test(NAME tune_${name} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/../tune/test_${name}.py)
    set_tests_properties(tune_${name} PROPERTIES TIMEOUT 600 ENVIRONMENT
        "TUNE=$<TARGET_FILE:hpck-tune>;PYTHONDONTWRITEBYTECODE=1;POCL_AFFINITY=1;HPCK_CACHE_DIR=${PROJECT_BINARY_DIR}/test-cache")
  endforeach()
endif()
