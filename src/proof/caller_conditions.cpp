#include "proof/caller_conditions.hpp"

#include <vector>

#include "base/strings.hpp"
#include "policy/compile.hpp"
#include "proof/step_policies.hpp"
#include "text/json.hpp"
#include "text/one_or_many.hpp"

namespace proof {

namespace {

using text::Json;
using text::one_or_many;

constexpr std::string_view some_value = "x9";  // one that no policy names, most likely
constexpr std::string_view username = "aws:username";

// The names of the variables in it, in lower case.
std::vector<std::string> variables_in(std::string_view text) {
    std::vector<std::string> out;
    const std::string lower = base::lower(text);
    constexpr std::string_view begins = "${";
    for (size_t at = lower.find(begins); at != std::string::npos; at = lower.find(begins, at + 1)) {
        const size_t from = at + begins.size();
        out.push_back(lower.substr(from, lower.find_first_of("},", from) - from));
    }
    return out;
}

bool has_variable(std::string_view text) { return text.contains("${"); }

class Reader {
public:
    Reader(const std::string& account, std::span<const std::string> values)
        : iam_("arn:aws:iam::" + account + ":"), values_(values) {}

    void read(const Json& document) {
        for (const Json& statement : one_or_many(document["Statement"])) {
            for (const char* element : {"Resource", "NotResource"})
                for (const Json& resource : one_or_many(statement[element])) add_variables(resource.as_string());
            for (const auto& [op, of_op] : statement["Condition"].members())
                for (const auto& [key, values] : of_op.members())
                    for (const Json& value : one_or_many(values)) {
                        add_variables(value.as_string());
                        add(base::lower(key), value.as_string(), base::lower(op).contains("null"));
                    }
        }
    }

    CallerConditions out;

private:
    void add_variables(std::string_view text) {
        for (const std::string& name : variables_in(text)) {
            for (const std::string& value : values_) add(name, value, false);
        }
    }

    void add(const std::string& key, const std::string& value, bool is_null) {
        if (has_variable(value)) {
            for (const std::string& other : values_) add(key, other, is_null);
            return;
        }
        const std::string instance = instance_of(value);
        if (key.starts_with(principal_tag_key)) {
            const std::string tag = key.substr(std::string_view(principal_tag_key).size());
            out.tags.insert({tag, std::nullopt});
            out.tags.insert({tag, std::string(some_value)});
            if (!is_null) out.tags.insert({tag, instance});
        } else if (is_null) {
            return;
        } else if (key == "aws:sourceidentity") {
            out.source_identities.insert(instance);
        } else if (key == "aws:userid") {
            const size_t colon = instance.find(':');
            if (colon != std::string::npos) out.session_names.insert(instance.substr(colon + 1));
        } else if (key == "aws:principalarn") {
            if (instance.starts_with(iam_ + "user/") || instance.starts_with(iam_ + "role/")) out.arns.insert(instance);
            // Any account's.
            if (value.starts_with("arn:aws:iam::*:")) out.arns.insert(iam_ + instance.substr(instance.rfind(':') + 1));
        } else if (key == username && !instance.contains('/')) {
            out.arns.insert(iam_ + "user/" + instance);
        }
    }

    const std::string iam_;
    const std::span<const std::string> values_;
};

}  // namespace

void CallerConditions::add(const CallerConditions& more) {
    tags.insert(more.tags.begin(), more.tags.end());
    session_names.insert(more.session_names.begin(), more.session_names.end());
    source_identities.insert(more.source_identities.begin(), more.source_identities.end());
    arns.insert(more.arns.begin(), more.arns.end());
}

std::string instance_of(std::string_view pattern) {
    std::string out;
    for (const char c : pattern) out += c == '*' ? std::string(some_value) : std::string(1, c == '?' ? some_value.front() : c);
    return out;
}

CallerConditions read_caller_conditions(const policy::Policy& policy, const std::string& account,
                                        std::span<const std::string> values) {
    Reader reader(account, values);
    const std::string lower = base::lower(policy.text());
    for (const char* key : {principal_tag_key, "aws:sourceidentity", "aws:userid", "aws:principalarn", "aws:username"}) {
        if (!lower.contains(key)) continue;
        if (const auto document = text::parse_json(policy.text())) reader.read(*document);
        break;
    }
    const policy::CompiledPolicy& compiled = policy.compiled();
    for (const policy::PrincipalEntry& entry : compiled.all_principals()) {
        const std::string_view name = compiled.text(entry.text);
        if (name.starts_with("AROA") && name.contains(':'))
            reader.out.session_names.emplace(name.substr(name.find(':') + 1));
        else if (name.contains(":assumed-role/"))
            reader.out.session_names.emplace(name.substr(name.rfind('/') + 1));
    }
    return std::move(reader.out);
}

}  // namespace proof
