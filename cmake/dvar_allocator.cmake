# dvar_allocator: what programs link for the memory of their tensors. A step takes and frees some thousand tensors of the same few
# sizes; tcmalloc gives these back faster than the C library's allocator, and holds less between them.
add_library(dvar_allocator INTERFACE)
option(DVAR_TCMALLOC "Link programs with tcmalloc, where it is found" ON)
if(DVAR_TCMALLOC AND NOT DVAR_SANITIZE AND CMAKE_SYSTEM_NAME STREQUAL "Linux")  # sanitizers watch over an allocator of their own
  find_library(DVAR_TCMALLOC_LIBRARY NAMES tcmalloc_minimal DOC "Google's allocator without its profilers")
  if(DVAR_TCMALLOC_LIBRARY)
    # No function is called by a name of its own, so that the linker would leave it out.
    target_link_libraries(dvar_allocator INTERFACE "-Wl,--push-state,--no-as-needed" "${DVAR_TCMALLOC_LIBRARY}" "-Wl,--pop-state")
  else()
    message(STATUS "tcmalloc was not found (Debian: libgoogle-perftools-dev): training on a processor takes a tenth longer without")
  endif()
endif()
