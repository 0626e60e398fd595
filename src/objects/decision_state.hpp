// What decisions see of buckets and objects, as base::DecisionScope compares it. Internal to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/decision.hpp"
#include "objects/bucket.hpp"

namespace objects {

// nullptr: there is none.
inline std::string state_of(const Bucket* bucket) { return bucket == nullptr ? std::string() : std::to_string(bucket->version); }

constexpr std::string_view noted_object = "object";
inline std::string name_of_object(std::string_view bucket, std::string_view key) {
    return std::string(bucket) + "/" + std::string(key);
}

// `record`: as it is stored; absent: there is no object.
inline void note_object(std::string_view bucket, std::string_view key, const std::optional<std::string>& record) {
    base::DecisionScope::note(noted_object, name_of_object(bucket, key), [&] { return record.value_or(""); });
}
[[nodiscard]] inline base::Result<void> expect_object(std::string_view bucket, std::string_view key,
                                                      const std::optional<std::string>& record) {
    return base::DecisionScope::expect(noted_object, name_of_object(bucket, key), [&] { return record.value_or(""); });
}
// One version, by its id; object keys hold no NUL.
inline std::string name_of_version(std::string_view bucket, std::string_view key, std::string_view version) {
    return name_of_object(bucket, key).append(1, '\0').append(version);
}
inline void note_version(std::string_view bucket, std::string_view key, std::string_view version,
                         const std::optional<std::string>& record) {
    base::DecisionScope::note(noted_object, name_of_version(bucket, key, version), [&] { return record.value_or(""); });
}
[[nodiscard]] inline base::Result<void> expect_version(std::string_view bucket, std::string_view key, std::string_view version,
                                                       const std::optional<std::string>& record) {
    return base::DecisionScope::expect(noted_object, name_of_version(bucket, key, version), [&] { return record.value_or(""); });
}
[[nodiscard]] inline bool has_seen_object(std::string_view bucket, std::string_view key) {
    return base::DecisionScope::has_seen(noted_object, name_of_object(bucket, key));
}

}  // namespace objects
