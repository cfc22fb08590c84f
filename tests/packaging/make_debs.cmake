# Makes the Debian packages, checks what they say, and unpacks them into <output>/root.
#
# cmake -DCPACK=… -DBUILD=… -DOUTPUT=… -DVERSION=… -DDPKG_DEB=… -DWITH_C=… -DLIBRARY_DIRECTORY=… -P make_debs.cmake
cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${OUTPUT}")
execute_process(COMMAND "${CPACK}" -G DEB -B "${OUTPUT}" --config "${BUILD}/CPackConfig.cmake" COMMAND_ERROR_IS_FATAL ANY)

function(check_deb pattern field expected)
  file(GLOB package "${OUTPUT}/${pattern}")
  execute_process(COMMAND "${DPKG_DEB}" --field "${package}" "${field}" OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE
                  COMMAND_ERROR_IS_FATAL ANY)
  if(NOT found MATCHES "^${expected}$")
    message(FATAL_ERROR "${package}: ${field} is \"${found}\", expected \"${expected}\"")
  endif()
endfunction()

set(names libdvar-dev)
set(files include/dvar/dvar.hpp share/cmake/dvar/dvar-config.cmake share/pkgconfig/dvar.pc)
check_deb("libdvar-dev_*.deb" Depends "libxtensor-dev")
check_deb("libdvar-dev_*.deb" Architecture "all")
check_deb("libdvar-dev_*.deb" Version "${VERSION}")
if(WITH_C)
  list(APPEND names libdvar-c-dev)
  list(APPEND files include/dvar/dvar.h ${LIBRARY_DIRECTORY}/libdvar_c.so ${LIBRARY_DIRECTORY}/pkgconfig/dvar_c.pc
       ${LIBRARY_DIRECTORY}/cmake/dvar_c/dvar_c-config.cmake)
  check_deb("libdvar-c-dev_*.deb" Depends ".*libstdc.*")
endif()
foreach(name IN LISTS names)
  file(GLOB package "${OUTPUT}/${name}_*.deb")
  execute_process(COMMAND "${DPKG_DEB}" --extract "${package}" "${OUTPUT}/root" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
foreach(file IN LISTS files)
  if(NOT EXISTS "${OUTPUT}/root/usr/${file}")
    message(FATAL_ERROR "the packages hold no usr/${file}")
  endif()
endforeach()
