// Tags of objects.
#include "services/s3/service.hpp"

namespace services::s3 {
namespace {

base::Error malformed_xml() {
    return {"MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"};
}
base::Error no_such_key() { return {"NoSuchKey", "The specified key does not exist."}; }

std::string versioned(const Incoming& incoming, std::string_view verb) {
    return "s3:" + std::string(verb) + (names_version(incoming) ? "ObjectVersionTagging" : "ObjectTagging");
}

Classify reading_tags(std::string verb) {
    return [verb = std::move(verb)](const Service& service, const Caller&, wire::Call&, Incoming& incoming) -> Accesses {
        TRY(check_version(incoming));
        const auto action = versioned(incoming, verb);
        return reading(service, incoming, {action});
    };
}

Accesses classify_put_tagging(const Service& service, const Caller&, wire::Call& call, Incoming& incoming) {
    TRY(check_version(incoming));
    const auto body = TRY(read_document(call, incoming, configuration_bytes_max));
    const auto xml = text::parse_xml(body);
    const auto* set = xml && xml->name == "Tagging" ? xml->child("TagSet") : nullptr;
    if (set == nullptr) return base::fail(malformed_xml());
    objects::Tags tags;
    for (const auto& tag : set->children) tags.emplace_back(tag.child_text("Key"), tag.child_text("Value"));
    TRY(objects::check_tags(tags, objects::object_tags_max));
    const auto action = versioned(incoming, "Put");
    auto accesses = TRY(reading(service, incoming, {action}));
    add_request_tags(accesses.front().context, tags);
    incoming.detail = std::move(tags);
    return accesses;
}

Answered put_tagging(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(service.storage().set_tags(incoming.bucket->name, incoming.key(), std::any_cast<const objects::Tags&>(incoming.detail),
                                   incoming.decided_with_object()));
    return empty_answer();
}

Answered get_tagging(const Service&, const gate::Permit&, wire::Call&, Incoming& incoming) {
    if (!incoming.object) return base::fail(no_such_key());
    text::XmlWriter xml;
    xml.open("Tagging", xml_namespace);
    xml.open("TagSet");
    for (const auto& [key, value] : incoming.object->tags) {
        xml.open("Tag");
        xml.element("Key", key);
        xml.element("Value", value);
        xml.close();
    }
    xml.close();
    xml.close();
    return xml_answer(xml);
}

Answered delete_tagging(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    TRY(service.storage().set_tags(incoming.bucket->name, incoming.key(), {}, incoming.decided_with_object()));
    return empty_answer(204);
}

}  // namespace

Definitions tagging_operations() {
    return {
        {"GetObjectTagging", reading_tags("Get"), get_tagging},
        {"PutObjectTagging", classify_put_tagging, put_tagging},
        {"DeleteObjectTagging", reading_tags("Delete"), delete_tagging},
    };
}

}  // namespace services::s3
