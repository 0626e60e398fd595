// DeleteObject and DeleteObjects.
//
// DeleteObjects decides for each key: a refused one is an error inside the 200, as AWS has it, and the rest are deleted.
#include <array>

#include "base/error_codes.hpp"
#include "base/outdated.hpp"
#include "model/s3/deletion.hpp"
#include "services/s3/members.hpp"

namespace services::s3 {
namespace {

constexpr size_t delete_objects_max = 1000;

// Of a delete: which action, on what, with which keys. A version's id that is none names nothing: the storage says so.
struct Asked {
    std::string arn;
    std::optional<std::string> version;
    policy::Context keys;
    [[nodiscard]] model::ActionName action() const {
        return version ? m::Action::s3_DeleteObjectVersion : m::Action::s3_DeleteObject;
    }
};

Asked asked_of(const std::string& bucket, const std::string& key, const std::optional<std::string>& version,
               const std::optional<std::string>& if_match) {
    Asked asked{.arn = "arn:aws:s3:::" + bucket + "/" + key, .version = version, .keys = version_keys(version)};
    if (if_match) asked.keys.set("s3:if-match", *if_match);
    return asked;
}

// --- DeleteObject ---

Result<RequiredAccesses<Located>> delete_one_needs(const S3&, const RequestOrigin& asking, const m::DeleteObject::Input& in) {
    const auto asked = asked_of(in.bucket, in.key, in.version_id, in.if_match);
    const auto object = TRY(asking.find(asked.arn, asked.action(), {}, &asked.keys));
    RequiredAccesses<Located> needs(*object.found.as<Located>());
    needs.add(asked.action(), object, asked.keys);
    if (in.bypass_governance_retention.value_or(false)) needs.add(m::Action::s3_BypassGovernanceRetention, object, asked.keys);
    return needs;
}

Result<m::DeleteObject::Output> delete_object(S3& s3, const Permit&, const m::DeleteObject::Input& in, Located&& located) {
    objects::Deletion deletion{.key = in.key, .version = in.version_id};
    deletion.conditions.if_match = in.if_match;
    deletion.conditions.if_match_modified = in.if_match_last_modified_time;
    if (in.if_match_size) deletion.conditions.if_match_size = static_cast<uint64_t>(*in.if_match_size);
    deletion.bypasses_governance = in.bypass_governance_retention.value_or(false);
    if (in.version_id && *in.version_id != objects::null_version && !objects::is_version_id(*in.version_id))
        return base::fail(invalid_version(*in.version_id));
    const auto deleted = TRY(s3.storage.delete_object(in.bucket, deletion));
    m::DeleteObject::Output out;
    if (deleted.delete_marker) out.delete_marker = true;
    if (!deleted.version_id.empty() && located.bucket->is_versioned()) out.version_id = deleted.version_id;
    return out;
}

// --- DeleteObjects ---

// What was decided on; each opens with the permit alone.
struct Deletions {
    std::string bucket;
    std::vector<gate::AuthorizedInput<objects::Deletion>> deletions;
    std::vector<std::optional<gate::AuthorizedInput<bool>>> bypasses;  // of those that bypass governance
};

objects::Deletion deletion_of(const m::ObjectIdentifier& object) {
    objects::Deletion deletion{.key = object.key, .version = object.version_id};
    deletion.conditions.if_match = object.e_tag;
    deletion.conditions.if_match_modified = object.last_modified_time;
    if (object.size) deletion.conditions.if_match_size = static_cast<uint64_t>(*object.size);
    return deletion;
}

Result<RequiredAccesses<Deletions>> delete_needs(const S3&, const RequestOrigin& asking, const m::DeleteObjects::Input& in) {
    const auto& objects = in.delete_.objects;
    if (objects.empty() || objects.size() > delete_objects_max) return base::fail(malformed_xml());
    RequiredAccesses<Deletions> needs;
    needs.prepared.bucket = in.bucket;
    for (const auto& object : objects) {
        const auto asked = asked_of(in.bucket, object.key, object.version_id, object.e_tag);
        const auto described = TRY(asking.find(asked.arn, asked.action(), {}, &asked.keys));
        needs.prepared.deletions.push_back(needs.separate(asked.action(), described, deletion_of(object), asked.keys));
        auto& bypass = needs.prepared.bypasses.emplace_back();
        if (in.bypass_governance_retention.value_or(false) && object.version_id)
            bypass = needs.separate(m::Action::s3_BypassGovernanceRetention, described, true, asked.keys);
    }
    return needs;
}

// One outcome an object.
using Outcomes = std::vector<Result<objects::Deleted>>;

Outcomes delete_each(S3& s3, const Permit& permit, Deletions asked) {
    Outcomes outcomes(asked.deletions.size());
    std::vector<objects::Deletion> allowed;
    std::vector<size_t> places;
    for (size_t at = 0; at < asked.deletions.size(); ++at) {
        auto deletion = permit.open(std::move(asked.deletions[at]));
        if (deletion && asked.bypasses[at]) {
            if (auto bypass = permit.open(*std::move(asked.bypasses[at])); !bypass)
                deletion = base::fail(std::move(bypass).error());
            else
                deletion->bypasses_governance = true;
        }
        if (!deletion) {
            outcomes[at] = base::fail(std::move(deletion).error());
            continue;
        }
        allowed.push_back(std::move(*deletion));
        places.push_back(at);
    }
    auto deleted = s3.storage.delete_objects(asked.bucket, allowed);
    for (size_t i = 0; i < allowed.size(); ++i) outcomes[places[i]] = std::move(deleted[i]);
    return outcomes;
}

m::DeletedObject shown_deleted(const m::ObjectIdentifier& object, const objects::Deleted& deleted) {
    m::DeletedObject shown{.key = object.key, .version_id = object.version_id};
    if (deleted.delete_marker) {
        shown.delete_marker = true;
        shown.delete_marker_version_id = deleted.version_id;
    }
    return shown;
}

Result<m::DeleteObjects::Output> delete_objects(S3& s3, const Permit& permit, const m::DeleteObjects::Input& in,
                                                Deletions&& deletions) {
    const auto outcomes = delete_each(s3, permit, std::move(deletions));
    // The rest is decided again; what is deleted already stays so.
    for (const auto& outcome : outcomes)
        if (!outcome && outcome.error().code == base::decision_outdated) return base::fail(outcome.error());

    std::vector<m::DeletedObject> deleted;
    std::vector<m::Error> errors;
    for (size_t at = 0; at < outcomes.size(); ++at) {
        const auto& object = in.delete_.objects[at];
        if (outcomes[at]) {
            if (!in.delete_.quiet.value_or(false)) deleted.push_back(shown_deleted(object, *outcomes[at]));
            continue;
        }
        const auto& error = outcomes[at].error();
        errors.push_back({.key = object.key,
                          .version_id = object.version_id,
                          .code = error.code,
                          .message = error.code == base::code::InternalError
                                         ? "We encountered an internal error. Please try again."
                                         : error.message});
    }
    return m::DeleteObjects::Output{.deleted = std::move(deleted), .errors = std::move(errors)};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::DeleteObject, delete_object, delete_one_needs>(),
    operation<m::DeleteObjects, delete_objects, delete_needs>(),
});

}  // namespace

Rows delete_operations() { return operations; }

}  // namespace services::s3
