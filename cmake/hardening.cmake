# What compiler and linker put in an attacker's way, in every preset but the sanitizers' (they see the same and more, and their
# runtimes do not go with all of it). tests/hardening.py reads the binary that came of it. What they cost: docs/threat-model.md.

include(CheckPIESupported)
check_pie_supported()  # position-independent programs: their addresses are not known beforehand

if(TRAINWARDEN_ASAN OR TRAINWARDEN_TSAN OR TRAINWARDEN_FUZZ)
  return()
endif()

# A stack that was overrun ends the program; one that grows past its guard page meets it.
# Not -ftrivial-auto-var-init=zero: it made a decision 3 % slower.
add_compile_options(-fstack-protector-strong -fstack-clash-protection)
set(OPTIMISED "^(Release|RelWithDebInfo|MinSizeRel)$")
if(NOT CMAKE_BUILD_TYPE MATCHES "${OPTIMISED}")
  # Of optionals, containers and spans: reading what is not there ends the program. They made a decision of the release preset 4 to
  # 8 % slower, so they stand in the developers' alone.
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()
# glibc's calls know the size of what they write to, where the compiler does. They need the optimiser, without which they warn.
if(CMAKE_BUILD_TYPE MATCHES "${OPTIMISED}" OR CMAKE_CXX_FLAGS MATCHES "-O[123s]")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
endif()
# Indirect jumps and returns go where they may, on processors and kernels that check it.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  add_compile_options(-fcf-protection=full)
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  add_compile_options(-mbranch-protection=standard)
endif()
# The tables of functions are read-only before main begins; no memory is both writable and executable.
add_link_options(LINKER:-z,relro,-z,now,-z,noexecstack,-z,separate-code)
