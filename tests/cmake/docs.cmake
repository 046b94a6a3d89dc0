# The documentation's links, variables and first example.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME docs COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/docs/check_docs.py ${PROJECT_SOURCE_DIR})

add_executable(first_gemm ${PROJECT_SOURCE_DIR}/docs/examples/first_gemm.c)
target_link_libraries(first_gemm PRIVATE hpck_flags hpck)
add_test(NAME docs_first_gemm COMMAND first_gemm)
set_tests_properties(docs_first_gemm PROPERTIES PASS_REGULAR_EXPRESSION "4 5\n10 11")
