// What AWS says about a document that it refuses: IAM's sentence and S3's for the same mistake. `{}` takes the offending text.
// Sources: answers of the services as users quote them; the notes beside a sentence are ours and say what exactly is wrong.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace policy {

struct Sentence {
    std::string_view iam, s3;
};
inline constexpr std::string_view syntax_errors = "Syntax errors in policy.";
inline constexpr Sentence bad_json = {"This policy contains invalid Json",
                                      "Policies must be valid JSON and the first byte must be '{'"};
inline constexpr Sentence bad_syntax = {syntax_errors, "Invalid policy syntax."};
inline constexpr Sentence unknown_field = {syntax_errors, "Unknown field {}"};
inline constexpr Sentence bad_version = {syntax_errors, "The policy must contain a valid version string"};
inline constexpr Sentence no_statement = {syntax_errors, "Missing required field Statement"};
inline constexpr Sentence no_effect = {syntax_errors, "Missing required field Effect"};
inline constexpr Sentence bad_effect = {syntax_errors, "Invalid effect: {}"};
inline constexpr Sentence no_actions = {"Policy statement must contain actions.", "Missing required field Action"};
inline constexpr Sentence no_resources = {"Policy statement must contain resources.", "Missing required field Resource"};
inline constexpr Sentence no_principal = {"Missing required field Principal", "Missing required field Principal"};
inline constexpr Sentence has_principal = {"Policy document should not specify a principal.", ""};
inline constexpr Sentence has_resource = {"Has prohibited field Resource", ""};
inline constexpr Sentence bad_principal = {"Invalid principal in policy: {}", "Invalid principal in policy"};
inline constexpr Sentence not_principal_allow = {"Allow with NotPrincipal is not allowed.",
                                                 "Allow with NotPrincipal is not allowed."};
inline constexpr Sentence sid_repeated = {"Statement IDs (SID) in a single policy must be unique.", ""};
inline constexpr Sentence sid_not_alphanumeric = {
    "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
    "expression [0-9A-Za-z]*",
    ""};
inline constexpr Sentence no_vendor = {"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                                       "Policy has invalid action"};
inline constexpr Sentence two_colons = {"Actions/Condition can contain only one colon.", "Policy has invalid action"};
inline constexpr Sentence bad_vendor = {"Vendor {} is not valid", "Policy has invalid action"};
inline constexpr Sentence not_sts = {"AssumeRole policy may only specify STS AssumeRole actions.", ""};
inline constexpr Sentence not_an_arn = {"Resource {} must be in ARN format or \"*\".", "Policy has invalid resource"};
inline constexpr Sentence resource_vendor = {"Resource vendor must be fully qualified and cannot contain regexes.",
                                             "Policy has invalid resource"};
inline constexpr Sentence bad_partition = {"Partition \"{}\" is not valid for resource \"{}\".", "Policy has invalid resource"};
inline constexpr Sentence bad_variable = {syntax_errors, "Policy has invalid resource"};
inline constexpr Sentence bad_operator = {syntax_errors, "Invalid Condition type : {}"};
inline constexpr Sentence bad_key = {"Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
                                     "Policy has an invalid condition key"};
inline constexpr Sentence bad_value = {syntax_errors, "Invalid policy syntax."};

inline std::string fill(std::string_view sentence, std::initializer_list<std::string_view> texts) {
    std::string out;
    const auto* next = texts.begin();
    for (size_t at = 0; at < sentence.size(); ++at) {
        if (sentence.substr(at).starts_with("{}") && next != texts.end()) {
            out += *next++;
            ++at;
        } else {
            out += sentence[at];
        }
    }
    return out;
}

}  // namespace policy
