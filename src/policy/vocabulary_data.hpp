// The shape of the generated tables; see vocabulary.hpp.
#pragma once

#include <cstdint>
#include <span>

#include "policy/vocabulary.hpp"

namespace policy {

struct VocabularyKey {
    const char* lower;  // up to a variable part: `aws:requesttag/`
    const char* name;   // as AWS writes it
    KeyType type;
};
struct VocabularyAction {
    const char* name;       // lower case
    uint16_t first, count;  // which of vocabulary_formats()
};

[[nodiscard]] std::span<const VocabularyKey> vocabulary_keys();        // sorted by `lower`
[[nodiscard]] std::span<const VocabularyAction> vocabulary_actions();  // sorted; those that work on resources
[[nodiscard]] std::span<const char* const> vocabulary_formats();

}  // namespace policy
