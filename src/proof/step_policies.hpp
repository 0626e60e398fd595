// What the files of Steps have in common: policies that steps write, and keys of the requests that they make.
#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "policy/attached.hpp"
#include "policy/policy.hpp"
#include "policy/request.hpp"

namespace proof {

inline constexpr const char* sagemaker = "sagemaker.amazonaws.com";
inline constexpr const char* administrator = "arn:aws:iam::aws:policy/AdministratorAccess";
// Condition keys of the resource that a request is about: beginnings, in lower case …
inline constexpr auto resource_keys =
    std::to_array<const char*>({"aws:resourcetag/", "iam:resourcetag/", "iam:permissionsboundary"});
// … those of its tags, and of tags that a request puts.
inline constexpr auto resource_tag_keys = std::to_array<const char*>({"aws:resourcetag/", "iam:resourcetag/"});
inline constexpr const char* request_tag_key = "aws:requesttag/";
inline constexpr const char* principal_tag_key = "aws:principaltag/";

[[nodiscard]] policy::PolicyPtr policy_with(const std::string& statements, policy::PolicyKind kind);
[[nodiscard]] bool denies(const policy::AttachedPolicy& policy);
// `more`, with these keys in the place of its own.
[[nodiscard]] policy::Context with(std::initializer_list<std::pair<const char*, std::string>> entries,
                                   const policy::Context& more = {});
[[nodiscard]] bool is_of_resource(std::string_view lower_key);
[[nodiscard]] bool is_tag_of_resource(std::string_view lower_key);
// Of the request, not of who makes it or what it is about: tags that it puts, a source identity.
[[nodiscard]] bool is_brought(std::string_view lower_key);

using Tags = std::map<std::string, std::string>;  // by key, in lower case
// Those whose keys begin so. `nullopt`: one tag has two values.
[[nodiscard]] std::optional<Tags> tags_of(const policy::Context& context, std::span<const char* const> prefixes);

}  // namespace proof
