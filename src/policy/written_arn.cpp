#include "policy/written_arn.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.hpp"

namespace policy {

namespace {

constexpr auto npos = std::string_view::npos;

// Sources: IAM's and S3's answers as users quote them; Service Authorization Reference for the types.
constexpr Sentence failed_legacy = {"The policy failed legacy parsing", ""};
constexpr Sentence iam_region = {"IAM resource {} cannot contain region information.", ""};
constexpr Sentence s3_region = {"Resource {} can not contain region information.", ""};
constexpr Sentence iam_path = {
    "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, group/, instance-profile/, mfa/, "
    "server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
    ""};

constexpr auto iam_types =
    std::to_array<std::string_view>({"access-report/", "assumed-role/", "delegation-request/", "federated-user/", "group/",
                                     "instance-profile/", "mfa/", "oidc-provider/", "policy/", "report/", "role-template/",
                                     "role/", "root", "saml-provider/", "server-certificate/", "sms-mfa/", "u2f/", "user/"});
// Those of S3 that are in a region, or in an account alone.
constexpr auto s3_account_types = std::to_array<std::string_view>(
    {"access-grants/", "accesspoint/", "async-request/", "job/", "storage-lens-group/", "storage-lens/"});
// What stands for an account in ARNs of what AWS itself owns.
constexpr auto owners = std::to_array<std::string_view>({"aws", "aws-marketplace", "cloudfront", "offering", "third-party"});

// Twelve digits, or a pattern that such a number can match.
bool is_account_pattern(std::string_view text) {
    if (text.empty() || std::ranges::find(owners, text) != owners.end()) return true;
    if (text.find_first_not_of("0123456789?*") != npos) return false;
    const auto stars = std::ranges::count(text, '*');
    const auto fixed = static_cast<std::ptrdiff_t>(text.size()) - stars;
    return stars > 0 ? fixed <= 12 : fixed == 12;
}

// Can the resource part be of one of these types?
bool is_of_type(std::string_view resource, auto&& types) {
    const auto wild = resource.find_first_of("*?$");
    const auto literal = resource.substr(0, wild);
    return std::ranges::any_of(
        types, [&](std::string_view type) { return literal.starts_with(type) || (wild != npos && type.starts_with(literal)); });
}

}  // namespace

const Sentence* wrong_resource(std::string_view arn) {
    std::array<std::string_view, 6> segments;
    size_t count = 0;
    for (auto rest = arn;; ++count) {
        const auto colon = count < 5 ? rest.find(':') : npos;
        segments[count] = rest.substr(0, colon);
        if (colon == npos) break;
        rest.remove_prefix(colon + 1);
    }
    ++count;
    const auto& [scheme, partition, service, region, account, resource] = segments;
    if (region.ends_with('*')) return nullptr;
    if (count == 6 && !region.empty()) {
        if (service == "iam") return &iam_region;
        if (service == "s3" && !is_of_type(resource, s3_account_types)) return &s3_region;
    }
    if (!is_account_pattern(account)) return &failed_legacy;
    if (count < 6 || account.ends_with('*')) return nullptr;
    if (service == "s3" && !account.empty() && !is_of_type(resource, s3_account_types)) return &failed_legacy;
    if (service == "iam" && !is_of_type(resource, iam_types)) return &iam_path;
    return nullptr;
}

}  // namespace policy
