// libcurl's easy interface behind http::Client. The only file that sees curl.
#include "http/client.hpp"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/un.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "os/descriptor.hpp"

namespace http {

using base::fail;
using base::Result;

struct Client::State {
    CURL* handle = nullptr;
};

namespace {

constexpr size_t answer_bytes_max = 512u << 20;  // of answers kept in memory

// A Unix socket's name has room for 107 characters; a folder that is open has a short one.
struct SocketName {
    os::Descriptor folder;
    std::string text;
    explicit SocketName(const std::string& path) : text(path) {
        const auto slash = path.rfind('/');
        if (slash == std::string::npos || path.size() < sizeof(sockaddr_un::sun_path)) return;
        folder = os::Descriptor(::open(path.substr(0, slash + 1).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (folder.is_open()) text = "/proc/self/fd/" + std::to_string(folder.number()) + path.substr(slash);
    }
};

// What the callbacks of one transfer fill.
struct Transfer {
    CURL* handle = nullptr;
    const ClientRequest* request = nullptr;
    ClientResponse response;
    std::optional<base::Error> refused;  // by the sink, or too large
};

size_t on_header(char* bytes, size_t size, size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view line(bytes, size * count);
    if (line.starts_with("HTTP/")) {
        transfer.response.headers = {};  // 100 Continue and redirects come before the answer that counts.
        return line.size();
    }
    if (const auto colon = line.find(':'); colon != std::string_view::npos)
        transfer.response.headers.add(std::string(line.substr(0, colon)), std::string(base::trim(line.substr(colon + 1))));
    return line.size();
}

int on_progress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<Transfer*>(user)->request->given_up() ? 1 : 0;  // not 0: curl ends it
}

size_t on_body(char* bytes, size_t size, size_t count, void* user) {
    auto& transfer = *static_cast<Transfer*>(user);
    const std::string_view part(bytes, size * count);
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    if (transfer.request->sink && status >= 200 && status < 300) {
        auto taken = transfer.request->sink(part);
        if (taken) return part.size();
        transfer.refused = std::move(taken).error();
        return 0;
    }
    if (transfer.response.body.size() + part.size() > answer_bytes_max) {
        transfer.refused =
            base::Error(base::code::EntityTooLarge, "the answer is larger than " + std::to_string(answer_bytes_max) + " bytes");
        return 0;
    }
    if (transfer.response.body.empty()) {
        curl_off_t announced = 0;
        curl_easy_getinfo(transfer.handle, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
        if (announced > 0) transfer.response.body.reserve(std::min(static_cast<size_t>(announced), answer_bytes_max));
    }
    transfer.response.body += part;
    return part.size();
}

std::string host_of(const std::string& url) {
    const auto begin = url.find("://");
    if (begin == std::string::npos) return url;
    return url.substr(0, url.find('/', begin + 3));
}

base::Error connection_error(const ClientRequest& request, CURLcode code, const char* detail) {
    base::Error error(code == CURLE_OPERATION_TIMEDOUT ? base::code::Timeout : base::code::ConnectionError,
                      "`" + host_of(request.url) + "` cannot be reached: " + (*detail ? detail : curl_easy_strerror(code)));
    if (code == CURLE_SSL_CONNECT_ERROR && request.url.starts_with("https"))
        error.notes.push_back(
            "does it speak TLS there? without --tls `trainwarden serve` speaks plain HTTP: its endpoint is http" +
            host_of(request.url).substr(std::string_view("https").size()));
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE)
        error.notes.emplace_back(
            "who vouches for its certificate is named by AWS_CA_BUNDLE, which `trainwarden env` sets for a "
            "server that made its own");
    if (code == CURLE_COULDNT_CONNECT) error.notes.push_back("is the server running there? `trainwarden serve` starts one");
    return error;
}

struct File {
    std::FILE* file = nullptr;
    curl_off_t length = 0;
    ~File() {
        if (file) std::fclose(file);
    }
};

Result<void> open_file(const std::string& path, File& out) {
    out.file = std::fopen(path.c_str(), "rbe");
    if (!out.file || std::fseek(out.file, 0, SEEK_END) != 0)
        return fail(base::code::FileNotReadable, "cannot read `" + path + "`");
    out.length = std::ftell(out.file);
    std::rewind(out.file);
    return {};
}

}  // namespace

Client::Client() : state_(std::make_unique<State>()) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    state_->handle = curl_easy_init();
}

Client::~Client() { curl_easy_cleanup(state_->handle); }

Result<ClientResponse> Client::send(const ClientRequest& request) {
    CURL* handle = state_->handle;
    curl_easy_reset(handle);  // Options only: connections stay.
    Transfer transfer{.handle = handle, .request = &request, .response = {}, .refused = {}};
    char detail[CURL_ERROR_SIZE] = "";
    File file;
    const SocketName socket(request.socket);

    if (!request.socket.empty()) curl_easy_setopt(handle, CURLOPT_UNIX_SOCKET_PATH, socket.text.c_str());
    // As AWS's tools: the authorities of this file instead of the system's.
    if (const char* bundle = std::getenv("AWS_CA_BUNDLE"); bundle != nullptr && *bundle != '\0')
        curl_easy_setopt(handle, CURLOPT_CAINFO, bundle);
    // Behind a Unix socket nothing is encrypted, whatever its server's endpoint says.
    const bool to_socket_over_tls = !request.socket.empty() && request.url.starts_with("https://");
    const std::string url = to_socket_over_tls ? "http" + request.url.substr(std::string_view("https").size()) : request.url;
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);  // What was signed is what is sent.
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, 10L);
    // No progress for the whole time is a failure; a long transfer that moves is not.
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.timeout_seconds));
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    if (request.given_up) {
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
    }
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);

    if (!request.body_file.empty()) {
        TRY(open_file(request.body_file, file));
        curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(handle, CURLOPT_READDATA, file.file);  // read with fread, curl's default
        curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, file.length);
    } else if (!request.body.empty() || request.method == "POST" || request.method == "PUT") {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else if (request.method == "HEAD") {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    }
    if (request.method != "HEAD") curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());

    curl_slist* fields = nullptr;
    const auto add = [&](const std::string& line) { fields = curl_slist_append(fields, line.c_str()); };
    // curl adds these on its own, unsigned and unasked.
    for (const auto* own : {"Expect", "Content-Type", "Accept"})
        if (!request.headers.find(own)) add(std::string(own) + ":");
    for (const auto& [name, value] : request.headers.fields())
        if (!base::equals_ignoring_case(name, "Content-Length")) add(value.empty() ? name + ";" : name + ": " + value);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, fields);

    const CURLcode code = curl_easy_perform(handle);
    curl_slist_free_all(fields);
    if (transfer.refused) return fail(std::move(*transfer.refused));
    if (code != CURLE_OK) return fail(connection_error(request, code, detail));
    long status = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    return std::move(transfer.response);
}

}  // namespace http
