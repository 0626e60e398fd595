#include "cli/policy_patch.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "cli/program_code.hpp"
#include "deploy/urn.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;
using text::Json;
using Step = PolicyPatch::Step;

constexpr std::string_view role_type = "aws:iam/role:Role";
constexpr std::string_view attachment_type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
constexpr std::string_view inline_type = "aws:iam/rolePolicy:RolePolicy";
constexpr std::string_view new_policy_name = "least-privilege";

std::string name_of(const StackResource& resource) { return std::string(deploy::urn_name(resource.urn)); }

// `$${` is how a YAML program writes `${`.
std::string literal(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at).starts_with("${")) out += '$';
        out += text[at];
    }
    return out;
}

class Maker {
public:
    Maker(std::span<const StackResource> stack, const m::LeastPrivilegeResponse& answer, const std::string& file)
        : stack_(stack), answer_(answer), file_(file), role_name_(answer.role_arn.substr(answer.role_arn.rfind('/') + 1)) {}

    PolicyPatch run() {
        for (const StackResource& one : stack_)
            if (one.type == role_type && one.outputs["arn"].as_string() == answer_.role_arn) role_ = &one;
        std::optional<Json> document;
        if (answer_.policy_document)
            if (auto parsed = text::parse_json(*answer_.policy_document)) document = std::move(*parsed);
        if (role_ != nullptr && role_->inputs["inlinePolicies"].is_array()) declare_inline(document);
        for (const m::CurrentPolicy& policy : model::items(answer_.current_policies))
            policy.is_managed ? remove_managed(policy.policy_name) : replace_inline(policy.policy_name, document);
        if (document) add(*document);
        finish_role();
        // What takes nothing away comes first: between two commands the role works, and every Deny is in place.
        out_.by_hand.insert(out_.by_hand.end(), removals_.begin(), removals_.end());
        return std::move(out_);
    }

private:
    [[nodiscard]] bool is_of_role(const StackResource& resource) const {
        const std::string& role = resource.inputs["role"].as_string();
        return role == role_name_ || role == answer_.role_arn;
    }

    void remove(const StackResource& resource, std::string what) {
        out_.steps.push_back(
            {.kind = Step::Kind::remove, .urn = resource.urn, .property = "", .value = {}, .what = std::move(what)});
        resources().set(name_of(resource), Json());
    }

    void update(const StackResource& resource, std::string property, Json value, Json merged, std::string what) {
        Json& all = resources();
        if (!all.contains(name_of(resource))) all.set(name_of(resource), Json::object({{"properties", Json::object()}}));
        all.find(name_of(resource))->find("properties")->set(property, std::move(merged));
        out_.steps.push_back({.kind = Step::Kind::update,
                              .urn = resource.urn,
                              .property = std::move(property),
                              .value = std::move(value),
                              .what = std::move(what)});
    }

    Json& resources() {
        if (!out_.merge_patch.contains("resources")) out_.merge_patch.set("resources", Json::object());
        return *out_.merge_patch.find("resources");
    }

    void remove_managed(const std::string& arn) {
        for (const StackResource& one : stack_)
            if (one.type == attachment_type && is_of_role(one) && one.inputs["policyArn"].as_string() == arn)
                return remove(one, "detaches " + arn);
        if (role_ != nullptr) {
            const auto& arns = role_->inputs["managedPolicyArns"].items();
            if (std::ranges::any_of(arns, [&](const Json& one) { return one.as_string() == arn; }))
                return detached_.push_back(arn);
        }
        removals_.push_back("aws iam detach-role-policy --role-name " + role_name_ + " --policy-arn " + arn);
    }

    // The role's own argument is all of its inline policies.
    void declare_inline(std::optional<Json>& document) {
        const auto& declared = role_->inputs["inlinePolicies"].items();
        Json list = Json::array();
        std::string what = "makes the new policy the only one of inlinePolicies";
        if (document) {
            const std::string name = declared.empty() ? std::string(new_policy_name) : declared.front()["name"].as_string();
            list.push(Json::object({{"name", name}, {"policy", as_yaml(*document)}}));
        } else {
            what = "removes the role's inlinePolicies";
        }
        document.reset();
        for (const Json& one : declared) declared_.insert(one["name"].as_string());
        update(*role_, "inlinePolicies", list, list, std::move(what));
    }

    void replace_inline(const std::string& name, std::optional<Json>& document) {
        if (declared_.contains(name)) return;
        for (const StackResource& one : stack_) {
            if (one.type != inline_type || !is_of_role(one) || one.outputs["name"].as_string() != name) continue;
            if (!document) return remove(one, "removes inline policy " + name);
            Json value = as_yaml(*document);
            document.reset();
            return update(one, "policy", value, in_place_of_any(value), "replaces inline policy " + name);
        }
        removals_.push_back(deletion_of(name));
    }

    [[nodiscard]] std::string deletion_of(std::string_view name) const {
        return "aws iam delete-role-policy --role-name " + role_name_ + " --policy-name " + std::string(name);
    }

    // As a part of a merge patch: without what the old document had, or the function that made it.
    static Json in_place_of_any(Json value) {
        value.find("fn::toJSON")->set("Id", Json());
        for (const char* function : {"fn::invoke", "fn::join", "fn::readFile", "fn::secret", "fn::select"})
            value.set(function, Json());
        return value;
    }

