#include "wire/s3_error.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error_codes.hpp"
#include "text/uri.hpp"
#include "wire/s3_request.hpp"

namespace wire {
namespace {

constexpr std::string_view bucket_name = "BucketName", key_name = "Key", upload_id = "UploadId", method = "Method",
                           resource_type = "ResourceType", range_requested = "RangeRequested";

struct CodeMembers {
    std::string_view code;
    std::array<std::string_view, 6> names;
};

constexpr std::array code_members = std::to_array<CodeMembers>({
    {base::code::AccessDenied, {"HeadersNotSigned", "X-Amz-Expires", "Expires", "ServerTime"}},
    {base::code::AccessForbidden, {method, resource_type}},
    {base::code::AuthorizationHeaderMalformed, {"Region"}},
    {base::code::BadDigest, {"ExpectedDigest", "CalculatedDigest"}},
    {base::code::BucketAlreadyExists, {bucket_name}},
    {base::code::BucketAlreadyOwnedByYou, {bucket_name}},
    {base::code::BucketNotEmpty, {bucket_name}},
    {base::code::EntityTooLarge, {"ProposedSize", "MaxSizeAllowed"}},
    {base::code::EntityTooSmall, {"ProposedSize", "MinSizeAllowed", "PartNumber", "ETag"}},
    {base::code::IncompleteBody, {"NumberBytesExpected", "NumberBytesProvided"}},
    {base::code::InvalidAccessKeyId, {"AWSAccessKeyId"}},
    {base::code::InvalidArgument, {"ArgumentName", "ArgumentValue"}},
    {base::code::InvalidBucketName, {bucket_name}},
    {base::code::InvalidDigest, {"Content-MD5"}},
    {base::code::InvalidEncryptionAlgorithmError, {"ArgumentName", "ArgumentValue"}},
    {base::code::InvalidPart, {upload_id, "PartNumber", "ETag"}},
    {base::code::InvalidPartOrder, {upload_id}},
    {base::code::InvalidRange, {range_requested, "ActualObjectSize"}},
    {base::code::InvalidTag, {"TagKey", "TagValue"}},
    {base::code::KeyTooLongError, {"Size", "MaxSizeAllowed"}},
    {base::code::MaxPostPreDataLengthExceededError, {"MaxPostPreDataLengthBytes"}},
    {base::code::MetadataTooLarge, {"Size", "MaxSizeAllowed"}},
    {base::code::MethodNotAllowed, {method, resource_type}},
    {base::code::NoSuchBucket, {bucket_name}},
    {base::code::NoSuchBucketPolicy, {bucket_name}},
    {base::code::NoSuchKey, {key_name}},
    {base::code::NoSuchPublicAccessBlockConfiguration, {bucket_name}},
    {base::code::NoSuchTagSet, {bucket_name}},
    {base::code::NoSuchUpload, {upload_id}},
    {base::code::NoSuchVersion, {key_name, "VersionId"}},
    {"NoSuchCORSConfiguration", {bucket_name}},
    {"NoSuchConfiguration", {bucket_name}},
    {"NoSuchLifecycleConfiguration", {bucket_name}},
    {"NoSuchWebsiteConfiguration", {bucket_name}},
    {"NoSuchObjectLockConfiguration", {bucket_name}},
    {"ObjectLockConfigurationNotFoundError", {bucket_name}},
    {"OwnershipControlsNotFoundError", {bucket_name}},
    {"ReplicationConfigurationNotFoundError", {bucket_name}},
    {"ServerSideEncryptionConfigurationNotFoundError", {bucket_name}},
    {base::code::PreconditionFailed, {"Condition"}},
    {base::code::RequestTimeTooSkewed, {"RequestTime", "ServerTime", "MaxAllowedSkewMilliseconds"}},
    {base::code::SignatureDoesNotMatch,
     {"AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest", "CanonicalRequestBytes"}},
    {base::code::XAmzContentSHA256Mismatch, {"ClientComputedContentSHA256", "S3ComputedContentSHA256"}},
});

std::optional<std::string> of_request(std::string_view name, const http::RequestHead& head) {
    if (name == method) return head.method;
    if (name == range_requested)
        return head.headers.find("Range") == nullptr ? std::nullopt : std::optional(head.headers.get("Range"));
    if (name == upload_id) {
        if (const auto query = text::parse_query(head.query))
            for (const auto& [parameter, value] : *query)
                if (parameter == "uploadId") return value;
        return std::nullopt;
    }
    const auto address = is_s3_control(head) ? std::nullopt : s3_address(head);
    if (!address) return std::nullopt;
    if (name == resource_type) return address->bucket.empty() ? "SERVICE" : address->key.empty() ? "BUCKET" : "OBJECT";
    if (name == bucket_name && !address->bucket.empty()) return address->bucket;
    if (name == key_name && !address->key.empty()) return address->key;
    return std::nullopt;
}

// The note `name: value`, taken away.
std::optional<std::string> take(std::string_view name, std::vector<std::string>& notes) {
    const auto is_it = [&](const std::string& note) {
        return note.starts_with(name) && note.substr(name.size()).starts_with(": ");
    };
    const auto found = std::ranges::find_if(notes, is_it);
    if (found == notes.end()) return std::nullopt;
    std::string value = found->substr(name.size() + 2);
    notes.erase(found);
    return value;
}

// What stands in the headers of an answer that is an error: that what was asked for is a delete marker.
constexpr std::string_view error_headers[] = {"x-amz-delete-marker", "x-amz-version-id", "Allow", "Last-Modified"};

}  // namespace

std::vector<std::pair<std::string, std::string>> take_s3_error_headers(std::vector<std::string>& notes) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const std::string_view name : error_headers)
        if (auto value = take(name, notes)) out.emplace_back(name, *std::move(value));
    return out;
}

S3ErrorMembers s3_error_members(std::string_view code, const std::vector<std::string>& notes, const http::RequestHead& head) {
    S3ErrorMembers out{.members = {}, .notes = notes};
    const auto known = std::ranges::find(code_members, code, &CodeMembers::code);
    if (known == code_members.end()) return out;
    for (const std::string_view name : known->names) {
        if (name.empty()) break;
        auto value = take(name, out.notes);
        if (!value) value = of_request(name, head);
        if (value) out.members.emplace_back(name, *std::move(value));
    }
    return out;
}

}  // namespace wire
