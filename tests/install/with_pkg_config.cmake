# Builds a program with a compiler and what pkg-config says, nothing else, and runs it.
#
# cmake -DPREFIX=… -DPACKAGE=… -DCOMPILER="compiler;option;…" -DSOURCES="file;…" -DPROGRAM=… -P with_pkg_config.cmake
cmake_minimum_required(VERSION 3.25)
find_program(PKG_CONFIG pkg-config REQUIRED)
find_file(pc "${PACKAGE}.pc" PATHS "${PREFIX}" PATH_SUFFIXES share/pkgconfig ${LIBRARY_DIRECTORY}/pkgconfig NO_DEFAULT_PATH REQUIRED)
cmake_path(GET pc PARENT_PATH directory)
set(ENV{PKG_CONFIG_PATH} "${directory}")
execute_process(COMMAND "${PKG_CONFIG}" --print-errors --cflags --libs "${PACKAGE} >= 0.1" OUTPUT_VARIABLE flags
                OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
message("${PACKAGE}: ${flags}")
separate_arguments(flags UNIX_COMMAND "${flags}")
execute_process(COMMAND ${COMPILER} ${SOURCES} -o "${PROGRAM}" ${flags} COMMAND_ERROR_IS_FATAL ANY)
set(ENV{LD_LIBRARY_PATH} "${PREFIX}/${LIBRARY_DIRECTORY}")
execute_process(COMMAND "${PROGRAM}" COMMAND_ERROR_IS_FATAL ANY)
