// aws:iam User and AccessKey.

#include <algorithm>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "provider/schema.hpp"
#include "text/base64.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

const ResourceType& user_type();

Json user_named(const std::string& name) { return Json::object({{"UserName", name}}); }

void predict_user(Aws& aws, const Property& inputs, Property& outputs) {
    if (inputs["name"].has_unknowns() || inputs["path"].has_unknowns()) return;
    if (const auto arn = aws.iam_arn("user", inputs["path"].as_string(), inputs["name"].as_string())) outputs.set("arn", *arn);
}

Result<State> create_user(Aws& aws, const Property& inputs) {
    const std::string& name = inputs["name"].as_string();
    Json call = user_named(name);
    set_if_given(call, "Path", inputs["path"]);
    set_if_given(call, "PermissionsBoundary", inputs["permissionsBoundary"]);
    if (!inputs["tags"].members().empty()) call.set("Tags", tag_list(inputs["tags"]));
    const auto created = aws.iam("CreateUser", call);
    if (!created) {
        if (created.error().code == base::code::EntityAlreadyExists) return fail(about_property(created.error(), "name"));
        return fail(created.error());
    }
    aws.made(name);
    aws.made((*created)["User"]["Arn"].as_string());
    return State{name, Property(Property::Object{})};
}

Result<std::optional<Property>> read_user(Aws& aws, const std::string& id, const Property&) {
    const auto answer = aws.iam("GetUser", user_named(id));
    if (!answer) {
        if (is_gone(answer.error())) return std::nullopt;
        return fail(answer.error());
    }
    const Json& user = (*answer)["User"];
    const Property tags = tags_from_list(user["Tags"]);
    return Property(Property::Object{
        {"arn", user["Arn"].as_string()},
        {"name", user["UserName"].as_string()},
        {"path", user["Path"].as_string()},
        {"permissionsBoundary", user["PermissionsBoundary"]["PermissionsBoundaryArn"].as_string()},
        {"tags", tags},
        {"tagsAll", tags},
        {"uniqueId", user["UserId"].as_string()},
    });
}

Result<void> update_user(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    if (differs(user_type(), olds, news, {"path"})) {
        Json call = user_named(id);
        call.set("NewPath", news["path"].as_string());
        TRY(about("path", aws.iam("UpdateUser", call)));
    }
    if (differs(user_type(), olds, news, {"permissionsBoundary"})) {
        Json call = user_named(id);
        const bool none = news["permissionsBoundary"].as_string().empty();
        if (!none) call.set("PermissionsBoundary", news["permissionsBoundary"].as_string());
        TRY(about("permissionsBoundary", aws.iam(none ? "DeleteUserPermissionsBoundary" : "PutUserPermissionsBoundary", call)));
    }
    return aws.update_iam_tags("TagUser", "UntagUser", user_named(id), olds["tags"], news["tags"]);
}

// `forceDestroy`: what was hung on the user outside this deployment goes with it.
Result<void> empty_user(Aws& aws, const std::string& id) {
    for (const Json& key : TRY(aws.iam_list("ListAccessKeys", user_named(id), "AccessKeyMetadata"))) {
        Json call = user_named(id);
        call.set("AccessKeyId", key["AccessKeyId"]);
        TRY(gone_is_fine(aws.iam("DeleteAccessKey", call)));
    }
    for (const Json& policy : TRY(aws.iam_list("ListAttachedUserPolicies", user_named(id), "AttachedPolicies"))) {
        Json call = user_named(id);
        call.set("PolicyArn", policy["PolicyArn"]);
        TRY(gone_is_fine(aws.iam("DetachUserPolicy", call)));
    }
    for (const Json& name : TRY(aws.iam_list("ListUserPolicies", user_named(id), "PolicyNames"))) {
        Json call = user_named(id);
        call.set("PolicyName", name);
        TRY(gone_is_fine(aws.iam("DeleteUserPolicy", call)));
    }
    return {};
}

Result<void> remove_user(Aws& aws, const std::string& id, const Property& olds) {
    aws.removed(id);
    aws.removed(olds["arn"].as_string());
    auto deleted = aws.iam("DeleteUser", user_named(id));
    if (!deleted && deleted.error().code == base::code::DeleteConflict && olds["forceDestroy"].as_bool()) {
        TRY(empty_user(aws, id));
        deleted = aws.iam("DeleteUser", user_named(id));
    }
    if (deleted || is_gone(deleted.error())) return {};
    auto error = deleted.error();
    if (error.code == base::code::DeleteConflict)
        error.notes.push_back("keys or policies that this deployment did not make hang on the user `" + id +
                              "`: set `forceDestroy` to delete them with it");
    return fail(std::move(error));
}

