#include "services/s3/ranges.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/checked_bytes.hpp"
#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace services::s3 {
namespace {

constexpr uint64_t read_here_bytes_max = 64u << 10;
constexpr uint64_t checked_first_bytes = 1u << 20;

std::optional<uint64_t> number(std::string_view digits) {
    uint64_t value = 0;
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc()) return UINT64_MAX;  // more digits than fit: beyond every object
    return value;
}

base::Error invalid_range(uint64_t size) {
    return base::Error(base::code::InvalidRange, "The requested range is not satisfiable")
        .note("ActualObjectSize: " + std::to_string(size));
}

}  // namespace

base::Result<std::optional<ByteRange>> read_range_header(std::string_view value, uint64_t size) {
    value = base::trim(value);
    if (value.size() < 6 || !base::equals_ignoring_case(value.substr(0, 6), "bytes=")) return std::nullopt;
    value = base::trim(value.substr(6));
    const auto dash = value.find('-');
    if (dash == std::string_view::npos || value.find(',') != std::string_view::npos) return std::nullopt;
    const auto first = number(value.substr(0, dash)), last = number(value.substr(dash + 1));
    if (dash == 0) {
        if (!last) return std::nullopt;
        if (*last == 0 || size == 0) return base::fail(invalid_range(size));
        const auto length = std::min(*last, size);
        return ByteRange{size - length, length};
    }
    if (!first || (!last && dash + 1 != value.size())) return std::nullopt;
    if (last && *last < *first) return std::nullopt;
    if (*first >= size) return base::fail(invalid_range(size));
    const auto end = last ? std::min(*last, size - 1) : size - 1;
    return ByteRange{*first, end - *first + 1};
}

base::Result<ByteRange> read_copy_range(std::string_view value, uint64_t size) {
    const base::Error malformed(
        base::code::InvalidArgument,
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
        "offsets of the first and last bytes to copy");
    if (!value.starts_with("bytes=")) return base::fail(malformed);
    value.remove_prefix(6);
    const auto dash = value.find('-');
    if (dash == std::string_view::npos) return base::fail(malformed);
    const auto first = number(value.substr(0, dash)), last = number(value.substr(dash + 1));
    if (!first || !last || *last < *first) return base::fail(malformed);
    if (*last >= size) {
        return base::fail(base::code::InvalidArgument,
                          "Range specified is not valid for source object of size: " + std::to_string(size));
    }
    return ByteRange{*first, *last - *first + 1};
}

base::Result<model::ResponseBody> body_of(const objects::OpenObject& open, ByteRange bytes) {
    if (open.object->segments.empty()) return open.content.substr(bytes.offset, bytes.length);
    if (open.object->encryption.kind != objects::EncryptionKind::none && bytes.length <= read_here_bytes_max) {
        std::string here(bytes.length, '\0');
        const auto source = objects::read_range(open, bytes.offset, bytes.length);
        for (size_t at = 0; at < here.size();) {
            const size_t got = TRY(source(std::span(here).subspan(at)));
            if (got == 0) return base::fail(base::code::InternalError, "an object is shorter than its record says");
            at += got;
        }
        return here;
    }
    std::vector<model::FileRange> files;
    uint64_t start = 0;
    for (size_t index = 0; index < open.readers.size(); ++index) {
        const auto& reader = open.readers[index];
        const auto size = open.object->segments[index].size;
        const auto from = std::max(bytes.offset, start), to = std::min(bytes.offset + bytes.length, start + size);
        if (from < to) {
            const uint64_t begin = from - start;
            auto& file = files.emplace_back(
                model::FileRange{reader, reader->descriptor(), reader->begins_at() + begin, to - from, nullptr});
            if (file.descriptor < 0) {
                file.offset = begin;
                file.read = [reader](uint64_t offset, std::span<char> into) { return reader->read_into(offset, into); };
            } else {
                auto check = [reader, begin](uint64_t at, uint64_t length) { return reader->verify(begin + at, length); };
                file.owner = base::checked_owner({.owner = reader, .check = std::move(check)});
            }
        }
        start += size;
    }
    if (files.size() == 1) return files.front();
    return files;
}

base::Result<model::ResponseBody> checked_body_of(const objects::OpenObject& open, ByteRange bytes) {
    auto body = TRY(body_of(open, bytes));
    if (std::holds_alternative<std::string>(body)) return body;
    uint64_t start = 0;
    for (size_t index = 0; index < open.readers.size(); start += open.object->segments[index++].size) {
        const uint64_t end = start + open.object->segments[index].size;
        if (end <= bytes.offset) continue;
        const uint64_t length = std::min({end - bytes.offset, bytes.length, checked_first_bytes});
        if (length > 0) TRY(open.readers[index]->verify(bytes.offset - start, length));
        break;
    }
    return body;
}

}  // namespace services::s3
