// What a test needs of this machine. Where the machine has it, the test runs; where it has not, the test is skipped, counted and
// reported. The machine is asked by tests/machine.py, which lists the needs: never the code under test.
//
//     TEST_CASE("…") {
//         NEEDS("sandboxes", "limits");
#pragma once

#include <initializer_list>

namespace machine {

// Is there one that this machine lacks? Then the running test case counts as skipped.
[[nodiscard]] bool lacks_one_of(std::initializer_list<const char*> needs);

// For a test that asserts more where the machine can do more.
[[nodiscard]] bool has(const char* need);

}  // namespace machine

#define NEEDS(...) \
    if (::machine::lacks_one_of({__VA_ARGS__})) return
