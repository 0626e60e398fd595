// The room's key layout (see README.md): every key that it reads or writes is made here.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace objects {

inline std::string joined(std::string_view prefix, std::string_view a) { return std::string(prefix).append(a); }

inline std::string bucket_key(std::string_view bucket) { return joined("s3/b/", bucket); }
inline std::string account_block_key(std::string_view account) { return joined("s3/a/", account); }
inline std::string configuration_key(std::string_view bucket) { return joined("s3/c/", bucket); }
inline std::string object_prefix(std::string_view bucket) { return joined("s3/o/", bucket) + "/"; }
// What data keys are bound to.
inline std::string object_name(std::string_view bucket, std::string_view key) { return joined(bucket, "/").append(key); }
inline std::string object_key(std::string_view bucket, std::string_view key) { return object_prefix(bucket).append(key); }
// The latest version, where it is a delete marker.
inline std::string marker_prefix(std::string_view bucket) { return joined("s3/d/", bucket) + "/"; }
inline std::string marker_key(std::string_view bucket, std::string_view key) { return marker_prefix(bucket).append(key); }
// All other versions: newest first, the null version behind them, wherever its place is.
inline std::string version_prefix(std::string_view bucket) { return joined("s3/v/", bucket) + "/"; }
inline std::string versions_of_key(std::string_view bucket, std::string_view key) {
    auto made = version_prefix(bucket).append(key);
    made.push_back('\0');
    return made;
}
inline std::string version_key(std::string_view bucket, std::string_view key, std::string_view id) {
    return versions_of_key(bucket, key).append(id.empty() ? "null" : id);
}
// Object keys hold no NUL (check_key), so the upload id's start is unambiguous and uploads sort by key first.
inline std::string upload_prefix(std::string_view bucket) { return joined("s3/u/", bucket) + "/"; }
inline std::string upload_key(std::string_view bucket, std::string_view key, std::string_view id) {
    auto made = upload_prefix(bucket).append(key);
    made.push_back('\0');
    return made.append(id);
}
// Where the record of an object can be that was put under this key: the last stands for all that begin so.
inline std::vector<std::string> records_of(std::string_view bucket, std::string_view key) {
    return {object_key(bucket, key), versions_of_key(bucket, key)};
}
inline std::string part_prefix(std::string_view upload_id) { return joined("s3/p/", upload_id) + "/"; }
inline std::string part_key(std::string_view upload_id, uint32_t number) {
    char digits[8];
    std::snprintf(digits, sizeof digits, "%05u", number % 100000u);
    return part_prefix(upload_id) + digits;
}
inline std::string encryption_key_prefix() { return "s3/k/"; }
inline std::string encryption_key(uint32_t number) {
    char digits[12];
    std::snprintf(digits, sizeof digits, "%010u", number);
    return encryption_key_prefix() + digits;
}

}  // namespace objects
