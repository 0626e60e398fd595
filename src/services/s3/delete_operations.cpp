// DeleteObject and DeleteObjects.
//
// DeleteObjects decides for each key: a refused one is an error inside the 200, as AWS has it, and the rest are deleted.
#include "base/outdated.hpp"
#include "base/strings.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

constexpr size_t delete_body_bytes_max = 2u << 20;
constexpr size_t delete_objects_max = 1000;

base::Error malformed_xml() {
    return {"MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"};
}

Accesses classify_delete(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    TRY(check_version(incoming));
    auto access =
        object_access(*incoming.bucket, incoming.key(), names_version(incoming) ? "s3:DeleteObjectVersion" : "s3:DeleteObject");
    add_condition_keys(access.context, call.http->head.headers);
    return std::vector{std::move(access)};
}

Answered delete_object(const Service& service, const gate::Permit&, wire::Call& call, Incoming& incoming) {
    objects::Conditions conditions;
    if (const auto* etag = call.http->head.headers.find("if-match")) conditions.if_match = *etag;
    TRY(service.storage().delete_object(incoming.bucket->name, incoming.key(), conditions, incoming.decided()));
    return empty_answer(204);
}

struct Doomed {
    std::string key, version;
    std::optional<std::string> etag;
    bool versioned = false;
};
struct DeleteList {
    std::vector<Doomed> objects;
    bool quiet = false;
};

base::Result<DeleteList> read_delete_list(wire::Call& call, Incoming& incoming) {
    const auto& headers = call.http->head.headers;
    bool protected_body = headers.find("content-md5") != nullptr || headers.find("x-amz-trailer") != nullptr;
    for (const auto kind : objects::checksum_kinds) protected_body |= headers.find(objects::header_of(kind)) != nullptr;
    if (!protected_body)
        return base::fail("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    const auto body = TRY(read_document(call, incoming, delete_body_bytes_max));
    const auto xml = text::parse_xml(body);
    if (!xml || xml->name != "Delete") return base::fail(malformed_xml());
    DeleteList list;
    list.quiet = base::equals_ignoring_case(base::trim(xml->child_text("Quiet")), "true");
    for (const auto& child : xml->children) {
        if (child.name == "Quiet") continue;
        if (child.name != "Object" || child.child("Key") == nullptr) return base::fail(malformed_xml());
        for (const std::string_view unsupported : {"LastModifiedTime", "Size"}) {
            if (child.child(unsupported) != nullptr)
                return base::fail("NotImplemented",
                                  "Conditional deletes by " + std::string(unsupported) + " are not implemented");
        }
        Doomed doomed{child.child_text("Key"), child.child_text("VersionId"), std::nullopt, child.child("VersionId") != nullptr};
        if (child.child("ETag") != nullptr) doomed.etag = child.child_text("ETag");
        list.objects.push_back(std::move(doomed));
    }
    if (list.objects.empty() || list.objects.size() > delete_objects_max) return base::fail(malformed_xml());
    return list;
}

Accesses classify_delete_objects(const Service&, const Caller&, wire::Call& call, Incoming& incoming) {
    auto list = TRY(read_delete_list(call, incoming));
    std::vector<gate::Access> accesses;
    for (const auto& doomed : list.objects) {
        auto access =
            object_access(*incoming.bucket, doomed.key, doomed.versioned ? "s3:DeleteObjectVersion" : "s3:DeleteObject");
        access.separate = true;
        accesses.push_back(std::move(access));
    }
    incoming.detail = std::move(list);
    return accesses;
}

Answered delete_objects(const Service& service, const gate::Permit& permit, wire::Call&, Incoming& incoming) {
    const auto& list = std::any_cast<const DeleteList&>(incoming.detail);
    const auto& bucket = incoming.bucket->name;
    std::vector<std::optional<base::Error>> errors(list.objects.size());
    std::vector<std::string> plain;  // one commit deletes these
    std::vector<size_t> plain_indexes;
    for (size_t index = 0; index < list.objects.size(); ++index) {
        const auto& doomed = list.objects[index];
        if (const auto* refusal = permit.refusal(index)) {
            errors[index] = base::Error("AccessDenied", *refusal);
        } else if (doomed.versioned && doomed.version != "null") {
            errors[index] = base::Error("NoSuchVersion", "The specified version does not exist.");
        } else if (doomed.etag) {
            const auto deleted =
                service.storage().delete_object(bucket, doomed.key, {.if_match = doomed.etag}, incoming.decided());
            if (!deleted) errors[index] = deleted.error();
        } else {
            plain.push_back(doomed.key);
            plain_indexes.push_back(index);
        }
    }
    const auto outcomes = service.storage().delete_objects(bucket, plain, incoming.decided());
    for (size_t at = 0; at < plain.size(); ++at) {
        if (!outcomes[at]) errors[plain_indexes[at]] = outcomes[at].error();
    }
    // The rest is decided again; what is deleted already stays so.
    for (const auto& error : errors) {
        if (error && error->code == base::decision_outdated) return base::fail(*error);
    }

    text::XmlWriter xml;
    xml.open("DeleteResult", xml_namespace);
    for (size_t index = 0; index < list.objects.size(); ++index) {
        const auto& doomed = list.objects[index];
        if (list.quiet && !errors[index]) continue;
        xml.open(errors[index] ? "Error" : "Deleted");
        xml.element("Key", doomed.key);
        if (doomed.versioned) xml.element("VersionId", doomed.version);
        if (errors[index]) {
            xml.element("Code", errors[index]->code);
            xml.element("Message", errors[index]->code == "InternalError" ? "We encountered an internal error. Please try again."
                                                                          : errors[index]->message);
        }
        xml.close();
    }
    xml.close();
    return xml_answer(xml);
}

}  // namespace

Definitions delete_operations() {
    return {
        {"DeleteObject", classify_delete, delete_object},
        {"DeleteObjects", classify_delete_objects, delete_objects},
    };
}

}  // namespace services::s3
