#include "services/iam/present.hpp"

#include <algorithm>

#include "base/strings.hpp"
#include "text/base64.hpp"
#include "text/time.hpp"
#include "text/uri.hpp"

namespace services::iam {

using text::Json;

namespace {

constexpr int64_t page_items_default = 100;
constexpr int64_t page_items_max = 1000;

void set_boundary(Json& out, const std::string& boundary) {
    if (boundary.empty()) return;
    out.set("PermissionsBoundary", Json::object({{"PermissionsBoundaryType", "Policy"}, {"PermissionsBoundaryArn", boundary}}));
}

}  // namespace

std::string encode_document(std::string_view document) { return text::encode_uri(document); }

Json show(const identity::Tags& tags) {
    Json list = Json::array();
    for (const auto& [key, value] : tags) list.push(Json::object({{"Key", key}, {"Value", value}}));
    return list;
}

Json show(const identity::Role& role, Detail detail, const std::optional<identity::LastUse>& last_use) {
    Json out = Json::object({{"Path", role.path},
                             {"RoleName", role.name},
                             {"RoleId", role.id},
                             {"Arn", role.arn},
                             {"CreateDate", text::iso8601(role.created)},
                             {"AssumeRolePolicyDocument", encode_document(role.trust->text())}});
    if (!role.description.empty()) out.set("Description", role.description);
    out.set("MaxSessionDuration", role.max_session_seconds);
    if (detail == Detail::list) return out;
    set_boundary(out, role.boundary);
    if (!role.tags.empty()) out.set("Tags", show(role.tags));
    Json used = Json::object();
    if (last_use) {
        used.set("LastUsedDate", text::iso8601(last_use->time));
        used.set("Region", last_use->region);
    }
    out.set("RoleLastUsed", std::move(used));
    return out;
}

Json show(const identity::User& user, Detail detail) {
    Json out = Json::object({{"Path", user.path},
                             {"UserName", user.name},
                             {"UserId", user.id},
                             {"Arn", user.arn},
                             {"CreateDate", text::iso8601(user.created)}});
    if (detail == Detail::list) return out;
    set_boundary(out, user.boundary);
    if (!user.tags.empty()) out.set("Tags", show(user.tags));
    return out;
}

Json show(const identity::Group& group) {
    return Json::object({{"Path", group.path},
                         {"GroupName", group.name},
                         {"GroupId", group.id},
                         {"Arn", group.arn},
                         {"CreateDate", text::iso8601(group.created)}});
}

Json show(const identity::ManagedPolicy& policy, const identity::UsageCount& usage, Detail detail) {
    Json out = Json::object({{"PolicyName", policy.name},
                             {"PolicyId", policy.id},
                             {"Arn", policy.arn},
                             {"Path", policy.path},
                             {"DefaultVersionId", policy.default_version},
                             {"AttachmentCount", usage.attachments},
                             {"PermissionsBoundaryUsageCount", usage.boundaries},
                             {"IsAttachable", true},
                             {"CreateDate", text::iso8601(policy.created)},
                             {"UpdateDate", text::iso8601(policy.updated)}});
    if (detail == Detail::list) return out;
    if (!policy.description.empty()) out.set("Description", policy.description);
    out.set("Tags", show(policy.tags));
    return out;
}

Json show(const identity::ManagedPolicy& policy, const identity::PolicyVersion& version, bool with_document) {
    Json out = Json::object();
    if (with_document) out.set("Document", encode_document(version.policy->text()));
    out.set("VersionId", version.id);
    out.set("IsDefaultVersion", version.id == policy.default_version);
    out.set("CreateDate", text::iso8601(version.created));
    return out;
}

Json show(const identity::AccessKey& key) {
    return Json::object(
        {{"AccessKeyId", key.id}, {"Status", key.active ? "Active" : "Inactive"}, {"CreateDate", text::iso8601(key.created)}});
}

identity::Tags read_tags(const Json& list) {
    identity::Tags tags;
    for (const Json& tag : list.items()) tags.emplace_back(tag["Key"].as_string(), tag["Value"].as_string());
    return tags;
}

std::vector<std::string> read_strings(const Json& list) {
    std::vector<std::string> strings;
    for (const Json& item : list.items()) strings.push_back(item.as_string());
    return strings;
}

base::Result<Page> Page::of(const Json& input) {
    Page out;
    out.most_ = static_cast<size_t>(std::clamp<int64_t>(input["MaxItems"].as_int(page_items_default), 1, page_items_max));
    if (input.contains("Marker")) {
        auto marker = text::decode_base64(input["Marker"].as_string());
        if (!marker || marker->empty()) return base::fail("ValidationError", "Invalid Marker.");
        out.after_ = std::move(*marker);
    }
    return out;
}

Json Page::result() const {
    Json out = Json::object({{"IsTruncated", truncated_}});
    if (truncated_) out.set("Marker", text::encode_base64(last_));
    return out;
}

Json Page::result(std::string_view member) && {
    Json out = Json::object({{std::string(member), Json::array(std::move(rows_))}, {"IsTruncated", truncated_}});
    if (truncated_) out.set("Marker", text::encode_base64(last_));
    return out;
}

base::Result<Json> page(const Json& input, std::string_view member, std::vector<Row> rows) {
    Page page = TRY(Page::of(input));
    std::ranges::sort(rows, {}, &Row::key);
    for (auto row = std::ranges::upper_bound(rows, page.after(), {}, &Row::key); row != rows.end(); ++row)
        if (!page.add(row->key, [&] { return std::move(row->value); })) break;
    return std::move(page).result(member);
}

}  // namespace services::iam
