// From the resources of recorded requests to patterns of policies: how far a policy that is made of a record goes beyond it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace proof {

enum class Generality : uint8_t {
    exact,   // the resources of the record, and no others
    prefix,  // those beside them: the folder of an object; what is named after a run, of any run
    bucket,  // all of what they are in: the bucket of an object, the group of a log stream, all training jobs
};

// What differs from one run of the same work to the next.
struct Runs {
    std::set<std::string> names = {};           // of runs: a part of a path that is one of them is `*` in prefixes
    std::set<std::string> job_beginnings = {};  // of names of training jobs: what the next one's name begins with, too
};

// What the names of training jobs begin with, and that of the next one will: each name without its last parts (between hyphens) that hold a digit
// (`digits-7`, `digits-2026-01-31-12-00-00-123`: `digits-`); where a name has none, or there are more than `job_beginnings_max`, what all of them begin
// with, up to a hyphen; where one name is all there is, or nothing is common, everything: "".
[[nodiscard]] std::set<std::string> job_beginnings(const std::set<std::string>& jobs);
constexpr size_t job_beginnings_max = 8;

// Where in a part of a path what the content or the time of a run makes begins: a digest (MD5, SHA-1, SHA-2, in hexadecimal), a UUID, a date with the time of
// day, seconds or milliseconds since 1970 behind a hyphen or `_`. npos: nowhere.
[[nodiscard]] size_t made_by_a_run(std::string_view part);

// Patterns for a Resource element of Version 2012-10-17 that match the resource, the widest first; the last one matches nothing else, but for
// characters that no document can hold (`escaped`). Roles, users and policies stand for themselves whatever the generality: another role is another
// matter, not more of the same. In prefixes a part of a path that is the name of a run is `*`, and so is the rest of one from where it is `made_by_a_run`.
[[nodiscard]] std::vector<std::string> patterns_for(std::string_view action, std::string_view resource, Generality generality,
                                                    const Runs& runs);

// What begins like this, for StringLike: a beginning of names of objects that was listed, and what lies below it. `runs` as above.
[[nodiscard]] std::string pattern_of_beginning(std::string_view prefix, const Runs& runs);

// The name of a training job; empty: the ARN is of something else.
[[nodiscard]] std::string_view training_job_of(std::string_view arn);

// The texts that begin with `prefix` and match the pattern (`*`, `?`), as patterns. `prefix` has no wildcards.
[[nodiscard]] std::vector<std::string> patterns_below(std::string_view pattern, std::string_view prefix);

// As it stands in a pattern: `*`, `?` and `$` are escaped; a character that IAM takes in no document is `?`, any one character.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace proof
