# Every kernel family's variants against the oracle, one ctest each: OP_variants_FAMILY.
add_executable(verify_family tools/verify_family.c)
target_link_libraries(verify_family PRIVATE hpck_flags hpck_test_support)

file(GLOB declarations CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*/*.toml)
list(FILTER declarations EXCLUDE REGEX "/op\\.toml$")
foreach(declaration ${declarations})
  get_filename_component(family ${declaration} NAME_WE)
  get_filename_component(folder ${declaration} DIRECTORY)
  get_filename_component(op ${folder} NAME)
  list(APPEND HPCK_FAMILIES_${op} ${family})
  add_test(NAME ${op}_variants_${family} COMMAND verify_family ${family} 20)
  set_tests_properties(${op}_variants_${family} PROPERTIES TIMEOUT 900 LABELS release-only SKIP_RETURN_CODE 77
      FAIL_REGULAR_EXPRESSION "warnings? generated" # by the device's compiler, on its user's stderr
      ENVIRONMENT "${HPCK_TEST_ENVIRONMENT}")
endforeach()
