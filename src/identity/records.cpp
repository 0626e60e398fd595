#include "identity/records.hpp"

#include "base/error_codes.hpp"
#include "identity/names.hpp"
#include "text/json.hpp"

namespace identity {

namespace {

using text::Json;

Json time_json(base::Time time) { return Json(static_cast<int64_t>(time.time_since_epoch().count())); }
base::Time read_time(const Json& value) { return base::Time(std::chrono::milliseconds(value.as_int())); }

Json tags_json(const Tags& tags) {
    Json list = Json::array();
    for (const auto& [key, value] : tags) list.push(Json::array({key, value}));
    return list;
}

Tags read_tags(const Json& list) {
    Tags tags;
    for (const Json& tag : list.items()) {
        if (tag.size() == 2) tags.emplace_back(tag.items()[0].as_string(), tag.items()[1].as_string());
    }
    return tags;
}

Json strings_json(const std::vector<std::string>& strings) {
    Json list = Json::array();
    for (const auto& one : strings) list.push(one);
    return list;
}

std::vector<std::string> read_strings(const Json& list) {
    std::vector<std::string> strings;
    for (const Json& one : list.items()) strings.push_back(one.as_string());
    return strings;
}

Json entity_json(const Entity& entity) {
    Json inline_policies = Json::array();
    for (const auto& one : entity.inline_policies) {
        inline_policies.push(Json::object({{"name", one.name}, {"document", one.policy->text()}}));
    }
    return Json::object({{"account", entity.account},
                         {"path", entity.path},
                         {"name", entity.name},
                         {"id", entity.id},
                         {"arn", entity.arn},
                         {"created", time_json(entity.created)},
                         {"inline_policies", std::move(inline_policies)},
                         {"attached", strings_json(entity.attached)}});
}

base::Result<Json> read_object(std::string_view record, std::initializer_list<std::string_view> required) {
    Json value = TRY(text::parse_json(record));
    for (const auto member : required) {
        if (!value.contains(member)) return base::fail(base::code::CorruptRecord, "a record lacks `" + std::string(member) + "`");
    }
    return value;
}

void read_entity(const Json& value, Entity& entity) {
    entity.account = value["account"].as_string();
    entity.path = value["path"].as_string();
    entity.name = value["name"].as_string();
    entity.id = value["id"].as_string();
    entity.arn = value["arn"].as_string();
    entity.created = read_time(value["created"]);
    for (const Json& one : value["inline_policies"].items()) {
        entity.inline_policies.push_back(
            {one["name"].as_string(), policy::Policy::parse_stored(one["document"].as_string(), policy::PolicyKind::identity)});
    }
    entity.attached = read_strings(value["attached"]);
}

constexpr std::initializer_list<std::string_view> entity_members = {"account",         "path",    "name", "id", "arn", "created",
                                                                    "inline_policies", "attached"};

std::string key(std::string_view kind, std::string_view account, std::string_view name) {
    std::string out = "iam/";
    out.append(kind).append("/").append(account).append("/").append(key_of(name));
    return out;
}

}  // namespace

std::string record_key(const Account& account) { return "iam/account/" + account.id; }
std::string record_key(const Role& role) { return key("role", role.account, role.name); }
std::string record_key(const User& user) { return key("user", user.account, user.name); }
std::string record_key(const Group& group) { return key("group", group.account, group.name); }
std::string record_key(const ManagedPolicy& policy) { return key("policy", policy.account, policy.name); }
std::string record_key(const AccessKey& key) { return "iam/key/" + key.id; }

std::string write_record(const Account& account) {
    return Json::object({{"id", account.id},
                         {"alias", account.alias},
                         {"created", time_json(account.created)},
                         {"access_keys", strings_json(account.access_keys)}})
        .dump();
}

std::string write_record(const Role& role) {
    Json value = entity_json(role);
    value.set("description", role.description);
    value.set("max_session_seconds", role.max_session_seconds);
    value.set("trust", role.trust->text());
    Json ids = Json::object();
    for (const auto& [arn, id] : role.trusted_ids) ids.set(arn, id);
    value.set("trusted_ids", std::move(ids));
    value.set("boundary", role.boundary);
    value.set("tags", tags_json(role.tags));
    return value.dump();
}

std::string write_record(const User& user) {
    Json value = entity_json(user);
    value.set("boundary", user.boundary);
    value.set("tags", tags_json(user.tags));
    value.set("groups", strings_json(user.groups));
    value.set("access_keys", strings_json(user.access_keys));
    return value.dump();
}

std::string write_record(const Group& group) { return entity_json(group).dump(); }

std::string write_record(const ManagedPolicy& policy) {
    Json versions = Json::array();
    for (const auto& version : policy.versions) {
        versions.push(
            Json::object({{"id", version.id}, {"document", version.policy->text()}, {"created", time_json(version.created)}}));
    }
    return Json::object({{"account", policy.account},
                         {"path", policy.path},
                         {"name", policy.name},
                         {"id", policy.id},
                         {"arn", policy.arn},
                         {"description", policy.description},
                         {"created", time_json(policy.created)},
                         {"updated", time_json(policy.updated)},
                         {"versions", std::move(versions)},
                         {"default_version", policy.default_version},
                         {"next_version", policy.next_version},
                         {"tags", tags_json(policy.tags)}})
        .dump();
}

std::string write_record(const AccessKey& key, std::string_view sealed_secret) {
    return Json::object({{"id", key.id},
                         {"sealed_secret", sealed_secret},
                         {"account", key.account},
                         {"user_id", key.user_id},
                         {"user", key.user},
                         {"active", key.active},
                         {"created", time_json(key.created)}})
        .dump();
}

base::Result<Account> read_account(std::string_view record) {
    const Json value = TRY(read_object(record, {"id", "alias", "created", "access_keys"}));
    return Account{value["id"].as_string(), value["alias"].as_string(), read_time(value["created"]),
                   read_strings(value["access_keys"])};
}

base::Result<Role> read_role(std::string_view record) {
    const Json value = TRY(read_object(record, entity_members));
    TRY(read_object(record, {"description", "max_session_seconds", "trust", "trusted_ids", "boundary", "tags"}));
    Role role;
    read_entity(value, role);
    role.description = value["description"].as_string();
    role.max_session_seconds = value["max_session_seconds"].as_int();
    role.trust = policy::Policy::parse_stored(value["trust"].as_string(), policy::PolicyKind::trust);
    for (const auto& [arn, id] : value["trusted_ids"].members()) role.trusted_ids[arn] = id.as_string();
    role.boundary = value["boundary"].as_string();
    role.tags = read_tags(value["tags"]);
    return role;
}

base::Result<User> read_user(std::string_view record) {
    const Json value = TRY(read_object(record, entity_members));
    TRY(read_object(record, {"boundary", "tags", "groups", "access_keys"}));
    User user;
    read_entity(value, user);
    user.boundary = value["boundary"].as_string();
    user.tags = read_tags(value["tags"]);
    user.groups = read_strings(value["groups"]);
    user.access_keys = read_strings(value["access_keys"]);
    return user;
}

base::Result<Group> read_group(std::string_view record) {
    const Json value = TRY(read_object(record, entity_members));
    Group group;
    read_entity(value, group);
    return group;
}

base::Result<ManagedPolicy> read_managed_policy(std::string_view record) {
    const Json value = TRY(read_object(record, {"account", "path", "name", "id", "arn", "description", "created", "updated",
                                                "versions", "default_version", "next_version", "tags"}));
    ManagedPolicy out;
    out.account = value["account"].as_string();
    out.path = value["path"].as_string();
    out.name = value["name"].as_string();
    out.id = value["id"].as_string();
    out.arn = value["arn"].as_string();
    out.description = value["description"].as_string();
    out.created = read_time(value["created"]);
    out.updated = read_time(value["updated"]);
    for (const Json& version : value["versions"].items()) {
        out.versions.push_back({version["id"].as_string(),
                                policy::Policy::parse_stored(version["document"].as_string(), policy::PolicyKind::identity),
                                read_time(version["created"])});
    }
    out.default_version = value["default_version"].as_string();
    out.next_version = value["next_version"].as_int();
    out.tags = read_tags(value["tags"]);
    if (out.version(out.default_version) == nullptr)
        return base::fail(base::code::CorruptRecord, "a policy lacks its default version");
    return out;
}

base::Result<AccessKey> read_access_key(std::string_view record) {
    const Json value = TRY(read_object(record, {"id", "sealed_secret", "account", "user_id", "user", "active", "created"}));
    AccessKey key;
    key.id = value["id"].as_string();
    key.secret = value["sealed_secret"].as_string();
    key.account = value["account"].as_string();
    key.user_id = value["user_id"].as_string();
    key.user = value["user"].as_string();
    key.active = value["active"].as_bool();
    key.created = read_time(value["created"]);
    return key;
}

const PolicyVersion* ManagedPolicy::version(std::string_view version_id) const {
    for (const auto& one : versions) {
        if (one.id == version_id) return &one;
    }
    return nullptr;
}

}  // namespace identity
