# An overlay port that builds from the tree that it lies in: `vcpkg install dvar --overlay-ports=cmake/packaging/vcpkg`.
set(VCPKG_BUILD_TYPE release) # header-only

cmake_path(SET SOURCE_PATH NORMALIZE "${CMAKE_CURRENT_LIST_DIR}/../../../..")
vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS
    -DDVAR_BUILD_REFERENCE=OFF
    -DDVAR_BUILD_TESTS=OFF
    -DDVAR_BUILD_C=OFF
    -DDVAR_INSTALL_CMAKEDIR=share/dvar)
vcpkg_cmake_install()
vcpkg_fixup_pkgconfig()

vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE" "${SOURCE_PATH}/NOTICE")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
