# Installs the headers, and what find_package(dvar) and pkg-config find them by.
include(CMakePackageConfigHelpers)

set(DVAR_INSTALL_CMAKEDIR "${CMAKE_INSTALL_DATADIR}/cmake/dvar" CACHE STRING "Where find_package(dvar) finds it, from the prefix")
install(TARGETS dvar EXPORT dvar_targets FILE_SET HEADERS COMPONENT dvar_toolkit)
install(EXPORT dvar_targets NAMESPACE dvar:: DESTINATION "${DVAR_INSTALL_CMAKEDIR}"
        COMPONENT dvar_toolkit)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/dvar-config.cmake.in" "${PROJECT_BINARY_DIR}/dvar-config.cmake"
                              INSTALL_DESTINATION "${DVAR_INSTALL_CMAKEDIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dvar-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/dvar-config.cmake" "${PROJECT_BINARY_DIR}/dvar-config-version.cmake"
        DESTINATION "${DVAR_INSTALL_CMAKEDIR}" COMPONENT dvar_toolkit)

set(dvar_pc_requires "")
if(DVAR_XTENSOR)
  set(dvar_pc_requires "xtensor")
endif()
set(dvar_pc_directory "${CMAKE_INSTALL_DATADIR}/pkgconfig")
# The way back to the prefix, from where the file lies: an installed tree can be moved.
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}/${dvar_pc_directory}"
           OUTPUT_VARIABLE dvar_pc_prefix)
configure_file("${CMAKE_CURRENT_LIST_DIR}/dvar.pc.in" "${PROJECT_BINARY_DIR}/dvar.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/dvar.pc" DESTINATION "${dvar_pc_directory}" COMPONENT dvar_toolkit)
