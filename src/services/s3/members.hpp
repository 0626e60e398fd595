// What members of requests mean beyond their types: tags in a header, conditions, attributes, checksums; and the functions that
// models/s3.yaml names.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/access.hpp"
#include "model/stream.hpp"
#include "objects/received.hpp"
#include "services/s3/service.hpp"

namespace services::s3 {

// --- Functions of models/s3.yaml. A condition key has the value that the operation will use (R82). ---

[[nodiscard]] Result<model::NamedValues> location_constraint(const model::RequestOrigin&,
                                                             std::span<const std::optional<std::string>> location);
[[nodiscard]] Result<model::NamedValues> said(const model::RequestOrigin&, std::span<const std::optional<std::string>> member);
[[nodiscard]] Result<model::NamedValues> header_tags(const model::RequestOrigin&,
                                                     std::span<const std::optional<std::string>> tagging);
[[nodiscard]] Result<model::NamedValues> header_tag_keys(const model::RequestOrigin&,
                                                         std::span<const std::optional<std::string>> tagging);
// Of x-amz-object-lock-retain-until-date: how many days lie before it, from now.
[[nodiscard]] Result<model::NamedValues> remaining_days(const model::RequestOrigin&,
                                                        std::span<const std::optional<std::string>> until);
[[nodiscard]] int64_t days_until(base::Time date, base::Time now);  // rounded up
[[nodiscard]] Result<model::NamedValues> max_keys(const model::RequestOrigin&,
                                                  std::span<const std::optional<std::string>> max_keys);

// The region that a LocationConstraint names. `EU` is what eu-west-1 was called before regions had names.
[[nodiscard]] std::string region_named(std::string_view location);
// x-amz-tagging: a=b&c=d. Errors: `InvalidArgument`, `InvalidTag`.
[[nodiscard]] Result<objects::Tags> read_tagging(const std::optional<std::string>& header);
// How many are listed at most: what was asked for, if that is less than there may be.
[[nodiscard]] size_t at_most(const std::optional<int32_t>& asked, size_t most = list_max);

// Of a part that is uploaded. Error `InvalidArgument`.
[[nodiscard]] Result<uint32_t> part_number(int32_t asked);

// `aws-chunked` is how a body came, not what it is.
[[nodiscard]] std::string read_content_encoding(const std::optional<std::string>& header);
template <class Input>
objects::Attributes attributes_of(const Input& in) {
    return {.content_type = in.content_type.value_or(""),
            .cache_control = in.cache_control.value_or(""),
            .content_disposition = in.content_disposition.value_or(""),
            .content_encoding = read_content_encoding(in.content_encoding),
            .content_language = in.content_language.value_or(""),
            .expires = in.expires.value_or(""),
            .website_redirect_location = in.website_redirect_location.value_or(""),
            .user_metadata = in.metadata.value_or(model::Map<std::string>())};
}

// As answers show a version: none of a bucket that never had versions.
[[nodiscard]] std::optional<std::string> shown_version(const objects::Bucket& bucket, const objects::Object& object);
// What the accesses to a version are told of it.
[[nodiscard]] policy::Context version_keys(const std::optional<std::string>& version);

// Of a write: If-None-Match is `*`. Error `NotImplemented`.
[[nodiscard]] Result<objects::Conditions> write_conditions(const std::optional<std::string>& if_match,
                                                           const std::optional<std::string>& if_none_match);

// As headers of an answer have it: values that are not ASCII in one encoded word of RFC 2047, their bytes taken for ISO 8859-1 as headers' are.
[[nodiscard]] model::Map<std::string> shown_metadata(model::Map<std::string> metadata);

// The checksum of a kind in a request, a part, an answer.
template <class Members>
auto& checksum_of(Members& members, objects::ChecksumKind kind) {
    switch (kind) {
        case objects::ChecksumKind::crc32:
            return members.checksum_crc32;
        case objects::ChecksumKind::crc32c:
            return members.checksum_crc32_c;
        case objects::ChecksumKind::crc64nvme:
            return members.checksum_crc64_nvme;
        case objects::ChecksumKind::sha1:
            return members.checksum_sha1;
        case objects::ChecksumKind::sha256:
            break;
    }
    return members.checksum_sha256;
}
template <class Members>
void show_checksum(Members& members, const objects::Checksum& checksum) {
    checksum_of(members, checksum.kind) = checksum.value;
    members.checksum_type = objects::name_of(checksum.type);
}

// What a client that has not sent a checksum asks for. Error `InvalidRequest`.
[[nodiscard]] Result<std::optional<objects::ChecksumKind>> asked_checksum(const std::optional<std::string>& sdk_algorithm,
                                                                          const std::optional<std::string>& algorithm);
// The checksum that a client sends, in a header or behind the body, or asks for. Error `InvalidRequest`.
template <class Input>
Result<std::optional<objects::ChecksumKind>> checksum_kind_of(const Input& in) {
    std::optional<objects::ChecksumKind> sent;
    for (const auto kind : objects::checksum_kinds) {
        const bool in_trailer = base::equals_ignoring_case(base::trim(model::text(in.trailer)), objects::header_of(kind));
        if (!checksum_of(in, kind) && !in_trailer) continue;
        if (sent)
            return base::fail(base::code::InvalidRequest,
                              "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.");
        sent = kind;
    }
    if (sent) return sent;
    return asked_checksum(in.checksum_algorithm, in.also_checksum_algorithm);
}

// Writes a body. What an earlier try has received of it (R83) is in `source.kept`, and is left there.
[[nodiscard]] objects::Source source_of(model::ByteSource& body);
template <class Request, class Write>
auto write_body(model::ByteSource& body, Request& request, Write write) {
    auto received = std::static_pointer_cast<objects::ReceivedBody>(body.kept);
    request.body = source_of(body);
    request.length = body.length();
    request.received = &received;
    auto written = write(request);
    body.kept = std::move(received);
    return written;
}

}  // namespace services::s3
