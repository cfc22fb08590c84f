# Runs the port's portfile with stand-ins for vcpkg's functions, and checks what it leaves as vcpkg's own checks do.
#
# cmake -DPORT_DIRECTORY=… -DOUTPUT=… -DVERSION=… -DCXX=… -DGENERATOR=… -P run_vcpkg_port.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${OUTPUT}")
set(CURRENT_PACKAGES_DIR "${OUTPUT}/packages")

function(vcpkg_cmake_configure)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "SOURCE_PATH" "OPTIONS")
  if(arg_UNPARSED_ARGUMENTS OR NOT EXISTS "${arg_SOURCE_PATH}/CMakeLists.txt")
    message(FATAL_ERROR "vcpkg_cmake_configure: ${ARGV}")
  endif()
  execute_process(
    COMMAND "${CMAKE_COMMAND}" -S "${arg_SOURCE_PATH}" -B "${OUTPUT}/build" -G "${GENERATOR}" -DCMAKE_BUILD_TYPE=Release
      "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR}" ${arg_OPTIONS}
    COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_cmake_install)
  execute_process(COMMAND "${CMAKE_COMMAND}" --build "${OUTPUT}/build" --target install COMMAND_ERROR_IS_FATAL ANY)
endfunction()

function(vcpkg_fixup_pkgconfig)
  if(NOT EXISTS "${CURRENT_PACKAGES_DIR}/share/pkgconfig/dvar.pc")
    message(FATAL_ERROR "vcpkg_fixup_pkgconfig: there is no dvar.pc")
  endif()
endfunction()

function(vcpkg_install_copyright)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "" "FILE_LIST")
  foreach(file IN LISTS arg_FILE_LIST)
    file(READ "${file}" text)
    file(APPEND "${CURRENT_PACKAGES_DIR}/share/${PORT}/copyright" "${text}")
  endforeach()
endfunction()

file(READ "${PORT_DIRECTORY}/vcpkg.json" manifest)
string(JSON PORT GET "${manifest}" name)
string(JSON version GET "${manifest}" version)
if(NOT version STREQUAL VERSION)
  message(FATAL_ERROR "vcpkg.json has version ${version}, and the project ${VERSION}")
endif()
string(JSON count LENGTH "${manifest}" dependencies)
set(dependencies "")
math(EXPR last "${count} - 1")
foreach(i RANGE ${last})
  string(JSON type TYPE "${manifest}" dependencies ${i})
  if(type STREQUAL "STRING")
    string(JSON name GET "${manifest}" dependencies ${i})
  else()
    string(JSON name GET "${manifest}" dependencies ${i} name)
  endif()
  list(APPEND dependencies "${name}")
endforeach()
if(NOT dependencies STREQUAL "vcpkg-cmake;xtensor")
  message(FATAL_ERROR "vcpkg.json depends on ${dependencies}")
endif()

include("${PORT_DIRECTORY}/portfile.cmake")

# What vcpkg complains of: files in other places than these, and CMake's files elsewhere than in share/<port>.
file(GLOB_RECURSE files RELATIVE "${CURRENT_PACKAGES_DIR}" "${CURRENT_PACKAGES_DIR}/*")
foreach(file IN LISTS files)
  if(NOT file MATCHES "^(include/dvar/.*\\.hpp|share/dvar/(.*\\.cmake|copyright|usage)|share/pkgconfig/dvar\\.pc)$")
    message(FATAL_ERROR "the port installs ${file}")
  endif()
endforeach()
foreach(file include/dvar/dvar.hpp share/dvar/dvar-config.cmake share/dvar/copyright share/dvar/usage)
  if(NOT file IN_LIST files)
    message(FATAL_ERROR "the port does not install ${file}")
  endif()
endforeach()
