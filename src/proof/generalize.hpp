// From the resources of recorded requests to patterns of policies: how far a policy that is made of a record goes beyond it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace proof {

enum class Generality : uint8_t {
    exact,   // the resources of the record, and no others
    prefix,  // those beside them: the folder of an object; what is named after a run, of any run
    bucket,  // all of what they are in: the bucket of an object, the group of a log stream, all training jobs
};

// Patterns for a Resource element of Version 2012-10-17 that match the resource, the widest first; the last one matches nothing else, but for
// characters that no document can hold (`escaped`). Roles, users and policies stand for themselves whatever the generality: another role is another
// matter, not more of the same.
// `runs`: names that each run has another one of; a part of a path that is one of them is `*` in prefixes.
[[nodiscard]] std::vector<std::string> patterns_for(std::string_view action, std::string_view resource, Generality generality,
                                                    std::span<const std::string> runs);

// What begins like this, for StringLike: a beginning of names of objects that was listed, and what lies below it. `runs` as above.
[[nodiscard]] std::string pattern_of_beginning(std::string_view prefix, std::span<const std::string> runs);

// The texts that begin with `prefix` and match the pattern (`*`, `?`), as patterns. `prefix` has no wildcards.
[[nodiscard]] std::vector<std::string> patterns_below(std::string_view pattern, std::string_view prefix);

// As it stands in a pattern: `*`, `?` and `$` are escaped; a character that IAM takes in no document is `?`, any one character.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace proof
