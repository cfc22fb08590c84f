# Fails when the object file OBJECT has data that can be written, or asks for output, files, threads or the environment.
execute_process(COMMAND "${OBJDUMP}" --syms --demangle "${OBJECT}" OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE ";" "," symbols "${symbols}")
string(REPLACE "\n" ";" symbols "${symbols}")

set(problems "")
set(seen 0)
foreach(symbol IN LISTS symbols)
  math(EXPR seen "${seen} + 1")
  # .data.rel.ro is written by the loader alone.
  if(symbol MATCHES "[ \t]\\.(data|bss|tdata|tbss)" AND NOT symbol MATCHES "[ \t]\\.data\\.rel\\.ro" AND
     NOT symbol MATCHES "[0-9a-f]+ l +d +\\.(data|bss)")
    string(APPEND problems "can be written: ${symbol}\n")
  elseif(symbol MATCHES "\\*UND\\*" AND symbol MATCHES
         "cout|cerr|clog|printf|puts|putchar|fwrite|fopen|filebuf|write$|pthread|std::thread|random_device|getenv|setlocale|syslog")
    string(APPEND problems "uses: ${symbol}\n")
  endif()
endforeach()
if(seen LESS 10)
  message(FATAL_ERROR "objdump says too little about ${OBJECT}")
endif()
if(problems)
  message(FATAL_ERROR "${problems}")
endif()
