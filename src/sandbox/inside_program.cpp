#include "sandbox/inside_program.hpp"

#include <cstddef>

asm(".section .rodata\n"
    ".balign 16\n"
    "trainwarden_inside:\n"
    ".incbin \"" TRAINWARDEN_INSIDE
    "\"\n"
    "trainwarden_inside_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" const char trainwarden_inside[] __attribute__((visibility("hidden")));
extern "C" const char trainwarden_inside_end[] __attribute__((visibility("hidden")));

namespace sandbox {

std::string_view inside_program() {
    return {trainwarden_inside, static_cast<size_t>(trainwarden_inside_end - trainwarden_inside)};
}

}  // namespace sandbox
