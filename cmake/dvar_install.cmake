# Installs the headers and a package that find_package(dvar) accepts.
include(CMakePackageConfigHelpers)

set(dvar_package_directory "${CMAKE_INSTALL_DATADIR}/cmake/dvar")
install(TARGETS dvar EXPORT dvar_targets FILE_SET HEADERS COMPONENT dvar_toolkit)
install(EXPORT dvar_targets NAMESPACE dvar:: DESTINATION "${dvar_package_directory}"
        COMPONENT dvar_toolkit)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/dvar-config.cmake.in" "${PROJECT_BINARY_DIR}/dvar-config.cmake"
                              INSTALL_DESTINATION "${dvar_package_directory}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/dvar-config-version.cmake"
                                 COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/dvar-config.cmake" "${PROJECT_BINARY_DIR}/dvar-config-version.cmake"
        DESTINATION "${dvar_package_directory}" COMPONENT dvar_toolkit)
