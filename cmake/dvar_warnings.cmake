# dvar_warnings: linked privately by every target of our own, never by a user of the headers.
add_library(dvar_warnings INTERFACE)
# A GoogleTest assertion ends in an else of its own, and .clang-format takes the braces off that would part it from an if.
target_compile_options(dvar_warnings INTERFACE
  $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall -Wextra -Wpedantic -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual
    -Wno-dangling-else>
  $<$<AND:$<BOOL:${DVAR_DEVELOPMENT}>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-Werror>)
# Files that are compiled as one see each other's globals, which are none to them: there, only locals shadow.
if(NOT CMAKE_UNITY_BUILD)
  target_compile_options(dvar_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wshadow>)
else()
  target_compile_options(dvar_warnings INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>)
endif()
if(DVAR_SANITIZE)
  target_compile_options(dvar_warnings INTERFACE -fsanitize=${DVAR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    # The checks that GCC adds hide from it that an optional was asked before it was read.
    $<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized>)
  target_link_options(dvar_warnings INTERFACE -fsanitize=${DVAR_SANITIZE})
endif()
if(DVAR_COVERAGE)
  target_compile_options(dvar_warnings INTERFACE --coverage -fprofile-abs-path)
  target_link_options(dvar_warnings INTERFACE --coverage)
endif()
