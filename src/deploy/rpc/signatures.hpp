// The marks that Pulumi puts on values that JSON has no word for, on the wire and in state files alike.
// A marked value is an object whose member `signature_key` says what it is; an unknown is a string with a fixed UUID.
#pragma once

#include <string_view>

namespace deploy::rpc {

constexpr std::string_view signature_key = "4dabf18193072939515e22adb298388d";
constexpr std::string_view secret_signature = "1b47061264138c4ac30d75fd1eb44270";
constexpr std::string_view asset_signature = "c44067f5952c0a294b673a41bacd8c17";
constexpr std::string_view archive_signature = "0def7320c3a5731c473e5ecbe6d01bc7";
constexpr std::string_view reference_signature = "5cf8f73096256a8f31e491e813e4eb8e";
constexpr std::string_view output_signature = "d0e6a833031e9bbcd3f4e8bde6ca49a4";

// What SDKs send for a string that is not known yet, and what we send for anything that is not known yet.
constexpr std::string_view unknown_string = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

// Is this string one of the seven marks for an unknown value (string, bool, number, array, asset, archive, object)?
[[nodiscard]] bool is_unknown_mark(std::string_view text);

}  // namespace deploy::rpc
