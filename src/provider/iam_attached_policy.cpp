// aws:iam policies on a role or user: RolePolicyAttachment and UserPolicyAttachment (managed, id `role/arn`), RolePolicy and
// UserPolicy (inline, id `role:name`). Roles and users differ in a word.

#include <algorithm>

#include "base/error_codes.hpp"
#include "provider/schema.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

struct Bearer {
    const char* word;      // in operations: AttachRolePolicy
    const char* member;    // in inputs of operations
    const char* property;  // in the program
};

constexpr Bearer role{"Role", "RoleName", "role"};
constexpr Bearer user{"User", "UserName", "user"};

// What an id or a state names. The state wins: ids of states made by Pulumi look different.
struct Parts {
    std::string bearer, policy;
};

Parts parts_of(const Bearer& bearer, const std::string& id, const Property& known, const char* policy_property, char separator) {
    if (known.contains(bearer.property)) return {known[bearer.property].as_string(), known[policy_property].as_string()};
    const size_t at = id.find(separator);
    if (at == std::string::npos) return {id, ""};
    return {id.substr(0, at), id.substr(at + 1)};
}

std::string operation(const char* verb, const Bearer& bearer, const char* rest) { return std::string(verb) + bearer.word + rest; }

template <const Bearer& bearer>
struct Attachment {
    static Parts parts(const std::string& id, const Property& known) { return parts_of(bearer, id, known, "policyArn", '/'); }

    static Json call(const Parts& parts) { return Json::object({{bearer.member, parts.bearer}, {"PolicyArn", parts.policy}}); }

    static Result<Json::Array> list_attached(Aws& aws, const Parts& parts) {
        return aws.iam_list(operation("ListAttached", bearer, "Policies"), Json::object({{bearer.member, parts.bearer}}),
                            "AttachedPolicies");
    }

    static std::string id(const Property& inputs, const Property&) {
        const Parts attached = parts("", inputs);
        return attached.bearer + "/" + attached.policy;
    }

    static Result<State> create(Aws& aws, const Property& inputs) {
        const Parts attached = parts("", inputs);
        if (auto done = aws.iam(operation("Attach", bearer, "Policy"), call(attached)); !done) {
            // IAM says NoSuchEntity of both: whether the bearer is there tells which.
            const bool about_policy = list_attached(aws, attached).has_value();
            return fail(about_property(std::move(done).error(), about_policy ? "policyArn" : bearer.property));
        }
        return State{id(inputs, {}), Property(Property::Object{})};
    }

    static Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property& known) {
        const Parts wanted = parts(id, known);
        const auto attached = list_attached(aws, wanted);
        if (!attached) {
            if (is_gone(attached.error())) return std::nullopt;
            return fail(attached.error());
        }
        if (!std::ranges::any_of(*attached, [&](const Json& policy) { return policy["PolicyArn"].as_string() == wanted.policy; }))
            return std::nullopt;
        return Property(Property::Object{{bearer.property, wanted.bearer}, {"policyArn", wanted.policy}});
    }

    static Result<void> remove(Aws& aws, const std::string& id, const Property& olds) {
        return gone_is_fine(aws.iam(operation("Detach", bearer, "Policy"), call(parts(id, olds))));
    }

    static ResourceType type(std::string token) {
        return {
            .tokens = {std::move(token)},
            .rules = {{.name = "policyArn", .required = true, .replaces = true},
                      {.name = bearer.property, .required = true, .replaces = true}},
            .delete_before_replace = true,  // making the same attachment again and then deleting the old one would leave none
            .serialised_kind = bearer.property,
            .serialised_by = bearer.property,
            .id = id,
            .create = create,
            .read = read,
            .remove = remove,
        };
    }
};

template <const Bearer& bearer>
struct Inline {
    static Json call(const std::string& id, const Property& known) {
        const Parts parts = parts_of(bearer, id, known, "name", ':');
        return Json::object({{bearer.member, parts.bearer}, {"PolicyName", parts.policy}});
    }

    static Result<void> put(Aws& aws, const Property& inputs) {
        Json put = call("", inputs);
        put.set("PolicyDocument", inputs["policy"].as_string());
        if (auto done = aws.iam(operation("Put", bearer, "Policy"), put); !done) {
            const bool no_bearer = done.error().code == base::code::NoSuchEntity;
            return fail(about_property(std::move(done).error(), no_bearer ? bearer.property : "policy"));
        }
        return {};
    }

    static std::string id(const Property& inputs, const Property&) {
        return inputs[bearer.property].as_string() + ":" + inputs["name"].as_string();
    }

    static Result<State> create(Aws& aws, const Property& inputs) {
        TRY(put(aws, inputs));
        return State{id(inputs, {}), Property(Property::Object{})};
    }

    static Result<std::optional<Property>> read(Aws& aws, const std::string& id, const Property& known) {
        const auto answer = aws.iam(operation("Get", bearer, "Policy"), call(id, known));
        if (!answer) {
            if (is_gone(answer.error())) return std::nullopt;
            return fail(answer.error());
        }
        return Property(Property::Object{{bearer.property, (*answer)[bearer.member].as_string()},
                                         {"name", (*answer)["PolicyName"].as_string()},
                                         {"policy", decode_document((*answer)["PolicyDocument"].as_string())}});
    }

    static Result<void> update(Aws& aws, const std::string&, const Property&, const Property& news) { return put(aws, news); }

    static Result<void> remove(Aws& aws, const std::string& id, const Property& olds) {
        return gone_is_fine(aws.iam(operation("Delete", bearer, "Policy"), call(id, olds)));
    }

    static ResourceType type(std::string token) {
        return {
            .tokens = {std::move(token)},
            .rules = {{.name = "name", .replaces = true},
                      {.name = "namePrefix", .replaces = true, .local = true},
                      {.name = "policy", .shape = Shape::document, .required = true},
                      {.name = bearer.property, .required = true, .replaces = true}},
            .name = NameRule{"name", "namePrefix", 128, NameRule::Style::iam},
            .serialised_kind = bearer.property,
            .serialised_by = bearer.property,
            .id = id,
            .create = create,
            .read = read,
            .update = update,
            .remove = remove,
        };
    }
};

}  // namespace

std::vector<ResourceType> iam_attached_policy_types() {
    return {
        Attachment<role>::type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"),
        Attachment<user>::type("aws:iam/userPolicyAttachment:UserPolicyAttachment"),
        Inline<role>::type("aws:iam/rolePolicy:RolePolicy"),
        Inline<user>::type("aws:iam/userPolicy:UserPolicy"),
    };
}

}  // namespace provider
