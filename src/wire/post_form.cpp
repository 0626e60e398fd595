#include "wire/post_form.hpp"

#include <algorithm>
#include <cstring>

#include "base/error_codes.hpp"
#include "base/strings.hpp"

namespace wire {

using base::fail;
using base::Result;

namespace {

constexpr std::string_view form_type = "multipart/form-data";
constexpr std::string_view file_field = "file";
constexpr size_t boundary_bytes_max = 70;  // RFC 2046
constexpr size_t buffer_bytes = 64 * 1024;

std::unexpected<base::Error> malformed() {
    return fail(base::code::MalformedPOSTRequest, "The body of your POST request is not well-formed multipart/form-data.");
}

// The value of a parameter behind a `;`: a token, or quoted. Browsers write quotes in it as %22, and a backslash as itself.
std::optional<std::string> parameter(std::string_view header, std::string_view wanted) {
    for (size_t at = header.find(';'); at != std::string_view::npos;) {
        auto rest = base::trim(header.substr(at + 1));
        const size_t equals = rest.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto name = base::trim(rest.substr(0, equals));
        rest.remove_prefix(equals + 1);
        std::string value;
        if (rest.starts_with('"')) {
            const size_t end = rest.find('"', 1);
            if (end == std::string_view::npos) return std::nullopt;
            value = rest.substr(1, end - 1);
            rest.remove_prefix(end + 1);
        } else {
            value = base::trim(rest.substr(0, rest.find(';')));
        }
        if (base::equals_ignoring_case(name, wanted)) return value;
        const size_t next = rest.find(';');
        at = next == std::string_view::npos ? next : header.size() - rest.size() + next;
    }
    return std::nullopt;
}

bool is_boundary(std::string_view text) {
    constexpr std::string_view more = "'()+_,-./:=? ";
    return !text.empty() && text.size() <= boundary_bytes_max && text.back() != ' ' && std::ranges::all_of(text, [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || more.contains(c);
    });
}

struct PartHead {
    std::string name;
    std::optional<std::string> file_name;
};

std::optional<PartHead> read_part_head(std::string_view text) {
    std::optional<PartHead> out;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find("\r\n", at), text.size());
        const auto line = text.substr(at, end - at);
        at = end + 2;
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) return std::nullopt;
        if (!base::equals_ignoring_case(base::trim(line.substr(0, colon)), "content-disposition")) continue;
        const auto value = base::trim(line.substr(colon + 1));
        if (out || !base::equals_ignoring_case(base::trim(value.substr(0, value.find(';'))), "form-data")) return std::nullopt;
        const auto name = parameter(value, "name");
        if (!name || name->empty()) return std::nullopt;
        out = PartHead{.name = base::lower(*name), .file_name = parameter(value, "filename")};
    }
    return out;
}

}  // namespace

bool is_post_form(const http::RequestHead& head) {
    const auto* type = head.method == "POST" ? head.headers.find("Content-Type") : nullptr;
    return type != nullptr &&
           base::equals_ignoring_case(base::trim(std::string_view(*type).substr(0, type->find(';'))), form_type);
}

std::string with_file_name(std::string_view value, std::string_view file_name) {
    constexpr std::string_view variable = "${filename}";
    std::string out;
    for (size_t at = 0;;) {
        const size_t found = value.find(variable, at);
        out += value.substr(at, found == std::string_view::npos ? found : found - at);
        if (found == std::string_view::npos) return out;
        out += file_name;
        at = found + variable.size();
    }
}

PostForm::PostForm(http::BodyReader& body, std::string_view boundary)
    : body_(body), delimiter_("\r\n--" + std::string(boundary)), file_(*this) {}

const std::string* PostForm::find(std::string_view lower_name) const {
    const auto found = std::ranges::find(fields_, lower_name, &Field::first);
    return found == fields_.end() ? nullptr : &found->second;
}

void PostForm::set_size_range(uint64_t least, uint64_t most) {
    least_ = std::max(least_, least);
    most_ = std::min(most_, most);
}

Result<bool> PostForm::fill() {
    buffer_.erase(0, at_);
    at_ = 0;
    const size_t before = buffer_.size();
    buffer_.resize(std::max(buffer_bytes, before + buffer_bytes / 2));
    auto got = body_.read({buffer_.data() + before, buffer_.size() - before});
    buffer_.resize(before + got.value_or(0));
    if (!got) return fail(std::move(got).error());
    return *got > 0;
}

