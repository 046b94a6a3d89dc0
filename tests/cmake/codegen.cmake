# The generator: its messages, its output, and that C agrees with Python.
set(codegen_environment ${CMAKE_COMMAND} -E env PYTHONDONTWRITEBYTECODE=1)
foreach(name arithmetic errors output command cuda)
  add_test(NAME codegen_${name}
           COMMAND ${codegen_environment} ${HPCK_CODEGEN_PYTHON} ${PROJECT_SOURCE_DIR}/tests/codegen/test_${name}.py
           WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endforeach()

# The family `odd` beside the real operation, generated into the test's own folder and linked into test_codegen_agree.
set(odd ${CMAKE_CURRENT_BINARY_DIR}/odd)
set(kernels ${PROJECT_SOURCE_DIR}/kernels)
set(odd_sources ${CMAKE_CURRENT_LIST_DIR}/../codegen/odd/odd.toml ${CMAKE_CURRENT_LIST_DIR}/../codegen/odd/odd.jinja)
add_custom_command(OUTPUT ${odd}/generated/odd.c
    COMMAND ${CMAKE_COMMAND} -E make_directory ${odd}/kernels/gemm
    COMMAND ${CMAKE_COMMAND} -E copy ${kernels}/device.toml ${odd}/kernels
    COMMAND ${CMAKE_COMMAND} -E copy ${kernels}/gemm/op.toml ${odd_sources} ${odd}/kernels/gemm
    COMMAND ${codegen_environment} ${HPCK_CODEGEN_PYTHON} -m codegen --kernels ${odd}/kernels emit --out ${odd}/generated
    COMMAND ${CMAKE_COMMAND} -E touch ${odd}/generated/odd.c
    DEPENDS ${kernels}/device.toml ${kernels}/gemm/op.toml ${odd_sources} hpck_generate
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    VERBATIM)
target_sources(test_codegen_agree PRIVATE ${odd}/generated/odd.c)
target_include_directories(test_codegen_agree PRIVATE ${PROJECT_SOURCE_DIR}/codegen)
target_compile_definitions(test_codegen_agree PRIVATE
    EXPECTATIONS="PYTHONDONTWRITEBYTECODE=1 '${HPCK_CODEGEN_PYTHON}' '${PROJECT_SOURCE_DIR}/tests/codegen/expectations.py'"
    SOURCE_FOLDER="${PROJECT_SOURCE_DIR}" ODD_FOLDER="${odd}")
