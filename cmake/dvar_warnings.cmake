# dvar_warnings: linked privately by every target of our own, never by a user of the headers.
add_library(dvar_warnings INTERFACE)
target_compile_options(dvar_warnings INTERFACE
  $<$<CXX_COMPILER_ID:GNU,Clang,AppleClang>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual>
  $<$<AND:$<BOOL:${DVAR_DEVELOPMENT}>,$<CXX_COMPILER_ID:GNU,Clang,AppleClang>>:-Werror>)
if(DVAR_SANITIZE)
  target_compile_options(dvar_warnings INTERFACE -fsanitize=${DVAR_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(dvar_warnings INTERFACE -fsanitize=${DVAR_SANITIZE})
endif()
if(DVAR_COVERAGE)
  target_compile_options(dvar_warnings INTERFACE --coverage -fprofile-abs-path)
  target_link_options(dvar_warnings INTERFACE --coverage)
endif()