// What stands before the next `end`, which is taken too; all of it counts towards what may stand before the file.
Result<std::string> PostForm::take_until(std::string_view end) {
    const auto too_long = [] {
        return fail(base::Error(base::code::MaxPostPreDataLengthExceededError,
                                "Your POST request fields preceding the upload file was too large.")
                        .note("MaxPostPreDataLengthBytes: " + std::to_string(form_fields_bytes_max)));
    };
    for (;;) {
        const size_t found = std::string_view(buffer_).find(end, at_);
        const size_t length = (found == std::string::npos ? buffer_.size() : found) - at_;
        if (taken_ + length > form_fields_bytes_max) return too_long();
        if (found != std::string::npos) {
            std::string out = buffer_.substr(at_, length);
            at_ = found + end.size();
            taken_ += length + end.size();
            return out;
        }
        if (!TRY(fill())) return malformed();
    }
}

// REQUIRES: a boundary and its CRLF were taken.
Result<bool> PostForm::read_part() {
    const auto head = read_part_head(TRY(take_until("\r\n\r\n")));
    if (!head) return malformed();
    if (head->name == file_field) {
        // Some browsers give the whole path.
        const auto path = head->file_name.value_or("");
        file_name_ = path.substr(path.find_last_of("/\\") + 1);
        return false;
    }
    auto value = TRY(take_until(delimiter_));
    if (find(head->name) != nullptr)
        return fail(base::Error(base::code::InvalidArgument, "POST requires that each field is there once.")
                        .note("ArgumentName: " + head->name));
    if (fields_.size() == form_fields_max)
        return fail(base::code::InvalidArgument,
                    "A form has at most " + std::to_string(form_fields_max) + " fields before its file.");
    fields_.emplace_back(head->name, std::move(value));
    const auto rest = TRY(take_until("\r\n"));
    if (rest.empty()) return true;
    if (rest == "--")
        return fail(base::Error(base::code::InvalidArgument, "POST requires exactly one file upload per request.")
                        .note("ArgumentName: file")
                        .note("ArgumentValue: 0"));
    return malformed();
}

Result<std::unique_ptr<PostForm>> PostForm::read(const http::RequestHead& head, http::BodyReader& body) {
    const auto boundary = parameter(head.headers.get("Content-Type"), "boundary");
    if (!boundary || !is_boundary(*boundary)) return malformed();
    std::unique_ptr<PostForm> form(new PostForm(body, *boundary));
    if (TRY(form->take_until("\r\n")) != std::string_view(form->delimiter_).substr(2)) return malformed();
    while (TRY(form->read_part())) {
    }
    return form;
}

Result<void> PostForm::check_size(bool at_end) const {
    if (file_bytes_ > most_)
        return fail(base::Error(base::code::EntityTooLarge, "Your proposed upload exceeds the maximum allowed size")
                        .note("ProposedSize: " + std::to_string(file_bytes_))
                        .note("MaxSizeAllowed: " + std::to_string(most_)));
    if (at_end && file_bytes_ < least_)
        return fail(base::Error(base::code::EntityTooSmall, "Your proposed upload is smaller than the minimum allowed size")
                        .note("ProposedSize: " + std::to_string(file_bytes_))
                        .note("MinSizeAllowed: " + std::to_string(least_)));
    return {};
}

// To the end of the body, so that one that was cut off is told from one that has ended.
Result<void> PostForm::read_rest() {
    size_t rest = buffer_.size() - at_;
    while (rest <= form_rest_bytes_max) {
        const size_t before = buffer_.size() - at_;
        if (!TRY(fill())) {
            const auto end = std::string_view(buffer_).substr(at_);
            if (end.starts_with("--") || end.starts_with("\r\n")) return {};
            return malformed();
        }
        rest += buffer_.size() - at_ - before;
    }
    return malformed();
}

Result<size_t> PostForm::File::read(std::span<char> into) {
    auto& form = form_;
    if (form.file_ended_ || into.empty()) return size_t{0};
    for (;;) {
        const std::string_view left = std::string_view(form.buffer_).substr(form.at_);
        const size_t found = left.find(form.delimiter_);
        // What may be the begin of a delimiter is kept until more of it is there.
        const size_t kept = form.delimiter_.size() - 1;
        const size_t free = found != std::string_view::npos ? found : left.size() - std::min(left.size(), kept);
        if (free > 0) {
            const size_t count = std::min(free, into.size());
            std::memcpy(into.data(), left.data(), count);
            form.at_ += count;
            form.file_bytes_ += count;
            TRY(form.check_size(false));
            return count;
        }
        if (found == 0) {
            form.at_ += form.delimiter_.size();
            TRY(form.check_size(true));
            TRY(form.read_rest());
            form.file_ended_ = true;
            return size_t{0};
        }
        if (!TRY(form.fill())) return malformed();
    }
}

}  // namespace wire
