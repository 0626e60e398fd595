// The custom policy checks: proved of the document alone, whatever there is in the account.
//
// Source: IAM Access Analyzer API Reference, CheckNoNewAccess, CheckAccessNotGranted, CheckNoPublicAccess; the sentences are those of its examples.
#include <array>
#include <string>
#include <vector>

#include "base/error_codes.hpp"
#include "objects/public_policy.hpp"
#include "policy/arn.hpp"
#include "proof/grants.hpp"
#include "services/access_analyzer/service.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace services::access_analyzer {
namespace {

using proof::Answer;
using proof::DocumentKind;
using proof::Grants;

DocumentKind kind_of(m::AccessCheckPolicyType type) {
    return type == m::AccessCheckPolicyType::resource_policy ? DocumentKind::resource : DocumentKind::identity;
}

// A document that is no policy is a parameter that is wrong; its size is a limit.
Result<Grants> read(Result<Grants> found) {
    if (found) return found;
    base::Error error = std::move(found).error();
    const bool is_too_large = error.code == base::code::LimitExceeded;
    error.code = is_too_large ? base::code::ValidationException : base::code::InvalidParameterException;
    return base::fail(std::move(error));
}

std::string sid_of(const std::string& document, uint32_t statement) {
    const auto json = text::parse_json(document);
    if (!json) return "";
    return text::one_or_many((*json)["Statement"])[statement]["Sid"].as_string();
}

// `before`: what is said ahead of the statement.
std::vector<m::ReasonSummary> reasons_of(const Grants& found, const std::string& document, const std::string& before) {
    std::vector<m::ReasonSummary> out;
    for (const uint32_t statement : found.statements) {
        const std::string sid = sid_of(document, statement);
        m::ReasonSummary reason{
            .description = before + (sid.empty() ? " with index: " + std::to_string(statement) : " with sid: " + sid) + ".",
            .statement_index = static_cast<int32_t>(statement)};
        if (!sid.empty()) reason.statement_id = sid;
        out.push_back(std::move(reason));
    }
    // Which statements it is may be more than the check asks.
    if (found.kind == Answer::Kind::yes && out.empty() && found.witness)
        out.push_back({.description = before + "s of the document together: " + found.witness->action + " on " +
                                      found.witness->resource + "."});
    // What a limit cut off is not proved: it counts as found, and says so.
    if (found.kind == Answer::Kind::unknown)
        out.push_back({.description = "It could not be ruled out within the limits of this check: " + found.reason + "."});
    return out;
}

template <class Response, class Verdict>
Response answer(const Grants& found, Verdict pass, Verdict fail, const char* passed, const char* failed,
                const std::string& document, const std::string& before) {
    Response out;
    const bool is_passed = found.kind == Answer::Kind::no;
    out.result = is_passed ? pass : fail;
    out.message = is_passed ? passed : failed;
    out.reasons = reasons_of(found, document, before);
    return out;
}

Result<m::CheckNoNewAccessResponse> check_no_new_access(Analyzer&, const Permit&, const m::CheckNoNewAccessRequest& in) {
    const Grants found =
        TRY(read(proof::find_new_access(in.new_policy_document, in.existing_policy_document, kind_of(in.policy_type))));
    return answer<m::CheckNoNewAccessResponse>(
        found, m::CheckNoNewAccessResult::pass, m::CheckNoNewAccessResult::fail,
        "The modified permissions do not grant new access compared to your existing policy.",
        "The modified permissions grant new access compared to your existing policy.", in.new_policy_document,
        "New access in the statement");
}

// Those of an IAM policy; of a resource's ARN, its own part alone may have wildcards.
Result<void> check_access(const m::Access& access) {
    for (const std::string& action : model::items(access.actions))
        if (action != "*" && action.find(':') == std::string::npos)
            return base::fail(base::code::InvalidParameterException,
                              "The action " + action + " is invalid: write SERVICE:ACTION.");
    for (const std::string& resource : model::items(access.resources)) {
        if (resource == "*") continue;
        const auto arn = policy::parse_arn(resource);
        const bool is_fixed =
            arn && (resource.substr(0, resource.size() - arn->resource.size()).find_first_of("*?") == std::string::npos);
        if (!is_fixed)
            return base::fail(base::code::InvalidParameterException,
                              "The resource " + resource +
                                  " is invalid: it is an ARN, with wildcards in the part alone that specifies the resource ID.");
    }
    return {};
}

Result<m::CheckAccessNotGrantedResponse> check_access_not_granted(Analyzer&, const Permit&,
                                                                  const m::CheckAccessNotGrantedRequest& in) {
    if (in.access.empty() || (model::items(in.access[0].actions).empty() && model::items(in.access[0].resources).empty()))
        return base::fail(base::code::InvalidParameterException, "The access object has neither actions nor resources.");
    const m::Access& access = in.access[0];
    TRY(check_access(access));
    const auto actions = model::items(access.actions), resources = model::items(access.resources);
    const Grants found = TRY(read(proof::find_granted(in.policy_document, kind_of(in.policy_type),
                                                      {actions.begin(), actions.end()}, {resources.begin(), resources.end()})));
    return answer<m::CheckAccessNotGrantedResponse>(
        found, m::CheckAccessNotGrantedResult::pass, m::CheckAccessNotGrantedResult::fail,
        "The policy document does not grant access to perform the listed actions or resources.",
        "The policy document grants access to perform one or more of the listed actions or resources.", in.policy_document,
        "One or more of the listed actions or resources in the statement");
}

// What is public by a proof, and by what Amazon S3 takes for fixed values (R79), which counts the networks of all statements together: a policy that
// this server's Block Public Access takes is none that this check fails.
Grants without_fixed(Grants found, const std::string& document) {
    if (!objects::is_public_policy(document)) return {};
    Grants out = found;
    std::erase_if(out.statements,
                  [&](uint32_t statement) { return !objects::is_public_policy(proof::with_one_statement(document, statement)); });
    return out.statements.empty() ? std::move(found) : std::move(out);
}

Result<m::CheckNoPublicAccessResponse> check_no_public_access(Analyzer&, const Permit&, const m::CheckNoPublicAccessRequest& in) {
    const Grants found = without_fixed(TRY(read(proof::find_public(in.policy_document))), in.policy_document);
    return answer<m::CheckNoPublicAccessResponse>(found, m::CheckNoPublicAccessResult::pass, m::CheckNoPublicAccessResult::fail,
                                                  "The resource policy does not grant public access for the given resource type.",
                                                  "The resource policy grants public access for the given resource type.",
                                                  in.policy_document, "Public access granted in the following statement");
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Analyzer>>({
    operation<m::CheckAccessNotGranted, check_access_not_granted>(),
    operation<m::CheckNoNewAccess, check_no_new_access>(),
    operation<m::CheckNoPublicAccess, check_no_public_access>(),
});

}  // namespace

Rows policy_check_operations() { return operations; }

}  // namespace services::access_analyzer
