#include "services/trainwarden/advice.hpp"

#include "policy/evaluate.hpp"

namespace services::trainwarden {
namespace {

using policy::Layer;
using text::Json;

std::string statement_for(const Json& access, const std::string& principal_arn) {
    Json statement = Json::object({{"Effect", "Allow"}});
    if (!principal_arn.empty()) statement.set("Principal", Json::object({{"AWS", principal_arn}}));
    statement.set("Action", access["Action"].as_string());
    statement.set("Resource", access["Resource"].as_string());
    return statement.dump();
}

std::string name_of(const Json& statement) {
    std::string out = statement.contains("Sid") ? "statement `" + statement["Sid"].as_string() + "`"
                                                : "statement " + std::to_string(statement["StatementIndex"].as_int() + 1);
    return out + " of " + statement["PolicyName"].as_string();
}

// Whom a policy should name: the role, not one session of it.
std::string subject_of(const Json& principal) {
    return principal.contains("RoleArn") ? principal["RoleArn"].as_string() : principal["Arn"].as_string();
}

std::string advice_for_layer(std::string_view layer, const Json& access, const Json& principal) {
    const std::string subject = subject_of(principal);
    if (layer == policy::describe(Layer::identity))
        return "allow it in a policy of " + subject + ": " + statement_for(access, "");
    if (layer == policy::describe(Layer::boundary))
        return "allow it in the permissions boundary of " + subject + ": " + statement_for(access, "");
    if (layer == policy::describe(Layer::session))
        return "the session was made with a session policy that does not allow it: make one whose policy holds " +
               statement_for(access, "");
    if (layer == policy::describe(Layer::resource)) {
        if (subject.empty()) return "allow everyone in the resource-based policy: " + statement_for(access, "*");
        return "allow it in the resource-based policy of the resource: " + statement_for(access, subject);
    }
    return "the " + std::string(layer) + " must allow it too";
}

}  // namespace

std::vector<std::string> advice_for(const Json& access, const Json& principal) {
    std::vector<std::string> advice;
    const std::string& decision = access["Decision"].as_string();
    if (decision == "explicitDeny") {
        for (const Json& statement : access["MatchedStatements"].items())
            advice.push_back(name_of(statement) +
                             " denies it, and a deny wins over every allow: remove the statement, or narrow it by "
                             "Action, Resource or Condition");
    }
    if (decision == "implicitDeny") {
        for (const Json& layer : access["MissingAllowIn"].items())
            advice.push_back(advice_for_layer(layer.as_string(), access, principal));
    }
    return advice;
}

}  // namespace services::trainwarden
