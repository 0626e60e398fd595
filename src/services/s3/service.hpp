// What the files of this folder share: the request as S3 sees it, the accesses it needs, the answers it gets.
#pragma once

#include <any>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/s3/operations.hpp"
#include "text/xml.hpp"
#include "wire/call.hpp"
#include "wire/s3_request.hpp"

namespace services::s3 {

using Accesses = base::Result<std::vector<gate::Access>>;
using Answered = base::Result<wire::Answer>;
using identity::Caller;
using PrincipalIds = std::map<std::string, std::string>;  // of the ARNs that a policy names
using FindPrincipal = std::function<std::optional<std::string>(const std::string& arn)>;

constexpr std::string_view xml_namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
constexpr size_t configuration_bytes_max = 64 * 1024;  // of the XML documents that configure a bucket
constexpr size_t list_max = 1000;

// What was read of a request's body. It outlives a decision: a request that is decided again has no second body.
struct Kept {
    std::optional<std::string> document;
    std::shared_ptr<objects::ReceivedBody> received;
};

// One request from classify to handle (wire::Call::prepared).
struct Incoming {
    wire::S3Request uri;
    objects::BucketPtr bucket;  // null for CreateBucket and ListBuckets
    objects::ObjectPtr object;  // of operations on an object that classify looked up; null if it is not there
    std::any detail;            // what the operation's classify parsed for its handle
    std::shared_ptr<Kept> kept = std::make_shared<Kept>();

