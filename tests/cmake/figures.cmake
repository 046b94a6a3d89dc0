# The command lines of scripts/figures*, with stand-ins for the tools.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME figures COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/../figures/test_figures.py)
set_tests_properties(figures PROPERTIES ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
