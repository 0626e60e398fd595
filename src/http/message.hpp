// HTTP/1.1 messages as the rooms above see them (RFC 9110, RFC 9112). No sockets here.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"

namespace http {

// In arrival order; names compare without case.
class Headers {
public:
    using Field = std::pair<std::string, std::string>;
    void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
    void set(std::string_view name, std::string value);                  // replaces all of that name
    [[nodiscard]] const std::string* find(std::string_view name) const;  // the first
    [[nodiscard]] std::string get(std::string_view name) const;          // "" if absent
    [[nodiscard]] size_t count(std::string_view name) const;
    [[nodiscard]] const std::vector<Field>& fields() const { return fields_; }

private:
    std::vector<Field> fields_;
};

struct RequestHead {
    std::string method;
    std::string path;   // raw, as sent (percent escapes kept), starts with '/'
    std::string query;  // raw, without '?'; empty if none
    Headers headers;
};

// A body as a stream. Transfer coding and Content-Length are already dealt with.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    // Fills at most `into`; 0 is the end. The first call sends `100 Continue` if the client asked for it.
    // Errors: `IncompleteBody` (the client hung up early), `RequestTimeout`.
    [[nodiscard]] virtual base::Result<size_t> read(std::span<char> into) = 0;
    // Bytes that will come, if the client said (Content-Length).
    [[nodiscard]] virtual std::optional<uint64_t> length() const = 0;
    // All of it; `EntityTooLarge` past `most` bytes. Memory grows with what comes, not with what is announced, and each step of it
    // is reserved.
    [[nodiscard]] base::Result<std::string> read_all(size_t most);
    // Asks for this many bytes of the memory that the server has for bodies; given back once the request is answered. Readers that
    // wrap another pass it on. Error `ServiceUnavailable`.
    [[nodiscard]] virtual base::Result<void> reserve(size_t) { return {}; }
};

// A body in memory; for tests and for decoded requests.
class StringBody final : public BodyReader {
public:
    explicit StringBody(std::string content) : content_(std::move(content)) {}
    [[nodiscard]] base::Result<size_t> read(std::span<char> into) override;
    [[nodiscard]] std::optional<uint64_t> length() const override { return content_.size() - at_; }

private:
    std::string content_;
    size_t at_ = 0;
};

struct Request {
    RequestHead head;
    BodyReader* body = nullptr;  // never null while a handler runs
    std::string peer_address;    // textual IP of the client, no port
    uint16_t local_port = 0;
    bool secure_transport = false;  // nobody between here and the client can read or change it
    // Of the certificate that the client has shown in its handshake (net::ClientCertificate); empty: none.
    std::string certificate_subject, certificate_sha256;
    std::string vpc_endpoint;  // that it came in by (ServerOptions); empty: by none
};

// Part of an open file, sent with sendfile. `owner` keeps the descriptor open. Or of what is read as it is sent: `read` fills the span as far as
// it likes, from the offset on, and always with the same bytes; it is not called twice at once.
struct FileRange {
    std::shared_ptr<const void> owner;
    int descriptor = -1;
    uint64_t offset = 0;
    uint64_t length = 0;
    std::function<base::Result<size_t>(uint64_t offset, std::span<char> into)> read = nullptr;
};

struct Response {
    int status = 200;
    Headers headers;                                                    // Content-Length, Date, Connection are the server's
    std::variant<std::string, FileRange, std::vector<FileRange>> body;  // a vector: one after the other (multipart objects)
    std::optional<uint64_t> content_length;                             // HEAD only: the length to announce without a body
};

}  // namespace http
