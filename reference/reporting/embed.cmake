# Turns files into a C++ source: cmake -DOUTPUT=… -DINPUTS="name=file;…" -P embed.cmake
# Each file becomes `extern const std::string_view <name>` of dvar::reporting::assets.
set(source "#include \"reporting/assets.hpp\"\n\nnamespace dvar::reporting::assets {\n")
foreach(input IN LISTS INPUTS)
  string(REGEX MATCH "^([a-z_]+)=(.+)$" matched "${input}")
  set(name "${CMAKE_MATCH_1}")
  file(READ "${CMAKE_MATCH_2}" bytes HEX)
  string(LENGTH "${bytes}" digits)
  math(EXPR length "${digits} / 2")
  # char literals, since an array of char takes no number above 127.
  string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(APPEND source "\nstatic constexpr char ${name}_bytes[] = {\n${bytes}\n};\n"
                       "const std::string_view ${name}{${name}_bytes, ${length}};\n")
endforeach()
string(APPEND source "\n}  // namespace dvar::reporting::assets\n")
file(WRITE "${OUTPUT}" "${source}")
