# What `make install` and `make package` put where. Completions, the manual page and the bill of materials are made of the program that was
# built: they cannot be older than it.
include(GNUInstallDirs)

set(MADE ${CMAKE_BINARY_DIR}/installed)
set(MADE_FILES)
foreach(file "trainwarden.bash completion bash" "_trainwarden completion zsh" "trainwarden.fish completion fish" "trainwarden.1 manual")
  separate_arguments(words UNIX_COMMAND "${file}")
  list(POP_FRONT words name)
  # The launcher of a program for another processor, if there is one (CMAKE_CROSSCOMPILING_EMULATOR), runs it.
  add_custom_command(OUTPUT ${MADE}/${name} DEPENDS trainwarden VERBATIM
    COMMAND ${CMAKE_COMMAND} -E make_directory ${MADE}
    COMMAND ${CMAKE_COMMAND} "-DPROGRAM=${CMAKE_CROSSCOMPILING_EMULATOR};$<TARGET_FILE:trainwarden>" "-DARGUMENTS=${words}" -DOUTPUT=${MADE}/${name}
            -P ${CMAKE_SOURCE_DIR}/cmake/print_to.cmake
    COMMENT "Making ${name}")
  list(APPEND MADE_FILES ${MADE}/${name})
endforeach()
add_custom_command(OUTPUT ${MADE}/sbom.cdx.json DEPENDS trainwarden ${CMAKE_SOURCE_DIR}/tools/sbom.py VERBATIM
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/sbom.py ${CMAKE_BINARY_DIR} ${PROJECT_VERSION} ${MADE}/sbom.cdx.json
  COMMENT "Listing what is linked and compiled in")
list(APPEND MADE_FILES ${MADE}/sbom.cdx.json)
add_custom_target(installed DEPENDS ${MADE_FILES})

install(TARGETS trainwarden RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${MADE}/trainwarden.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME trainwarden)
# Where Debian's zsh looks: below /usr for packages, below /usr/local for what was built here.
install(CODE "
  set(at site-functions)
  if(CMAKE_INSTALL_PREFIX STREQUAL /usr)
    set(at vendor-completions)
  endif()
  file(INSTALL \"${MADE}/_trainwarden\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${at}\")")
install(FILES ${MADE}/trainwarden.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES ${MADE}/trainwarden.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${MADE}/sbom.cdx.json README.md SECURITY.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/trainwarden)
install(DIRECTORY docs examples DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/trainwarden
        PATTERN node_modules EXCLUDE PATTERN .pulumi EXCLUDE PATTERN __pycache__ EXCLUDE PATTERN .venv EXCLUDE)
# docs/semantics.md names the test of each rule.
install(DIRECTORY tests/cases/policy DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/trainwarden/tests/cases)
install(DIRECTORY packaging/grafana packaging/prometheus DESTINATION ${CMAKE_INSTALL_DATADIR}/trainwarden OPTIONAL)
install(FILES packaging/trainwarden.sysusers DESTINATION lib/sysusers.d RENAME trainwarden.conf)
# The services name the program as it lies under the prefix, which is known when things are installed.
install(CODE "
  foreach(unit trainwarden trainwarden-unprivileged)
    file(READ \"${CMAKE_SOURCE_DIR}/packaging/\${unit}.service\" text)
    string(REPLACE /usr/bin/trainwarden \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/trainwarden\" text \"\${text}\")
    file(CONFIGURE OUTPUT \"${MADE}/\${unit}.service\" CONTENT \"\${text}\" @ONLY)
    file(INSTALL \"${MADE}/\${unit}.service\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
  endforeach()")

# `cpack -G DEB`. The package is the distribution's it is built on: its libraries' names and versions are in it.
install(FILES packaging/trainwarden.default DESTINATION /etc/default RENAME trainwarden COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES packaging/debian/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME trainwarden COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES packaging/debian/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/trainwarden COMPONENT debian EXCLUDE_FROM_ALL)
install(CODE "
  set(at \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}\")
  execute_process(COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/packaging/debian/finish.py \"\${at}\" ${PROJECT_VERSION} COMMAND_ERROR_IS_FATAL ANY)"
  COMPONENT debian EXCLUDE_FROM_ALL)

file(STRINGS /etc/os-release os_release)
list(FILTER os_release INCLUDE REGEX "^VERSION_ID=")
string(REGEX REPLACE "[^0-9.]" "" os_version "${os_release}")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME trainwarden)
# Who distributes the package puts the name there that Debian's own tools read.
set(CPACK_PACKAGE_CONTACT "The Trainwarden authors <trainwarden@localhost>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
  set(CPACK_PACKAGE_CONTACT "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};trainwarden;ALL;/" "${CMAKE_BINARY_DIR};trainwarden;debian;/")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "1~deb${os_version}")
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Programs that it runs (src/sandbox, src/training).
set(CPACK_DEBIAN_PACKAGE_DEPENDS "bubblewrap, iproute2, fuse3, e2fsprogs, ca-certificates, systemd-sysusers | passwd")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "slurm-client, python3-torch, awscli")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "access control for machine-learning training, in AWS's words
Serves the AWS wire APIs that training programs use (IAM, STS, S3, SageMaker
training, CloudWatch and its Logs, CloudTrail, Access Analyzer) from one
program with one access gate, runs training jobs in sandboxes, deploys Pulumi
programs, and explains and proves who may do what.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_SOURCE_DIR}/packaging/debian/postinst ${CMAKE_SOURCE_DIR}/packaging/debian/prerm
    ${CMAKE_SOURCE_DIR}/packaging/debian/postrm ${CMAKE_SOURCE_DIR}/packaging/debian/conffiles)
include(CPack)
