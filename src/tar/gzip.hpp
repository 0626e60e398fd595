// gzip (RFC 1952), as a stream and as a whole.
//
// Errors: `InvalidGzip` (not gzip, cut off, or damaged), `GzipTooLarge` (it unpacks to more than the caller takes), the sink's own.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace tar {

using Sink = std::function<base::Result<void>(std::string_view)>;

// Compresses what it is given into the sink. The same input gives the same output: no time stamp, no name.
class Gzip {
public:
    explicit Gzip(Sink sink);
    ~Gzip();
    Gzip(const Gzip&) = delete;
    Gzip& operator=(const Gzip&) = delete;
    [[nodiscard]] base::Result<void> write(std::string_view bytes);
    [[nodiscard]] base::Result<void> finish();

private:
    [[nodiscard]] base::Result<void> pass(std::string_view bytes, int flush);
    struct Stream;
    std::unique_ptr<Stream> stream_;
    Sink sink_;
    std::string buffer_;
};

// Unpacks what it is fed, in pieces of any size: members one after another, as `cat a.gz b.gz` makes them.
class Gunzip {
public:
    Gunzip();
    ~Gunzip();
    Gunzip(const Gunzip&) = delete;
    Gunzip& operator=(const Gunzip&) = delete;
    [[nodiscard]] base::Result<void> feed(std::string_view bytes, const Sink& sink);
    // Whether what was fed so far ends with a whole member.
    [[nodiscard]] bool ended() const { return ended_; }

private:
    struct Stream;
    std::unique_ptr<Stream> stream_;
    std::string buffer_;
    bool ended_ = false;
};

[[nodiscard]] std::string gzip(std::string_view bytes);
// One member, and nothing after it.
[[nodiscard]] base::Result<std::string> gunzip(std::string_view packed, size_t bytes_max);
// zlib's own format (RFC 1950), of known size.
[[nodiscard]] base::Result<std::string> inflate(std::string_view packed, size_t size);

}  // namespace tar
