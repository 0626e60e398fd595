#include "server/job_data.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "text/uri.hpp"
#include "text/xml.hpp"

namespace server {
namespace {

constexpr size_t idle_clients_max = 32;
constexpr int attempts_max = 4;
constexpr int transfer_seconds_max = 24 * 3600;
constexpr uint64_t single_put_bytes_max = 1ULL << 30;
constexpr uint64_t part_bytes = 64ULL << 20;
constexpr size_t page_keys_max = 1000;

// Worth another try: nobody refused, something was in the way.
bool is_passing(const base::Error& error) {
    return error.code == "ConnectionError" || error.code == "InternalError" || error.code == "SlowDown" ||
           error.code == "ServiceUnavailable" || error.code == "RequestTimeout";
}

}  // namespace

void WireJobData::set_endpoint(std::string endpoint, std::string region) {
    std::lock_guard lock(mutex_);
    endpoint_ = std::move(endpoint);
    region_ = std::move(region);
}

base::Result<wire::S3Answer> WireJobData::call(const identity::Credentials& credentials, const wire::S3Call& call) {
    std::unique_ptr<wire::Client> client;
    {
        std::lock_guard lock(mutex_);
        auto found = std::find_if(idle_.begin(), idle_.end(),
                                  [&](const Lent& lent) { return lent.access_key_id == credentials.access_key_id; });
        if (found != idle_.end()) {
            client = std::move(found->client);
            idle_.erase(found);
        } else {
            wire::ClientOptions options;
            options.endpoint = endpoint_;
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
    std::lock_guard lock(mutex_);
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
            if (!key) return base::fail("InternalError", "a listing of " + prefix.text() + " has a key that cannot be read");
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
                                         const std::string& path) {
    int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) return base::fail("InternalError", "cannot write " + path + ": " + std::strerror(errno));
    wire::S3Call request;
    request.bucket = object.bucket;
    request.key = object.key;
    request.sink = [&](std::string_view bytes) -> base::Result<void> {
        while (!bytes.empty()) {
            ssize_t count = ::write(file, bytes.data(), bytes.size());
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return base::fail("LocalDiskError", "cannot write " + path + ": " + std::strerror(errno));
            bytes.remove_prefix(static_cast<size_t>(count));
        }
        return {};
    };
    base::Result<wire::S3Answer> answer = call(credentials, request);
    for (int attempt = 1; !answer && is_passing(answer.error()) && attempt < attempts_max; ++attempt) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100 << attempt));
        if (::ftruncate(file, 0) != 0 || ::lseek(file, 0, SEEK_SET) != 0) break;
        answer = call(credentials, request);
    }
    off_t written = ::lseek(file, 0, SEEK_CUR);
    ::close(file);
    if (answer) {
        const std::string* length = answer->headers.find("content-length");
        if (length == nullptr || std::to_string(written) == *length) return {};
        answer = base::fail("IncompleteBody", "got " + std::to_string(written) + " of " + *length + " bytes");
    }
    ::unlink(path.c_str());
    return base::fail(std::move(answer).error());
}

base::Result<void> WireJobData::upload(const identity::Credentials& credentials, const std::string& path,
                                       const training::S3Uri& object) {
    std::error_code error;
    uint64_t size = std::filesystem::file_size(path, error);
    if (error) return base::fail("InternalError", "cannot read " + path + ": " + error.message());
    if (size > single_put_bytes_max) return upload_parts(credentials, path, size, object);
    wire::S3Call request;
    request.method = "PUT";
    request.bucket = object.bucket;
    request.key = object.key;
    request.body_file = path;
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
        return base::fail("IncompleteBody",
                          "got " + std::to_string(answer.body.size()) + " of " + std::to_string(size) + " bytes");
    }
    return std::move(answer.body);
}

base::Result<void> WireJobData::upload_parts(const identity::Credentials& credentials, const std::string& path, uint64_t size,
                                             const training::S3Uri& object) {
    auto on_object = [&](const char* method, std::string query, std::string body) {
        wire::S3Call request;
        request.method = method;
        request.bucket = object.bucket;
        request.key = object.key;
        request.query = std::move(query);
        request.body = std::move(body);
        return call(credentials, request);
    };
    auto started = TRY(on_object("POST", "uploads", ""));
    auto begun = TRY(text::parse_xml(started.body));
    std::string upload = "uploadId=" + text::encode_uri(begun.child_text("UploadId"));
    auto send = [&]() -> base::Result<void> {
        std::ifstream file(path, std::ios::binary);
        text::XmlWriter list;
        list.open("CompleteMultipartUpload");
        int number = 1;
        for (uint64_t offset = 0; offset < size; offset += part_bytes, ++number) {
            std::string part(std::min(part_bytes, size - offset), '\0');
            if (!file.read(part.data(), static_cast<std::streamsize>(part.size())))
                return base::fail("InternalError", "cannot read " + path);
            auto answer = TRY(on_object("PUT", "partNumber=" + std::to_string(number) + "&" + upload, std::move(part)));
            list.open("Part");
            list.element("PartNumber", std::to_string(number));
            list.element("ETag", answer.headers.get("etag"));
            list.close();
        }
        list.close();
        TRY(on_object("POST", upload, list.finish()));
        return {};
    };
    auto sent = send();
    // Parts that belong to nothing take space: drop them, whatever that says; the first error is the one to tell.
    if (!sent) (void)on_object("DELETE", upload, "");
    return sent;
}

}  // namespace server
