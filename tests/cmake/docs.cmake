# The documentation's links, variables and examples.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME docs COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/docs/check_docs.py ${PROJECT_SOURCE_DIR})

foreach(example gemm convolution)
    add_executable(first_${example} ${PROJECT_SOURCE_DIR}/docs/examples/first_${example}.c)
    target_link_libraries(first_${example} PRIVATE hpck_flags hpck)
    add_test(NAME docs_first_${example} COMMAND first_${example})
endforeach()
set_tests_properties(docs_first_gemm PROPERTIES PASS_REGULAR_EXPRESSION "4 5\n10 11")
set_tests_properties(docs_first_convolution PROPERTIES PASS_REGULAR_EXPRESSION "29.5 18.5 19.5 37.5\n696 962 732\n1112 1496 1112")
