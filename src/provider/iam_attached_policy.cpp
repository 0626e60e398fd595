// The table of aws:iam policies on a role or user: RolePolicyAttachment and UserPolicyAttachment (managed, id `role/arn`), RolePolicy and
// UserPolicy (inline, id `role:name`). Roles and users differ in a word.

#include "base/error_codes.hpp"
#include "provider/iam_entity.hpp"

namespace provider {

namespace {

struct Bearer {
    const char* word;      // in operations: AttachRolePolicy
    const char* member;    // in inputs of operations
    const char* property;  // in the program
};

constexpr Bearer role{"Role", "RoleName", "role"};
constexpr Bearer user{"User", "UserName", "user"};

std::string operation(const char* verb, const Bearer& bearer, const char* rest) { return std::string(verb) + bearer.word + rest; }

ResourceType attachment(const Bearer& bearer, std::string token) {
    return iam_entity_type({
        .tokens = {std::move(token)},
        .kind = bearer.property,
        .subject = {{bearer.property, bearer.member}, {"policyArn", "PolicyArn"}},
        .separator = '/',
        .rules = {{.name = "policyArn", .required = true, .replaces = true},
                  {.name = bearer.property, .required = true, .replaces = true}},
        .create = operation("Attach", bearer, "Policy"),
        .read = operation("ListAttached", bearer, "Policies"),
        .remove = operation("Detach", bearer, "Policy"),
        .list = "AttachedPolicies",
        .outputs = {{bearer.property, bearer.member}, {"policyArn", "PolicyArn"}},
        .delete_before_replace = true,  // making the same attachment again and then deleting the old one would leave none
    });
}

ResourceType inline_policy(const Bearer& bearer, std::string token) {
    return iam_entity_type({
        .tokens = {std::move(token)},
        .kind = bearer.property,
        .subject = {{bearer.property, bearer.member}, {"name", "PolicyName"}},
        .rules = {{.name = "name", .replaces = true},
                  {.name = "namePrefix", .replaces = true, .local = true},
                  {.name = "policy", .shape = Shape::document, .required = true, .member = "PolicyDocument"},
                  {.name = bearer.property, .required = true, .replaces = true}},
        .name = NameRule{"name", "namePrefix", 128, NameRule::Style::iam},
        .create = operation("Put", bearer, "Policy"),
        .read = operation("Get", bearer, "Policy"),
        .remove = operation("Delete", bearer, "Policy"),
        .outputs = {{bearer.property, bearer.member}, {"name", "PolicyName"}, {"policy", "PolicyDocument"}},
        .updates = {{operation("Put", bearer, "Policy"), {{"policy", "PolicyDocument"}}}},
        .blame = {{base::code::NoSuchEntity, bearer.property}, {"", "policy"}},
    });
}

}  // namespace

std::vector<ResourceType> iam_attached_policy_types() {
    return {
        attachment(role, "aws:iam/rolePolicyAttachment:RolePolicyAttachment"),
        attachment(user, "aws:iam/userPolicyAttachment:UserPolicyAttachment"),
        inline_policy(role, "aws:iam/rolePolicy:RolePolicy"),
        inline_policy(user, "aws:iam/userPolicy:UserPolicy"),
    };
}

}  // namespace provider
