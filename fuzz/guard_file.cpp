// Files of access rules: reading one ends, what is taken keeps to its limits, and what is refused is refused with a line.
#include "cli/guard_file.hpp"

#include <cstddef>
#include <cstdint>

#include "base/invariant.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto guards = cli::parse_guards(input);
    if (!guards) {
        INVARIANT(guards.error().code == "InvalidArgument" || guards.error().code == "InvalidYaml");
        INVARIANT(!guards.error().message.empty());
        return 0;
    }
    INVARIANT(!guards->empty() && guards->size() <= cli::guards_max);
    for (const auto& guard : *guards) {
        INVARIANT(!guard.name.empty() && guard.line > 0 && !guard.actions.empty() && !guard.principals.empty());
        for (const auto* list : {&guard.principals, &guard.except, &guard.actions, &guard.resources})
            INVARIANT(list->size() <= cli::guard_texts_max);
    }
    return 0;
}
