// The form by which browsers upload into a bucket: POST /bucket, multipart/form-data.
//
// Source: Amazon S3 API Reference, "POST Object"; RFC 7578 and RFC 2046 for the form itself, of which this much is read:
//
//   body   = "--" boundary CRLF  *( part CRLF "--" boundary CRLF )  file CRLF "--" boundary  rest
//   part   = headers CRLF CRLF value;  file = the part whose name is `file`, in any case
//   rest   = "--" [CRLF], or CRLF and parts behind the file, which are read and mean nothing
//
// Strict where two readers could differ: a boundary that is none of RFC 2046's, a part without a name, a field that is there twice, a body
// without its last boundary are errors. Nothing is kept of a file whose end did not come.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "http/message.hpp"

namespace wire {

constexpr size_t form_fields_bytes_max = 20 * 1024;  // all that stands before the file, as AWS has it
constexpr size_t form_fields_max = 100;
constexpr size_t form_rest_bytes_max = 64 * 1024;  // behind the file

[[nodiscard]] bool is_post_form(const http::RequestHead& head);  // POST with multipart/form-data

class PostForm {
public:
    // Reads as far as the file begins. Errors: `MalformedPOSTRequest`, `MaxPostPreDataLengthExceededError`, `InvalidArgument`, the body's.
    [[nodiscard]] static base::Result<std::unique_ptr<PostForm>> read(const http::RequestHead& head, http::BodyReader& body);

    using Field = std::pair<std::string, std::string>;  // its name in lower case, its value as it came
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }
    [[nodiscard]] const std::string* find(std::string_view lower_name) const;
    // What `${filename}` stands for: the last part of the path that the browser says.
    [[nodiscard]] const std::string& file_name() const { return file_name_; }
    // Of the file's bytes; a file outside of it fails at its end, or as soon as it is too long: `EntityTooSmall`, `EntityTooLarge`.
    void set_size_range(uint64_t least, uint64_t most);
    [[nodiscard]] http::BodyReader& file() { return file_; }

private:
    explicit PostForm(http::BodyReader& body, std::string_view boundary);

    class File final : public http::BodyReader {
    public:
        explicit File(PostForm& form) : form_(form) {}
        [[nodiscard]] base::Result<size_t> read(std::span<char> into) override;
        [[nodiscard]] std::optional<uint64_t> length() const override { return std::nullopt; }
        [[nodiscard]] base::Result<void> reserve(size_t bytes) override { return form_.body_.reserve(bytes); }

    private:
        PostForm& form_;
    };

    [[nodiscard]] base::Result<bool> fill();  // more of the body into the buffer; false: it has ended
    [[nodiscard]] base::Result<std::string> take_until(std::string_view end);
    [[nodiscard]] base::Result<bool> read_part();  // false: the file begins
    [[nodiscard]] base::Result<void> read_rest();
    [[nodiscard]] base::Result<void> check_size(bool at_end) const;

    http::BodyReader& body_;
    const std::string delimiter_;  // CRLF "--" boundary
    std::string buffer_;           // read and not taken: [at_, size)
    size_t at_ = 0;
    size_t taken_ = 0;  // of the fields, so far
    std::vector<Field> fields_;
    std::string file_name_;
    uint64_t file_bytes_ = 0, least_ = 0, most_ = UINT64_MAX;
    bool file_ended_ = false;
    File file_;
};

// `${filename}` in a field's value.
[[nodiscard]] std::string with_file_name(std::string_view value, std::string_view file_name);

}  // namespace wire
