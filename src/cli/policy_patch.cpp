#include "cli/policy_patch.hpp"

#include <algorithm>
#include <optional>

#include "deploy/urn.hpp"

namespace cli {
namespace {

namespace m = model::trainwarden;
using text::Json;
using Step = PolicyPatch::Step;

constexpr std::string_view role_type = "aws:iam/role:Role";
constexpr std::string_view attachment_type = "aws:iam/rolePolicyAttachment:RolePolicyAttachment";
constexpr std::string_view inline_type = "aws:iam/rolePolicy:RolePolicy";

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
    Maker(std::span<const StackResource> stack, const m::LeastPrivilegeResponse& answer)
        : stack_(stack), answer_(answer), role_name_(answer.role_arn.substr(answer.role_arn.rfind('/') + 1)) {}

    PolicyPatch run() {
        for (const StackResource& one : stack_)
            if (one.type == role_type && one.outputs["arn"].as_string() == answer_.role_arn) role_ = &one;
        std::optional<Json> document;
        if (answer_.policy_document)
            if (auto parsed = text::parse_json(*answer_.policy_document)) document = std::move(*parsed);
        for (const m::CurrentPolicy& policy : model::items(answer_.current_policies))
            policy.is_managed ? remove_managed(policy.policy_name) : replace_inline(policy.policy_name, document);
        if (document) add(*document);
        finish_role();
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

    void update(const StackResource& resource, std::string property, Json value, std::string what) {
        Json properties = Json::object();
        properties.set(property, value);
        Json change = Json::object();
        change.set("properties", std::move(properties));
        resources().set(name_of(resource), std::move(change));
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
        out_.by_hand.push_back("aws iam detach-role-policy --role-name " + role_name_ + " --policy-arn " + arn);
    }

    void replace_inline(const std::string& name, std::optional<Json>& document) {
        for (const StackResource& one : stack_) {
            if (one.type != inline_type || !is_of_role(one) || one.outputs["name"].as_string() != name) continue;
            if (!document) return remove(one, "removes inline policy " + name);
            Json value = as_yaml(*document);
            value.find("fn::toJSON")->set("Id", Json());  // of the old document
            document.reset();
            return update(one, "policy", std::move(value), "replaces inline policy " + name);
        }
        out_.by_hand.push_back("aws iam delete-role-policy --role-name " + role_name_ + " --policy-name " + name);
    }

    void add(const Json& document) {
        if (role_ == nullptr) {
            out_.by_hand.push_back("aws iam put-role-policy --role-name " + role_name_ +
                                   " --policy-name least-privilege --policy-document file://FILE");
            return;
        }
        const std::string role = name_of(*role_);
        Json arguments = Json::object({{"role", "${" + role + ".name}"}, {"policy", as_yaml(document)}});
        Json resource = Json::object({{"type", "aws:iam:RolePolicy"}, {"properties", arguments}});
        resources().set(role + "_least_privilege", std::move(resource));
        out_.steps.push_back({.kind = Step::Kind::add,
                              .urn = std::string(inline_type),
                              .property = role + "_least_privilege",
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
        update(*role_, "managedPolicyArns", std::move(left), std::move(what));
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
    const std::string role_name_;
    const StackResource* role_ = nullptr;
    std::vector<std::string> detached_;  // of the role's own argument
    PolicyPatch out_;
};

std::string_view word(Step::Kind kind) {
    return kind == Step::Kind::add ? "add" : kind == Step::Kind::remove ? "remove" : "update";
}

}  // namespace

PolicyPatch policy_patch(std::span<const StackResource> stack, const m::LeastPrivilegeResponse& answer) {
    return Maker(stack, answer).run();
}

Json to_json(const PolicyPatch& patch) {
    Json steps = Json::array(), by_hand = Json::array();
    for (const Step& one : patch.steps) {
        Json step = Json::object({{"op", word(one.kind)}, {"what", one.what}});
        if (one.kind == Step::Kind::add) {
            step.set("type", one.urn);
            step.set("name", one.property);
            step.set("arguments", one.value);
        } else {
            step.set("urn", one.urn);
        }
        if (one.kind == Step::Kind::update) {
            step.set("property", one.property);
            step.set("value", one.value);
        }
        steps.push(std::move(step));
    }
    for (const std::string& one : patch.by_hand) by_hand.push(one);
    return Json::object({{"steps", std::move(steps)}, {"mergePatch", patch.merge_patch}, {"byHand", std::move(by_hand)}});
}

}  // namespace cli
