#include "server/job_data.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error_codes.hpp"
#include "base/mutex.hpp"
#include "os/file.hpp"
#include "sandbox/volume.hpp"
#include "text/uri.hpp"
#include "text/xml.hpp"

namespace server {
namespace {

constexpr size_t idle_clients_max = 32;
constexpr int attempts_max = 4;
constexpr int transfer_seconds_max = 24 * 3600;
// Parts of a multipart upload, which are held in memory; what is not larger is one PutObject. The first ones are small, the others
// such that S3's number of them suffices for training's artifact_bytes_max.
constexpr size_t small_part_bytes = 16ULL << 20, part_bytes = 128ULL << 20;
constexpr size_t small_parts_max = 1000, parts_max = 10'000;
constexpr size_t page_keys_max = 1000;

// Worth another try: the request was not refused, it failed on the way.
bool is_passing(const base::Error& error) {
    return error.code == base::code::ConnectionError || error.code == base::code::InternalError ||
           error.code == base::code::SlowDown || error.code == base::code::ServiceUnavailable ||
           error.code == base::code::RequestTimeout;
}

std::unexpected<base::Error> cancelled_error() { return base::fail(base::code::Cancelled, "the transfer was ended"); }

}  // namespace

void WireJobData::set_endpoint(std::string endpoint, std::string region, std::string socket) {
    base::Lock lock(mutex_);
    endpoint_ = std::move(endpoint);
    region_ = std::move(region);
    socket_ = std::move(socket);
}

base::Result<wire::S3Answer> WireJobData::call(const identity::Credentials& credentials, const wire::S3Call& call) {
    std::unique_ptr<wire::Client> client;
    {
        base::Lock lock(mutex_);
        auto found = std::find_if(idle_.begin(), idle_.end(),
                                  [&](const Lent& lent) { return lent.access_key_id == credentials.access_key_id; });
        if (found != idle_.end()) {
            client = std::move(found->client);
            idle_.erase(found);
        } else {
            wire::ClientOptions options;
            options.endpoint = endpoint_;
            options.socket = socket_;
            options.region = region_;
            options.access_key_id = credentials.access_key_id;
            options.secret_access_key = credentials.secret_access_key;
            options.session_token = credentials.session_token;
            options.timeout_seconds = transfer_seconds_max;
            options.attempts_max = 1;  // A sink must not see the same bytes twice: the caller starts over.
            client = std::make_unique<wire::Client>(std::move(options));
        }
    }
    auto answer = client->s3(call);
    base::Lock lock(mutex_);
    if (idle_.size() < idle_clients_max) idle_.push_back({credentials.access_key_id, std::move(client)});
    return answer;
}

base::Result<std::vector<training::DataObject>> WireJobData::list(const identity::Credentials& credentials,
                                                                  const training::S3Uri& prefix, size_t limit) {
    std::vector<training::DataObject> found;
    std::string token;
    while (found.size() < limit) {
        wire::S3Call request;
        request.bucket = prefix.bucket;
        request.query =
            "list-type=2&encoding-type=url&max-keys=" + std::to_string(std::min(limit - found.size(), page_keys_max)) +
            "&prefix=" + text::encode_uri(prefix.key);
        if (!token.empty()) request.query += "&continuation-token=" + text::encode_uri(token);
        auto answer = TRY(call(credentials, request));
        auto page = TRY(text::parse_xml(answer.body));
        for (const auto& child : page.children) {
            if (child.name != "Contents") continue;
            auto key = text::decode_uri(child.child_text("Key"), true);
            if (!key)
                return base::fail(base::code::InternalError, "a listing of " + prefix.text() + " has a key that cannot be read");
            training::DataObject object{std::move(*key), 0, child.child_text("ETag")};
            object.size = std::strtoull(child.child_text("Size").c_str(), nullptr, 10);
            found.push_back(std::move(object));
        }
        if (page.child_text("IsTruncated") != "true") break;
        token = page.child_text("NextContinuationToken");
    }
    return found;
}

base::Result<void> WireJobData::download(const identity::Credentials& credentials, const training::S3Uri& object,
                                         const std::string& etag, const std::string& path, const training::Cancelled& cancelled) {
    os::Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file.is_open()) return base::fail(base::code::InternalError, "cannot write " + path + ": " + std::strerror(errno));
    wire::S3Call request;
    request.bucket = object.bucket;
    request.key = object.key;
    if (!etag.empty()) request.headers.add("If-Match", etag);
    request.sink = [&](std::string_view bytes) -> base::Result<void> {
        if (cancelled()) return cancelled_error();
        if (auto written = os::write_all(file.number(), bytes, path); !written) {
            const bool is_full = written.error().code == sandbox::disk_full;
            return base::fail(is_full ? sandbox::disk_full : base::code::LocalDiskError, written.error().message);
        }
        return {};
    };
    base::Result<wire::S3Answer> answer = call(credentials, request);
    for (int attempt = 1; !answer && is_passing(answer.error()) && attempt < attempts_max; ++attempt) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100 << attempt));
        if (::ftruncate(file.number(), 0) != 0 || ::lseek(file.number(), 0, SEEK_SET) != 0) break;
        answer = call(credentials, request);
    }
    off_t written = ::lseek(file.number(), 0, SEEK_CUR);
    file.close();
    if (answer) {
        const std::string* length = answer->headers.find("content-length");
        if (length == nullptr || std::to_string(written) == *length) return {};
        answer = base::fail(base::code::IncompleteBody, "got " + std::to_string(written) + " of " + *length + " bytes");
    }
    ::unlink(path.c_str());
    return base::fail(std::move(answer).error());
}