const ResourceType& user_type() {
    static const ResourceType type{
        .tokens = {"aws:iam/user:User"},
        .rules = {{.name = "forceDestroy", .shape = Shape::flag, .local = true, .fallback = false},
                  {.name = "name", .replaces = true},
                  {.name = "path", .fallback = "/"},
                  {.name = "permissionsBoundary"},
                  {.name = "tags", .shape = Shape::labels}},
        .name = NameRule{"name", "", 64, NameRule::Style::iam},
        .computed = {"arn", "tagsAll", "uniqueId"},
        .computed_by_update = {"arn", "tagsAll"},
        .unique_name = true,
        .serialised_kind = "user",
        .serialised_by = "name",
        .id = [](const Property& inputs, const Property&) { return inputs["name"].as_string(); },
        .predict = predict_user,
        .create = create_user,
        .read = read_user,
        .update = update_user,
        .remove = remove_user,
    };
    return type;
}

// The SMTP password that SES derives from a secret key (SES Developer Guide, "Convert existing credentials").
std::string ses_smtp_password(const std::string& secret, const std::string& region) {
    std::string signature = crypto::hmac_sha256("AWS4" + secret, "11111111");
    for (const std::string& part : {region, std::string("ses"), std::string("aws4_request"), std::string("SendRawEmail")})
        signature = crypto::hmac_sha256(signature, part);
    return text::encode_base64('\x04' + signature);
}

Json key_of(const std::string& user, const std::string& id) {
    Json call = user_named(user);
    call.set("AccessKeyId", id);
    return call;
}

Result<State> create_key(Aws& aws, const Property& inputs) {
    const std::string& user = inputs["user"].as_string();
    const Json created = TRY(about("user", aws.iam("CreateAccessKey", user_named(user))));
    const Json& key = created["AccessKey"];
    const std::string id = key["AccessKeyId"].as_string();
    const std::string& secret = key["SecretAccessKey"].as_string();
    if (inputs["status"].as_string() == "Inactive") {
        Json call = key_of(user, id);
        call.set("Status", "Inactive");
        if (auto set = aws.iam("UpdateAccessKey", call); !set) {
            auto error = about_property(std::move(set).error(), "status");
            if (!aws.iam("DeleteAccessKey", key_of(user, id)))
                error.notes.push_back("the key `" + id + "` was made and could not be deleted again");
            return fail(std::move(error));
        }
    }
    return State{id,
                 Property(Property::Object{{"secret", secret}, {"sesSmtpPasswordV4", ses_smtp_password(secret, aws.region())}})};
}

Result<std::optional<Property>> read_key(Aws& aws, const std::string& id, const Property& known) {
    std::string user = known["user"].as_string();
    if (user.empty()) {
        const auto used = aws.iam("GetAccessKeyLastUsed", Json::object({{"AccessKeyId", id}}));
        if (!used) {
            if (is_gone(used.error())) return std::nullopt;
            return fail(used.error());
        }
        user = (*used)["UserName"].as_string();
    }
    const auto keys = aws.iam_list("ListAccessKeys", user_named(user), "AccessKeyMetadata");
    if (!keys) {
        if (is_gone(keys.error())) return std::nullopt;
        return fail(keys.error());
    }
    const auto key = std::ranges::find_if(*keys, [&](const Json& item) { return item["AccessKeyId"].as_string() == id; });
    if (key == keys->end()) return std::nullopt;
    return Property(Property::Object{{"createDate", (*key)["CreateDate"].as_string()},
                                     {"status", (*key)["Status"].as_string()},
                                     {"user", (*key)["UserName"].as_string()}});
}

Result<void> update_key(Aws& aws, const std::string& id, const Property& olds, const Property& news) {
    Json call = key_of(olds["user"].as_string(), id);
    call.set("Status", news["status"].as_string().empty() ? "Active" : news["status"].as_string());
    TRY(about("status", aws.iam("UpdateAccessKey", call)));
    return {};
}

Result<void> remove_key(Aws& aws, const std::string& id, const Property& olds) {
    return gone_is_fine(aws.iam("DeleteAccessKey", key_of(olds["user"].as_string(), id)));
}

}  // namespace

std::vector<ResourceType> iam_user_types() {
    return {
        user_type(),
        {
            .tokens = {"aws:iam/accessKey:AccessKey"},
            .rules = {{.name = "status", .fallback = "Active", .choices = {"Active", "Inactive"}},
                      {.name = "user", .required = true, .replaces = true}},
            .computed = {"createDate", "secret", "sesSmtpPasswordV4"},
            .secrets_shown_once = {"secret", "sesSmtpPasswordV4"},
            .serialised_kind = "user",
            .serialised_by = "user",
            .create = create_key,
            .read = read_key,
            .update = update_key,
            .remove = remove_key,
        },
    };
}

}  // namespace provider
