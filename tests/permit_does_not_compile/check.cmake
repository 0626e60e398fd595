# cmake -DCOMPILER=… -DSOURCE_DIR=… -P check.cmake: a handler call compiles with a Permit and does not without.
set(flags -std=c++23 -fsyntax-only -I${SOURCE_DIR}/src ${SOURCE_DIR}/tests/permit_does_not_compile/handler.cpp)

execute_process(COMMAND ${COMPILER} ${flags} -DWITH_PERMIT RESULT_VARIABLE status ERROR_VARIABLE errors)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "with a Permit it must compile, so that the other half means something:\n${errors}")
endif()

execute_process(COMMAND ${COMPILER} ${flags} RESULT_VARIABLE status ERROR_VARIABLE errors)
if(status EQUAL 0)
  message(FATAL_ERROR "a Permit was made outside the gate, and it compiled")
endif()
if(NOT errors MATCHES "calling a private constructor of class 'gate::Permit'")
  message(FATAL_ERROR "it does not compile, but for another reason:\n${errors}")
endif()
