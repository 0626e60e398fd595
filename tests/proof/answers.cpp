// What proof says of questions, one a line, for the scripts beside this: a user's first policy allows something that the second does not.
//
//   in:  {"first": DOCUMENT, "second": DOCUMENT, "actions": [PATTERN…]}
//   out: {"answer": "no" | "yes" | "unknown", "reason": …, "action": …, "resource": …, "context": {KEY: [VALUE…]}}
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "proof/prove.hpp"
#include "text/json.hpp"

namespace {

using proof::Answer;
using text::Json;

policy::PrincipalPolicies policies_of(const Json& document) {
    const auto parsed = policy::Policy::parse(document.as_string(), policy::PolicyKind::identity);
    if (!parsed) {
        std::fprintf(stderr, "%s\n%s\n", parsed.error().describe().c_str(), document.as_string().c_str());
        std::exit(1);
    }
    policy::PrincipalPolicies out;
    out.identity.push_back({*parsed, "p"});
    return out;
}

proof::Subject alice() {
    proof::Subject out;
    out.principal = {.kind = policy::PrincipalKind::user,
                     .account = "111122223333",
                     .arn = "arn:aws:iam::111122223333:user/alice",
                     .unique_id = "AIDAALICE",
                     .user_arn = "arn:aws:iam::111122223333:user/alice"};
    for (const auto& [key, value] : {std::pair<const char*, std::string>{"aws:PrincipalArn", out.principal.arn},
                                     {"aws:PrincipalAccount", out.principal.account},
                                     {"aws:PrincipalType", "User"},
                                     {"aws:userid", out.principal.unique_id},
                                     {"aws:username", "alice"}})
        out.known.set(key, value);
    return out;
}

}  // namespace

int main() {
    const proof::Subject subject = alice();
    for (std::string line; std::getline(std::cin, line);) {
        const Json asked = text::parse_json(line).value();
        const auto first = policies_of(asked["first"]), second = policies_of(asked["second"]);
        proof::Question question{.subject = &subject, .allowed = {{&first}}, .refused = {{&second}}};
        question.actions.clear();
        for (const auto& action : asked["actions"].items()) question.actions.push_back(action.as_string());
        const Answer answer = proof::prove(question);
        Json out = Json::object();
        out.set("answer", answer.kind == Answer::Kind::no ? "no" : answer.kind == Answer::Kind::yes ? "yes" : "unknown");
        out.set("reason", answer.reason);
        if (answer.witness) {
            out.set("action", answer.witness->action);
            out.set("resource", answer.witness->resource);
            Json context = Json::object();
            for (const auto& entry : answer.witness->context.entries()) {
                Json values = Json::array();
                for (const auto& value : entry.values) values.push(value);
                context.set(entry.key, std::move(values));
            }
            out.set("context", std::move(context));
        }
        std::printf("%s\n", out.dump().c_str());
    }
    return 0;
}