    // What the request was decided on, for the call of Storage that does it: the bucket, or the bucket and what `reading` found.
    [[nodiscard]] objects::DecidedOn decided() const { return {bucket, {}}; }
    [[nodiscard]] objects::DecidedOn decided_with_object() const { return {bucket, object}; }
    [[nodiscard]] const std::string& key() const { return uri.key; }
    [[nodiscard]] std::string parameter(std::string_view name) const {
        const auto* value = uri.parameter(name);
        return value == nullptr ? std::string() : *value;
    }
};

struct Service {
    Dependencies parts;
    [[nodiscard]] objects::Storage& storage() const { return *parts.storage; }
};

// One operation. `classify` of most is one action on the bucket or on the object.
using Classify = std::function<Accesses(const Service&, const Caller&, wire::Call&, Incoming&)>;
using Handle = std::function<Answered(const Service&, const gate::Permit&, wire::Call&, Incoming&)>;
struct Definition {
    std::string_view name;
    Classify classify;
    Handle handle;
    bool needs_bucket = true;
};
using Definitions = std::vector<Definition>;

// Each file's share.
[[nodiscard]] Definitions bucket_operations();
[[nodiscard]] Definitions bucket_configuration_operations();
[[nodiscard]] Definitions unconfigured_operations();
[[nodiscard]] Definitions object_operations();
[[nodiscard]] Definitions copy_operations();
[[nodiscard]] Definitions tagging_operations();
[[nodiscard]] Definitions delete_operations();
[[nodiscard]] Definitions listing_operations();
[[nodiscard]] Definitions multipart_operations();
[[nodiscard]] Definitions control_operations();

// --- access.cpp ---------------------------------------------------------------------------------------------------------

[[nodiscard]] gate::Access bucket_access(const objects::Bucket& bucket, std::string action);
[[nodiscard]] gate::Access object_access(const objects::Bucket& bucket, std::string_view key, std::string action);
// Classify with just that action.
[[nodiscard]] Classify on_bucket(std::string action);
[[nodiscard]] Classify on_object(std::string action);
// The condition keys of a request, each with the value that the operation will use (R82). REQUIRES of all: headers that
// `check_headers` and, for what writes an object, `refuse_unsupported` have passed.
void add_write_keys(policy::Context& context, const http::Headers& headers);      // of what makes an object: s3:x-amz-acl, …
void add_condition_keys(policy::Context& context, const http::Headers& headers);  // s3:if-match, s3:if-none-match
// Whether this call is the one that brings the object about (PutObject), or a step on the way (UploadPart).
void add_creation_key(policy::Context& context, bool creates);
void add_existing_tags(policy::Context& context, const objects::Tags& tags);  // s3:ExistingObjectTag/…
void add_request_tags(policy::Context& context, const objects::Tags& tags);   // s3:RequestObjectTag/…, s3:RequestObjectTagKeys
// The object that a reading operation is about. Of what is not there, only who may list the bucket learns that: the second
// access.
[[nodiscard]] Accesses reading(const Service& service, Incoming& incoming, std::initializer_list<std::string_view> actions);

// --- headers.cpp --------------------------------------------------------------------------------------------------------

// Of every request: a header that may stand there once must not stand there twice with different values (R81), and nothing is
// asked of encryption, which does not exist here.
[[nodiscard]] base::Result<void> check_headers(const http::RequestHead& head);
// Headers that ask for what is not here are refused by name: object lock, ACLs that would change something, storage classes.
// `owner`: the account of the bucket, which has full control in any case.
[[nodiscard]] base::Result<void> refuse_unsupported(const http::Headers& headers, std::string_view owner);
// An `x-amz-…` header with a value; nullptr also of an empty one, which asks for as little as none (s3fs sends `x-amz-acl:` with
// nothing after it).
[[nodiscard]] const std::string* said(const http::Headers& headers, std::string_view name);
[[nodiscard]] bool names_acl(const http::Headers& headers);  // x-amz-acl or x-amz-grant-…
// x-amz-grant-full-control that names this account and nobody else: what it has without ACLs.
[[nodiscard]] bool grants_only(std::string_view value, std::string_view account);
// `versionId` may be absent or `null`: versions do not exist here.
[[nodiscard]] base::Result<void> check_version(const Incoming& incoming);
[[nodiscard]] bool names_version(const Incoming& incoming);
[[nodiscard]] objects::Attributes read_attributes(const http::Headers& headers);
[[nodiscard]] base::Result<objects::Tags> read_tagging_header(const http::Headers& headers);  // x-amz-tagging: a=b&c=d
[[nodiscard]] objects::Conditions read_conditions(const http::Headers& headers, std::string_view prefix = "");
// Of a write: dates are no conditions, and If-None-Match is `*`. Error `NotImplemented`.
[[nodiscard]] base::Result<objects::Conditions> read_write_conditions(const http::Headers& headers);
// The checksum that a client sends or asks for: x-amz-checksum-*, x-amz-trailer, x-amz-sdk-checksum-algorithm,
// x-amz-checksum-algorithm.
[[nodiscard]] base::Result<std::optional<objects::ChecksumKind>> read_checksum_kind(const http::Headers& headers);
[[nodiscard]] base::Result<uint64_t> read_number(const std::string& name, const std::string& value, uint64_t most);
[[nodiscard]] objects::Source source_of(http::BodyReader& body);
// The whole body, once; every later call for the same request gets the same text.
[[nodiscard]] base::Result<std::string> read_document(wire::Call& call, Incoming& incoming, size_t bytes_max);

// --- answers.cpp --------------------------------------------------------------------------------------------------------

[[nodiscard]] wire::Answer empty_answer(int status = 200);
[[nodiscard]] wire::Answer xml_answer(text::XmlWriter& xml);
[[nodiscard]] std::string quoted(std::string_view etag);
// The canonical user id of an account: 64 hex digits, the same for ever.
[[nodiscard]] std::string canonical_id(std::string_view account);
void write_owner(text::XmlWriter& xml, std::string_view element, std::string_view account);
void add_checksum(http::Headers& headers, const objects::Checksum& checksum);
void write_checksum(text::XmlWriter& xml, const objects::Checksum& checksum);
// ETag, Last-Modified, content headers, user metadata.
void add_object_headers(http::Headers& headers, const objects::Object& object);
// As `encoding-type=url` wants keys and prefixes; unchanged without it.
[[nodiscard]] base::Result<bool> wants_url_encoding(const Incoming& incoming);
[[nodiscard]] std::string encoded(std::string_view key, bool url_encoding);
// A continuation token: where a page ended. Opaque to clients, no secret, and refused (`InvalidArgument`) if it is not ours.
[[nodiscard]] std::string token_for(std::string_view last);
[[nodiscard]] base::Result<std::string> read_token(std::string_view token);

// --- bucket_policy.cpp --------------------------------------------------------------------------------------------------

// Everything that S3 checks of a policy before it becomes this bucket's. Errors: `MalformedPolicy`, `PolicyTooLarge`.
[[nodiscard]] base::Result<PrincipalIds> check_bucket_policy(std::string_view document, const objects::Bucket& bucket,
                                                             const FindPrincipal& principal_id);
// The policy as it was put, except that principals who are gone since are shown by their ids, as AWS does.
[[nodiscard]] std::string shown_bucket_policy(const objects::BucketConfiguration& configuration,
                                              const FindPrincipal& principal_id);

}  // namespace services::s3
