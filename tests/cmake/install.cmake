# The installed package, and the names that the libraries export.
add_test(NAME install COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/test_install.sh ${PROJECT_BINARY_DIR}
         ${PROJECT_SOURCE_DIR} ${CMAKE_C_COMPILER} ${CMAKE_CXX_COMPILER})
add_test(NAME exports COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/install/test_exports.sh $<TARGET_FILE:hpck>
         $<TARGET_FILE:hpck_static> ${PROJECT_SOURCE_DIR}/include/hpck)
set_tests_properties(install PROPERTIES LABELS release-only) # its consumers are ordinary programs, without sanitizers