// What fits into one part is one PutObject, when it is complete; more is a multipart upload.
class WireUpload final : public training::Upload {
public:
    WireUpload(WireJobData& data, training::CredentialsSource credentials, training::S3Uri object, training::Cancelled cancelled)
        : data_(data), credentials_(std::move(credentials)), object_(std::move(object)), cancelled_(std::move(cancelled)) {}
    WireUpload(const WireUpload&) = delete;
    WireUpload& operator=(const WireUpload&) = delete;
    ~WireUpload() override {
        // Parts that belong to nothing take space: drop them, whatever that says.
        if (!upload_.empty()) (void)call("DELETE", "uploadId=" + upload_, "");
    }

    base::Result<void> write(std::string_view bytes) override {
        while (!bytes.empty()) {
            if (cancelled_()) return cancelled_error();
            const size_t full = etags_.size() < small_parts_max ? small_part_bytes : part_bytes;
            const size_t taken = std::min(bytes.size(), full - part_.size());
            part_.append(bytes.substr(0, taken));
            bytes.remove_prefix(taken);
            if (part_.size() == full && !bytes.empty()) TRY(send_part());
        }
        return {};
    }

    base::Result<void> finish() override {
        if (cancelled_()) return cancelled_error();
        if (upload_.empty()) {
            TRY(call("PUT", "", std::move(part_)));
            return {};
        }
        TRY(send_part());
        text::XmlWriter list;
        list.open("CompleteMultipartUpload");
        for (size_t i = 0; i < etags_.size(); ++i) {
            list.open("Part");
            list.element("PartNumber", std::to_string(i + 1));
            list.element("ETag", etags_[i]);
            list.close();
        }
        list.close();
        TRY(call("POST", "uploadId=" + upload_, list.finish()));
        upload_.clear();
        return {};
    }

private:
    base::Result<void> send_part() {
        if (upload_.empty()) {
            auto started = TRY(call("POST", "uploads", ""));
            upload_ = text::encode_uri(TRY(text::parse_xml(started.body)).child_text("UploadId"));
        }
        if (etags_.size() == parts_max)
            return base::fail(base::code::EntityTooLarge,
                              "the object would have more than " + std::to_string(parts_max) + " parts");
        auto answer =
            TRY(call("PUT", "partNumber=" + std::to_string(etags_.size() + 1) + "&uploadId=" + upload_, std::move(part_)));
        part_.clear();
        etags_.push_back(answer.headers.get("etag"));
        return {};
    }

    base::Result<wire::S3Answer> call(const char* method, std::string query, std::string body) {
        wire::S3Call request;
        request.method = method;
        request.bucket = object_.bucket;
        request.key = object_.key;
        request.query = std::move(query);
        request.body = std::move(body);
        // An upload that was begun or completed without our hearing of it must not be begun or completed again.
        const bool once = request.method == "POST";
        return once ? data_.call(TRY(credentials_()), request) : data_.insist(TRY(credentials_()), request);
    }

    WireJobData& data_;
    training::CredentialsSource credentials_;
    training::S3Uri object_;
    training::Cancelled cancelled_;
    std::string part_, upload_;  // the upload's id, encoded
    std::vector<std::string> etags_;
};

base::Result<std::unique_ptr<training::Upload>> WireJobData::upload(training::CredentialsSource credentials,
                                                                    const training::S3Uri& object,
                                                                    training::Cancelled cancelled) {
    return std::make_unique<WireUpload>(*this, std::move(credentials), object, std::move(cancelled));
}

base::Result<void> WireJobData::remove(const identity::Credentials& credentials, const training::S3Uri& object) {
    wire::S3Call request;
    request.method = "DELETE";
    request.bucket = object.bucket;
    request.key = object.key;
    TRY(insist(credentials, request));
    return {};
}

base::Result<wire::S3Answer> WireJobData::insist(const identity::Credentials& credentials, const wire::S3Call& request) {
    base::Result<wire::S3Answer> answer = call(credentials, request);
    for (int attempt = 1; !answer && is_passing(answer.error()) && attempt < attempts_max; ++attempt) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100 << attempt));
        answer = call(credentials, request);
    }
    return answer;
}

base::Result<training::DataObject> WireJobData::stat(const identity::Credentials& credentials, const training::S3Uri& object) {
    wire::S3Call request;
    request.method = "HEAD";
    request.bucket = object.bucket;
    request.key = object.key;
    auto answer = TRY(insist(credentials, request));
    training::DataObject found{object.key, 0, answer.headers.get("etag")};
    found.size = std::strtoull(answer.headers.get("content-length").c_str(), nullptr, 10);
    return found;
}

base::Result<std::string> WireJobData::read(const identity::Credentials& credentials, const training::S3Uri& object,
                                            const std::string& etag, uint64_t offset, uint64_t size) {
    if (size == 0) return std::string();
    wire::S3Call request;
    request.bucket = object.bucket;
    request.key = object.key;
    request.headers.add("Range", "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + size - 1));
    if (!etag.empty()) request.headers.add("If-Match", etag);
    auto answer = TRY(insist(credentials, request));
    if (answer.body.size() != size) {
        return base::fail(base::code::IncompleteBody,
                          "got " + std::to_string(answer.body.size()) + " of " + std::to_string(size) + " bytes");
    }
    return std::move(answer.body);
}

}  // namespace server
