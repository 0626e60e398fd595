// ListObjects (v1), ListObjectsV2, ListObjectVersions: three dresses of one listing.
#include "services/s3/service.hpp"
#include "text/time.hpp"

namespace services::s3 {
namespace {

struct Wanted {
    objects::ListRequest list;
    bool url_encoding = false;
};

base::Result<Wanted> read_wanted(const Incoming& incoming, std::string after) {
    Wanted wanted;
    wanted.list = {
        incoming.bucket->name, incoming.parameter("prefix"), incoming.parameter("delimiter"), std::move(after), list_max,
        incoming.decided()};
    if (const auto* value = incoming.uri.parameter("max-keys"); value != nullptr && !value->empty()) {
        wanted.list.max_keys = TRY(read_number("max-keys", *value, list_max));
    }
    wanted.url_encoding = TRY(wants_url_encoding(incoming));
    return wanted;
}

// The keys say what will be listed; one that the request does not name is absent, as in AWS.
Classify listing(std::string action) {
    return [action = std::move(action)](const Service&, const Caller&, wire::Call&, Incoming& incoming) -> Accesses {
        auto access = bucket_access(*incoming.bucket, action);
        const auto wanted = TRY(read_wanted(incoming, {}));
        const auto said = [&](std::string_view name) { return incoming.uri.parameter(name) != nullptr; };
        if (said("prefix")) access.context.set("s3:prefix", wanted.list.prefix);
        if (said("delimiter")) access.context.set("s3:delimiter", wanted.list.delimiter);
        if (said("max-keys")) access.context.set("s3:max-keys", std::to_string(wanted.list.max_keys));
        // A parameter that is there again with another value makes its key ambiguous (R81).
        for (const std::string_view name : {"prefix", "delimiter", "max-keys"}) {
            for (const auto& [other, value] : incoming.uri.query)
                if (other == name && value != *incoming.uri.parameter(name)) access.context.set("s3:" + other, value);
        }
        return std::vector{std::move(access)};
    };
}

void write_common(text::XmlWriter& xml, const Wanted& wanted, const objects::Listing& listing) {
    xml.element("Name", wanted.list.bucket);
    xml.element("Prefix", encoded(wanted.list.prefix, wanted.url_encoding));
    if (!wanted.list.delimiter.empty()) xml.element("Delimiter", encoded(wanted.list.delimiter, wanted.url_encoding));
    xml.element("MaxKeys", std::to_string(wanted.list.max_keys));
    if (wanted.url_encoding) xml.element("EncodingType", "url");
    xml.element("IsTruncated", listing.truncated ? "true" : "false");
}

// `owner` empty: without owners.
void write_entries(text::XmlWriter& xml, const Wanted& wanted, const objects::Listing& listing, std::string_view element,
                   const std::string& owner) {
    for (const auto& object : listing.objects) {
        xml.open(element);
        xml.element("Key", encoded(object.key, wanted.url_encoding));
        if (element == "Version") {
            xml.element("VersionId", "null");
            xml.element("IsLatest", "true");
        }
        xml.element("LastModified", text::iso8601_millis(object.last_modified));
        xml.element("ETag", quoted(object.etag));
        if (object.checksum) {
            xml.element("ChecksumAlgorithm", objects::name_of(object.checksum->kind));
            xml.element("ChecksumType", objects::name_of(object.checksum->type));
        }
        xml.element("Size", std::to_string(object.size));
        if (!owner.empty()) write_owner(xml, "Owner", owner);
        xml.element("StorageClass", "STANDARD");
        xml.close();
    }
    for (const auto& prefix : listing.common_prefixes) {
        xml.open("CommonPrefixes");
        xml.element("Prefix", encoded(prefix, wanted.url_encoding));
        xml.close();
    }
}

// S3 says where the bucket is with every page of these two.
wire::Answer page(text::XmlWriter& xml, const objects::Bucket& bucket) {
    auto answer = xml_answer(xml);
    answer.raw->headers.set("x-amz-bucket-region", bucket.region);
    return answer;
}

Answered list_v1(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto marker = incoming.parameter("marker");
    const auto wanted = TRY(read_wanted(incoming, marker));
    const auto listing = TRY(service.storage().list(wanted.list));
    text::XmlWriter xml;
    xml.open("ListBucketResult", xml_namespace);
    xml.element("Marker", encoded(marker, wanted.url_encoding));
    if (listing.truncated && !wanted.list.delimiter.empty())
        xml.element("NextMarker", encoded(listing.next, wanted.url_encoding));
    write_common(xml, wanted, listing);
    write_entries(xml, wanted, listing, "Contents", incoming.bucket->account);
    xml.close();
    return page(xml, *incoming.bucket);
}

Answered list_v2(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto* token = incoming.uri.parameter("continuation-token");
    const auto start_after = incoming.parameter("start-after");
    auto after = start_after;
    if (token != nullptr) {
        after = TRY(read_token(*token));
    }
    const auto wanted = TRY(read_wanted(incoming, after));
    const auto listing = TRY(service.storage().list(wanted.list));
    text::XmlWriter xml;
    xml.open("ListBucketResult", xml_namespace);
    write_common(xml, wanted, listing);
    if (token != nullptr) xml.element("ContinuationToken", *token);
    if (listing.truncated) xml.element("NextContinuationToken", token_for(listing.next));
    if (!start_after.empty()) xml.element("StartAfter", encoded(start_after, wanted.url_encoding));
    xml.element("KeyCount", std::to_string(listing.objects.size() + listing.common_prefixes.size()));
    write_entries(xml, wanted, listing, "Contents", incoming.parameter("fetch-owner") == "true" ? incoming.bucket->account : "");
    xml.close();
    return page(xml, *incoming.bucket);
}

// Without versions every object is the latest of its only one.
Answered list_versions(const Service& service, const gate::Permit&, wire::Call&, Incoming& incoming) {
    const auto marker = incoming.parameter("key-marker");
    const auto wanted = TRY(read_wanted(incoming, marker));
    const auto listing = TRY(service.storage().list(wanted.list));
    text::XmlWriter xml;
    xml.open("ListVersionsResult", xml_namespace);
    xml.element("KeyMarker", encoded(marker, wanted.url_encoding));
    xml.element("VersionIdMarker", incoming.parameter("version-id-marker"));
    if (listing.truncated) {
        xml.element("NextKeyMarker", encoded(listing.next, wanted.url_encoding));
        xml.element("NextVersionIdMarker", "null");
    }
    write_common(xml, wanted, listing);
    write_entries(xml, wanted, listing, "Version", incoming.bucket->account);
    xml.close();
    return xml_answer(xml);
}

}  // namespace

Definitions listing_operations() {
    return {
        {"ListObjects", listing("s3:ListBucket"), list_v1},
        {"ListObjectsV2", listing("s3:ListBucket"), list_v2},
        {"ListObjectVersions", listing("s3:ListBucketVersions"), list_versions},
    };
}

}  // namespace services::s3
