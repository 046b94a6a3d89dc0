# C as .clang-format has it, where that version of clang-format is: another one formats some lines differently.
find_program(CLANG_FORMAT clang-format-14)
if(CLANG_FORMAT)
  set(formatted)
  foreach(room include host autotune bench tests docs)
    file(GLOB_RECURSE found CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${room}/*.c ${PROJECT_SOURCE_DIR}/${room}/*.h)
    list(APPEND formatted ${found})
  endforeach()
  list(FILTER formatted EXCLUDE REGEX "/tests/codegen/golden/") # what codegen writes
  add_test(NAME format COMMAND ${CLANG_FORMAT} --dry-run --Werror ${formatted})
  set_tests_properties(format PROPERTIES LABELS release-only)
endif()
