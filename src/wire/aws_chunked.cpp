#include "wire/aws_chunked.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr size_t line_bytes_max = 1024;
constexpr size_t trailers_max = 8;
constexpr std::string_view signature_extension = "chunk-signature=";
constexpr std::string_view trailer_signature = "x-amz-trailer-signature";

std::unexpected<base::Error> malformed(const std::string& what) {
    return fail(base::code::InvalidRequest, "The aws-chunked body is malformed: " + what);
}

std::unexpected<base::Error> incomplete() { return fail(base::code::IncompleteBody, "The request body terminated unexpectedly"); }

}  // namespace

// Big reads go straight from the body into the caller's memory; what a framing line left over comes first.
Result<size_t> AwsChunkedReader::take(std::span<char> into) {
    if (begin_ == end_) return body_.read(into);
    const size_t count = std::min(into.size(), end_ - begin_);
    std::memcpy(into.data(), buffer_.data() + begin_, count);
    begin_ += count;
    return count;
}

Result<std::string> AwsChunkedReader::take_line(size_t most) {
    std::string line;
    while (true) {
        if (begin_ == end_) {
            buffer_.resize(16384);
            begin_ = 0;
            end_ = TRY(body_.read(buffer_));
            if (end_ == 0) return incomplete();
        }
        const char c = buffer_[begin_++];
        const bool after_return = !line.empty() && line.back() == '\r';
        if ((c == '\n') != after_return) return malformed("a line does not end with CRLF");
        if (c == '\n') break;
        line += c;
        if (line.size() > most + 1) return malformed("a line is too long");
    }
    line.pop_back();
    return line;
}

Result<void> AwsChunkedReader::check_signature(std::string_view text, std::string_view signature) {
    const auto expected = crypto::hex(crypto::hmac_sha256(verified_->signing_key(), text));
    if (!crypto::equal_in_constant_time(expected, signature))
        return fail(
            base::code::SignatureDoesNotMatch,
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.");
    previous_ = expected;
    return {};
}

Result<void> AwsChunkedReader::begin_chunk() {
    const auto line = TRY(take_line(line_bytes_max));
    const auto semicolon = line.find(';');
    const auto size = std::string_view(line).substr(0, semicolon);
    const auto got = std::from_chars(size.data(), size.data() + size.size(), chunk_left_, 16);
    if (size.empty() || got.ec != std::errc() || got.ptr != size.data() + size.size() || chunk_left_ > INT64_MAX)
        return malformed("a chunk size is not a hexadecimal number");
    // Before its bytes are read: a chunk that lies about its size gives nothing out.
    if (chunk_left_ > length_left_)
        return fail(base::code::IncompleteBody, "The request body is longer than the length that was declared for it");
    length_left_ -= chunk_left_;
    const auto extension = semicolon == std::string::npos ? std::string_view() : std::string_view(line).substr(semicolon + 1);
    if (verified_) {
        if (!extension.starts_with(signature_extension)) return malformed("a chunk has no signature");
        chunk_signature_ = extension.substr(signature_extension.size());
        chunk_digest_.emplace(crypto::DigestKind::sha256);
    } else if (semicolon != std::string::npos) {
        return malformed("a chunk of an unsigned payload has an extension");
    }
    if (chunk_left_ == 0) {
        if (verified_) TRY(end_chunk());
        return read_trailers();
    }
    return verified_ && chunk_left_ <= verified_chunk_bytes_max ? buffer_chunk() : Result<void>{};
}

// REQUIRES: verified_, and chunk_digest_ saw the whole chunk.
Result<void> AwsChunkedReader::end_chunk() {
    static const std::string empty_hash = crypto::hex(crypto::sha256(""));
    const auto text = "AWS4-HMAC-SHA256-PAYLOAD\n" + verified_->amz_date() + "\n" + verified_->scope().text() + "\n" + previous_ +
                      "\n" + empty_hash + "\n" + crypto::hex(chunk_digest_->finish());
    return check_signature(text, chunk_signature_);
}

Result<void> AwsChunkedReader::buffer_chunk() {
    verified_bytes_.resize(static_cast<size_t>(chunk_left_));
    verified_at_ = 0;
    size_t filled = 0;
    while (filled < verified_bytes_.size()) {
        const size_t got = TRY(take(std::span(verified_bytes_).subspan(filled)));
        if (got == 0) return incomplete();
        filled += got;
    }
    chunk_left_ = 0;
    chunk_digest_->update(verified_bytes_);
    if (!TRY(take_line(0)).empty()) return malformed("a chunk is longer than its size");
    return end_chunk();
}

Result<void> AwsChunkedReader::read_trailers() {
    std::string signed_text, signature;
    while (true) {
        const auto line = TRY(take_line(line_bytes_max));
        if (line.empty()) break;
        const auto colon = line.find(':');
        if (!allows_trailers_ || colon == std::string::npos || !signature.empty() || trailers_.size() == trailers_max)
            return fail(
                base::code::MalformedTrailerError,
                "The request contained trailing data that was not well-formed or did not conform to our published schema.");
        auto name = base::lower(base::trim(std::string_view(line).substr(0, colon)));
        const std::string value(base::trim(std::string_view(line).substr(colon + 1)));
        if (verified_ && name == trailer_signature) {
            signature = value;
            continue;
        }
        signed_text += name + ":" + value + "\n";
        trailers_.emplace_back(std::move(name), value);
    }
    if (verified_ && allows_trailers_) {
        const auto text = "AWS4-HMAC-SHA256-TRAILER\n" + verified_->amz_date() + "\n" + verified_->scope().text() + "\n" +
                          previous_ + "\n" + crypto::hex(crypto::sha256(signed_text));
        TRY(check_signature(text, signature));
    }
    char extra;
    if (TRY(take(std::span(&extra, 1))) != 0) return malformed("there are bytes behind the last chunk");
    ended_ = true;
    return {};
}

Result<size_t> AwsChunkedReader::read(std::span<char> into) {
    while (true) {
        if (verified_at_ < verified_bytes_.size()) {
            const size_t count = std::min(into.size(), verified_bytes_.size() - verified_at_);
            std::memcpy(into.data(), verified_bytes_.data() + verified_at_, count);
            verified_at_ += count;
            return count;
        }
        if (ended_) return size_t{0};
        if (chunk_left_ > 0) {
            const size_t got = TRY(take(into.first(static_cast<size_t>(std::min<uint64_t>(into.size(), chunk_left_)))));
            if (got == 0) return incomplete();
            if (verified_) chunk_digest_->update({into.data(), got});
            chunk_left_ -= got;
            if (chunk_left_ == 0) {
                if (!TRY(take_line(0)).empty()) return malformed("a chunk is longer than its size");
                if (verified_) TRY(end_chunk());
            }
            return got;
        }
        TRY(begin_chunk());
    }
}

}  // namespace wire
