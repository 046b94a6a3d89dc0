# Headers, libraries, hpck.pc and the CMake package. Nothing installed names a folder of this machine: the tree can be
# moved.
include(CMakePackageConfigHelpers)
set(packages ${CMAKE_INSTALL_LIBDIR}/cmake/hpck)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/hpck DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(FILES ${PROJECT_BINARY_DIR}/include/hpck/hpck_version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/hpck)

# Two sets, because only the static library needs jansson where it is used.
install(TARGETS hpck EXPORT hpck_shared)
install(TARGETS hpck_static EXPORT hpck_static)
install(EXPORT hpck_shared FILE hpckShared.cmake NAMESPACE hpck:: DESTINATION ${packages})
install(EXPORT hpck_static FILE hpckStatic.cmake NAMESPACE hpck:: DESTINATION ${packages})

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/hpckConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/hpckConfig.cmake
                              INSTALL_DESTINATION ${packages})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/hpckConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hpckConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/hpckConfigVersion.cmake
        DESTINATION ${packages})

file(RELATIVE_PATH HPCK_PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/hpck.pc.in ${CMAKE_CURRENT_BINARY_DIR}/hpck.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/hpck.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
