// How a job's bytes move: S3 with the role's credentials, nothing else.
// The server implements it over the wire, so that every byte of every job passes the gate like any other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "identity/caller.hpp"

namespace training {

struct S3Uri {
    std::string bucket;
    std::string key;  // or prefix; may be empty
    [[nodiscard]] std::string text() const { return "s3://" + bucket + "/" + key; }
};

// Error `ValidationException`.
[[nodiscard]] base::Result<S3Uri> parse_s3_uri(std::string_view uri);

struct DataObject {
    std::string key;
    uint64_t size = 0;
    std::string etag;  // as S3 writes it, with its quotes
};

// Asked while bytes move: true ends the transfer with `Cancelled`.
using Cancelled = std::function<bool()>;

// The credentials for the next request: a long transfer outlives the ones that it began with.
using CredentialsSource = std::function<base::Result<identity::Credentials>()>;

// One object on its way up, part by part, in memory that does not grow with it. There is an object once finish() has returned;
// destroyed before, it leaves nothing.
class Upload {
public:
    virtual ~Upload() = default;
    [[nodiscard]] virtual base::Result<void> write(std::string_view bytes) = 0;
    [[nodiscard]] virtual base::Result<void> finish() = 0;
};

// Many threads use one JobData. Errors carry S3's own codes and messages.
class JobData {
public:
    virtual ~JobData() = default;
    // Keys in order; at most `limit` of them.
    [[nodiscard]] virtual base::Result<std::vector<DataObject>> list(const identity::Credentials& credentials,
                                                                     const S3Uri& prefix, size_t limit) = 0;
    // The version with this ETag (empty: whichever is there) into a new file at `path`; on an error no file remains. Errors
    // `PreconditionFailed`: the object is another one by now; `Cancelled`.
    [[nodiscard]] virtual base::Result<void> download(const identity::Credentials& credentials, const S3Uri& object,
                                                      const std::string& etag, const std::string& path,
                                                      const Cancelled& cancelled) = 0;
    [[nodiscard]] virtual base::Result<std::unique_ptr<Upload>> upload(CredentialsSource credentials, const S3Uri& object,
                                                                       Cancelled cancelled) = 0;
    // An object that is not there is no error.
    [[nodiscard]] virtual base::Result<void> remove(const identity::Credentials& credentials, const S3Uri& object) = 0;
    // Size and ETag.
    [[nodiscard]] virtual base::Result<DataObject> stat(const identity::Credentials& credentials, const S3Uri& object) = 0;
    // `size` bytes from `offset` on, of the version with this ETag (empty: whichever is there). Error `PreconditionFailed`: the
    // object is another one by now.
    [[nodiscard]] virtual base::Result<std::string> read(const identity::Credentials& credentials, const S3Uri& object,
                                                         const std::string& etag, uint64_t offset, uint64_t size) = 0;
};

}  // namespace training
