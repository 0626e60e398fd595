// DeleteObject and DeleteObjects.
//
// DeleteObjects decides for each key: a refused one is an error inside the 200, as AWS has it, and the rest are deleted.
#include <array>

#include "base/error_codes.hpp"
#include "base/outdated.hpp"
#include "model/s3/deletion.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

constexpr size_t delete_objects_max = 1000;

Result<m::DeleteObject::Output> delete_object(S3& s3, const Permit&, const m::DeleteObject::Input& in) {
    objects::Conditions conditions;
    conditions.if_match = in.if_match;
    TRY(s3.storage.delete_object(in.bucket, in.key, conditions));
    return m::DeleteObject::Output{};
}

// What was decided on; each key opens with the permit alone.
struct Deletion {
    std::string bucket;
    std::vector<gate::AuthorizedInput<std::string>> keys;
};

Result<RequiredAccesses<Deletion>> delete_needs(const S3&, const RequestOrigin& asking, const m::DeleteObjects::Input& in) {
    const auto& objects = in.delete_.objects;
    if (objects.empty() || objects.size() > delete_objects_max) return base::fail(malformed_xml());
    RequiredAccesses<Deletion> needs;
    needs.prepared.bucket = in.bucket;
    for (const auto& object : objects) {
        const auto action = object.version_id ? m::Action::s3_DeleteObjectVersion : m::Action::s3_DeleteObject;
        const auto described = TRY(asking.find("arn:aws:s3:::" + in.bucket + "/" + object.key, action));
        needs.prepared.keys.push_back(needs.separate(action, described, object.key));
    }
    return needs;
}

// One outcome an object.
using Outcomes = std::vector<Result<void>>;

Outcomes delete_each(S3& s3, const Permit& permit, const std::vector<m::ObjectIdentifier>& objects, Deletion deletion) {
    const std::string& bucket = deletion.bucket;
    Outcomes outcomes(objects.size());
    std::vector<std::string> plain;  // one commit deletes these
    std::vector<size_t> places;
    for (size_t at = 0; at < objects.size(); ++at) {
        auto key = permit.open(std::move(deletion.keys[at]));
        if (!key) {
            outcomes[at] = base::fail(std::move(key).error());
        } else if (objects[at].version_id.value_or("null") != "null") {
            outcomes[at] = base::fail(base::code::NoSuchVersion, "The specified version does not exist.");
        } else if (objects[at].e_tag) {
            outcomes[at] = s3.storage.delete_object(bucket, *key, {.if_match = objects[at].e_tag});
        } else {
            plain.push_back(std::move(*key));
            places.push_back(at);
        }
    }
    auto deleted = s3.storage.delete_objects(bucket, plain);
    for (size_t i = 0; i < plain.size(); ++i) outcomes[places[i]] = std::move(deleted[i]);
    return outcomes;
}

Result<m::DeleteObjects::Output> delete_objects(S3& s3, const Permit& permit, const m::DeleteObjects::Input& in,
                                                Deletion&& deletion) {
    const auto outcomes = delete_each(s3, permit, in.delete_.objects, std::move(deletion));
    // The rest is decided again; what is deleted already stays so.
    for (const auto& outcome : outcomes)
        if (!outcome && outcome.error().code == base::decision_outdated) return base::fail(outcome.error());

    std::vector<m::DeletedObject> deleted;
    std::vector<m::Error> errors;
    for (size_t at = 0; at < outcomes.size(); ++at) {
        const auto& object = in.delete_.objects[at];
        if (outcomes[at]) {
            if (!in.delete_.quiet.value_or(false)) deleted.push_back({.key = object.key, .version_id = object.version_id});
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
    operation<m::DeleteObject, delete_object>(),
    operation<m::DeleteObjects, delete_objects, delete_needs>(),
});

}  // namespace

Rows delete_operations() { return operations; }

}  // namespace services::s3
