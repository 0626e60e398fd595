// aws:iam User and AccessKey.

#include <algorithm>

#include "base/error_codes.hpp"
#include "crypto/digest.hpp"
#include "provider/iam_entity.hpp"
#include "text/base64.hpp"

namespace provider {

using base::fail;
using base::Result;
using text::Json;

namespace {

Json user_named(const std::string& name) { return Json::object({{"UserName", name}}); }

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

Result<void> empty_if_told(Aws& aws, const std::string& id, const Property& olds) {
    return olds["forceDestroy"].as_bool() ? empty_user(aws, id) : Result<void>{};
}

ResourceType user_type() {
    return iam_entity_type({
        .tokens = {"aws:iam/user:User"},
        .kind = "user",
        .subject = {{"name", "UserName"}},
        .rules = {{.name = "forceDestroy", .shape = Shape::flag, .local = true, .fallback = false},
                  {.name = "name", .replaces = true},
                  {.name = "path", .fallback = "/", .member = "Path"},
                  {.name = "permissionsBoundary", .member = "PermissionsBoundary"},
                  {.name = "tags", .shape = Shape::labels, .member = "Tags"}},
        .name = NameRule{"name", "", 64, NameRule::Style::iam},
        .create = "CreateUser",
        .read = "GetUser",
        .remove = "DeleteUser",
        .answer = "User",
        .outputs = {{"arn", "Arn"},
                    {"name", "UserName"},
                    {"path", "Path"},
                    {"permissionsBoundary", "PermissionsBoundary.PermissionsBoundaryArn"},
                    {"tags", "Tags"},
                    {"uniqueId", "UserId"}},
        .updates = {{"UpdateUser", {{"path", "NewPath"}}},
                    {"PutUserPermissionsBoundary",
                     {{"permissionsBoundary", "PermissionsBoundary"}},
                     "DeleteUserPermissionsBoundary"}},
        .tag = "TagUser",
        .untag = "UntagUser",
        .has_arn = true,
        .computed = {"arn", "tagsAll", "uniqueId"},
        .computed_by_update = {"arn", "tagsAll"},
        .blame = {{base::code::EntityAlreadyExists, "name"}},
        .conflict =
            "keys or policies that this deployment did not make hang on the user `{}`: set `forceDestroy` to delete them with it",
        .more_operations = {"ListAccessKeys", "DeleteAccessKey", "ListAttachedUserPolicies", "DetachUserPolicy",
                            "ListUserPolicies", "DeleteUserPolicy"},
        .empty = empty_if_told,
    });
}

// --- AccessKey: code, because its secret is told once, another is derived from it, and an import has to find whose it is ---

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
            .operations = {"CreateAccessKey", "ListAccessKeys", "GetAccessKeyLastUsed", "UpdateAccessKey", "DeleteAccessKey"},
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