    void add(const Json& document) {
        if (role_ == nullptr) {
            std::erase(removals_, deletion_of(new_policy_name));  // the new one takes its place
            out_.by_hand.push_back("aws iam put-role-policy --role-name " + role_name_ + " --policy-name " +
                                   std::string(new_policy_name) + " --policy-document file://" + file_);
            return;
        }
        const std::string role = name_of(*role_);
        std::string name = role + "_least_privilege";
        while (std::ranges::any_of(stack_, [&](const StackResource& one) { return name_of(one) == name; })) name += "_new";
        Json arguments = Json::object({{"role", "${" + role + ".name}"}, {"policy", as_yaml(document)}});
        Json resource = Json::object({{"type", "aws:iam:RolePolicy"}, {"properties", arguments}});
        resources().set(name, std::move(resource));
        out_.steps.push_back({.kind = Step::Kind::add,
                              .urn = std::string(inline_type),
                              .property = std::move(name),
                              .value = std::move(arguments),
                              .what = "adds the new policy"});
    }

    void finish_role() {
        if (detached_.empty()) return;
        Json left = Json::array();
        for (const Json& one : role_->inputs["managedPolicyArns"].items())
            if (std::ranges::find(detached_, one.as_string()) == detached_.end()) left.push(one);
        std::string what = "detaches";
        for (const std::string& one : detached_) what += " " + one;
        update(*role_, "managedPolicyArns", left, left, std::move(what));
    }

    Json as_yaml(Json document) const {
        refer(document);
        return Json::object({{"fn::toJSON", std::move(document)}});
    }

    void refer(Json& value) const {
        if (value.is_string()) value = reference(value.as_string());
        if (value.is_array())
            for (Json& one : value.items()) refer(one);
        if (value.is_object())
            for (auto& [name, member] : value.members()) refer(member);
    }

    // The ARN of a resource of the stack, or one below it.
    [[nodiscard]] std::string reference(const std::string& text) const {
        const StackResource* best = nullptr;
        for (const StackResource& one : stack_) {
            const std::string& arn = one.outputs["arn"].as_string();
            const bool is_there = arn.starts_with("arn:") && text.starts_with(arn) &&
                                  (text.size() == arn.size() || text[arn.size()] == '/' || text[arn.size()] == ':');
            if (is_there && (best == nullptr || best->outputs["arn"].as_string().size() < arn.size())) best = &one;
        }
        if (best == nullptr) return literal(text);
        return "${" + name_of(*best) + ".arn}" + literal(text.substr(best->outputs["arn"].as_string().size()));
    }

    std::span<const StackResource> stack_;
    const m::LeastPrivilegeResponse& answer_;
    const std::string file_, role_name_;
    const StackResource* role_ = nullptr;
    std::vector<std::string> detached_;  // of the role's own argument
    std::set<std::string> declared_;     // inline policies of the role's own argument
    std::vector<std::string> removals_;  // by hand
    PolicyPatch out_;
};

std::string_view word(Step::Kind kind) {
    return kind == Step::Kind::add ? "add" : kind == Step::Kind::remove ? "remove" : "update";
}

// An argument, or a resource; and which resource each variable in it stands for.
void add_code(Json& step, const Step& one, Language language) {
    std::set<std::string> resources;
    const bool is_python = language == Language::python;
    const std::string is = is_python ? "=" : ": ";
    std::string code;
    if (one.kind == Step::Kind::update) {
        code = argument_of(one.property, language) + is + code_of(one.value, language, 0, resources) + ",";
    } else {
        code = is_python ? "aws.iam.RolePolicy(\n    " + quoted(one.property) + ",\n"
                         : "new aws.iam.RolePolicy(" + quoted(one.property) + ", {\n";
        for (const auto& [name, value] : one.value.members())
            code += "    " + argument_of(name, language) + is + code_of(value, language, 4, resources) + ",\n";
        code += is_python ? ")" : "});";
    }
    Json variables = Json::object();
    for (const std::string& name : resources) variables.set(variable_of(name), name);
    step.set("code", std::move(code));
    step.set("variables", std::move(variables));
}

}  // namespace

PolicyPatch policy_patch(std::span<const StackResource> stack, const m::LeastPrivilegeResponse& answer, const std::string& file) {
    return Maker(stack, answer, file).run();
}

Json to_json(const PolicyPatch& patch, const std::string& runtime) {
    const bool is_yaml = runtime == "yaml";
    Json steps = Json::array(), by_hand = Json::array();
    for (const Step& one : patch.steps) {
        Json step = Json::object({{"op", word(one.kind)}, {"what", one.what}});
        if (one.kind == Step::Kind::add) {
            step.set("type", one.urn);
            step.set("name", one.property);
        } else {
            step.set("urn", one.urn);
        }
        if (one.kind == Step::Kind::update) step.set("property", one.property);
        if (one.kind != Step::Kind::remove) {
            if (is_yaml)
                step.set(one.kind == Step::Kind::add ? "arguments" : "value", one.value);
            else
                add_code(step, one, runtime == "python" ? Language::python : Language::typescript);
        }
        steps.push(std::move(step));
    }
    for (const std::string& one : patch.by_hand) by_hand.push(one);
    return Json::object(
        {{"steps", std::move(steps)}, {"mergePatch", is_yaml ? patch.merge_patch : Json()}, {"byHand", std::move(by_hand)}});
}

}  // namespace cli
