# The typed service models: `model/SERVICE/GROUP.hpp`, `tables.cpp` and `members_test.cpp` below generated/, made from models/SERVICE.yaml by
# tools/modelgen/typed.py. Sets MODEL_TABLES and MODEL_TESTS.
set(PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python)
foreach(service iam sts s3 s3control sagemaker logs monitoring cloudtrail accessanalyzer trainwarden)
  set(listing ${CMAKE_SOURCE_DIR}/models/${service}.yaml)
  set(own_model)
  set(own_file)
  if(EXISTS ${CMAKE_SOURCE_DIR}/models/${service}.service-2.json)
    set(own_file ${CMAKE_SOURCE_DIR}/models/${service}.service-2.json)
    set(own_model --model ${own_file})
  endif()
  # The build must know its headers before they are made. A group is a line `  name: [Operation, …`; typed.py stops if it sees others.
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${listing})
  file(READ ${listing} text)
  string(REPLACE "[" "<" text "${text}")  # to CMake an open bracket holds a list together
  string(REGEX MATCHALL "\n  [a-z_]+: *<" groups "${text}")
  list(TRANSFORM groups REPLACE "[^a-z_]" "")
  if(groups)
    list(APPEND groups shared)
  else()
    set(groups operations)
  endif()
  set(folder ${CMAKE_BINARY_DIR}/generated/model/${service})
  list(TRANSFORM groups REPLACE "(.+)" "${folder}/\\1.hpp" OUTPUT_VARIABLE headers)
  list(JOIN groups "," names)
  add_custom_command(OUTPUT ${folder}/tables.cpp ${folder}/members_test.cpp ${folder}/service.hpp ${headers} VERBATIM
    COMMAND ${PYTHON} ${CMAKE_SOURCE_DIR}/tools/modelgen/typed.py ${listing} ${CMAKE_BINARY_DIR}/generated --groups ${names} ${own_model}
    DEPENDS tools/modelgen/typed.py tools/modelgen/accesses.py tools/modelgen/rest.py tools/modelgen/modelgen.py ${listing} ${own_file}
    COMMENT "Service model, typed: ${service}")
  list(APPEND MODEL_TABLES ${folder}/tables.cpp)
  list(APPEND MODEL_TESTS ${folder}/members_test.cpp)
endforeach()

# Of a service that exists for the tests of access rules alone.
set(folder ${CMAKE_BINARY_DIR}/generated/model/shelf)
set(shelf ${CMAKE_SOURCE_DIR}/tests/models/shelf)
add_custom_command(OUTPUT ${folder}/tables.cpp ${folder}/service.hpp ${folder}/operations.hpp VERBATIM
  COMMAND ${PYTHON} ${CMAKE_SOURCE_DIR}/tools/modelgen/typed.py ${shelf}.yaml ${CMAKE_BINARY_DIR}/generated --model ${shelf}.service-2.json
  DEPENDS tools/modelgen/typed.py tools/modelgen/accesses.py tools/modelgen/modelgen.py ${shelf}.yaml ${shelf}.service-2.json
  COMMENT "Service model, typed: shelf")
set(SHELF_TABLES ${folder}/tables.cpp ${folder}/service.hpp ${folder}/operations.hpp)
