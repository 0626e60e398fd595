#include "wire/s3_request.hpp"

#include <algorithm>
#include <span>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/rest.hpp"
#include "model/s3/service.hpp"
#include "model/s3control/service.hpp"
#include "wire/hoisted_headers.hpp"

namespace wire {

using model::Level;
using model::Route;

namespace {

// Amazon S3 Control's API has its version at the head of every path, and names the account in a header.
constexpr std::string_view control_path = "/v20180820/";
constexpr std::string_view control_tags_path = "/v20180820/tags/";
constexpr std::string_view control_block_path = "/v20180820/configuration/publicAccessBlock";
constexpr std::string_view public_access_block = "PublicAccessBlock";
constexpr std::string_view copy_source = "x-amz-copy-source";
constexpr std::string_view preflight = "PreflightRequest";

std::vector<std::string>& own_domains() {
    static std::vector<std::string> domains;
    return domains;
}

const model::RestService& s3() { return *model::s3::service.rest; }

// What signs a request, and what the clients add to be seen in logs: AWS ignores every parameter that starts with `x-` ("Amazon
// S3 server access log format", custom access log information), but for those that stand for headers (check_hoisted).
bool is_no_argument(std::string_view name) {
    return base::lower(name).starts_with("x-") || name == "AWSAccessKeyId" || name == "Signature" || name == "Expires";
}

bool contains(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

// Whether it steers a reading operation without choosing it. Its value may be empty (`?prefix=`), which must not look like an
// unknown sub-resource. (Of a key, those of listings mean nothing, as in AWS.)
bool steers(std::string_view name) {
    return contains(s3().steering, name) || name.starts_with("response-") || is_no_argument(name);
}

bool chooses(Level level, std::string_view name) {
    return std::ranges::any_of(s3().routes, [&](const Route& route) { return route.level == level && route.parameter == name; });
}

bool is_address(std::string_view host) {
    return host.starts_with('[') || host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

const std::string* S3Request::parameter(std::string_view name) const {
    for (const auto& [key_of, value] : query) {
        if (key_of == name) return &value;
    }
    return nullptr;
}

bool is_s3_control(const http::RequestHead& head) {
    const auto host = head.headers.get("Host");
    const bool names_control = host.starts_with("s3-control.") || host.find(".s3-control.") != std::string::npos;
    // A bucket may be called v20180820; its requests name no account.
    return head.path.starts_with(control_path) && (names_control || head.headers.find("x-amz-account-id") != nullptr);
}

std::string s3_control_path(std::string_view operation, std::string_view arn) {
    return std::string(operation.contains(public_access_block) ? control_block_path : control_tags_path) +=
           operation.contains(public_access_block) ? "" : arn;
}

bool is_domain(std::string_view name) {
    if (name.size() > 253 || name.find('.') == std::string_view::npos || is_address(name)) return false;
    return std::ranges::all_of(base::split(name, '.'), [](std::string_view label) {
        const auto is_fine = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        };
        return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
               std::ranges::all_of(label, is_fine);
    });
}

// The longest first: what is below one of them may be below another.
void set_s3_domains(std::vector<std::string> domains) {
    for (auto& domain : domains) domain = base::lower(domain);
    std::ranges::sort(domains, [](const auto& a, const auto& b) { return a.size() > b.size(); });
    own_domains() = std::move(domains);
}

namespace {

// Of the server's own domains and localhost: what stands before the first that fits.
std::string_view bucket_below(std::string_view host) {
    const auto before = [&](std::string_view domain) -> std::optional<std::string_view> {
        if (base::equals_ignoring_case(host, domain)) return std::string_view();
        const size_t rest = host.size() - std::min(host.size(), domain.size());
        const bool fits = rest > 1 && host[rest - 1] == '.' && base::equals_ignoring_case(host.substr(rest), domain);
        return fits ? std::optional(host.substr(0, rest - 1)) : std::nullopt;
    };
    for (const auto& domain : own_domains())
        if (const auto found = before(domain)) return *found;
    for (const std::string_view domain : {"storage.localhost", "s3.localhost", "localhost"})
        if (const auto found = before(domain)) return *found;
    return {};
}

}  // namespace

std::string_view bucket_of_host(std::string_view host) {
    if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
    if (host.empty() || is_address(host)) return {};
    if (!own_domains().empty()) return bucket_below(host);
    if (host.starts_with("s3.") || host.starts_with("s3-") || host == "storage.localhost") return {};
    // Bucket names may hold dots: the last `.s3.` is the service's.
    auto end = host.rfind(".s3.");
    if (end == std::string_view::npos) end = host.rfind(".s3-");
    for (const std::string_view domain : {".storage.localhost", ".localhost"}) {
        if (end == std::string_view::npos && host.ends_with(domain)) end = host.size() - domain.size();
    }
    return end == std::string_view::npos ? std::string_view{} : host.substr(0, end);
}

std::optional<S3Address> s3_address(const http::RequestHead& head) {
    std::string_view path = head.path;
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto host = head.headers.get("Host");
    std::string_view raw_bucket = bucket_of_host(host);
    if (raw_bucket.empty()) {
        const auto slash = path.find('/');
        raw_bucket = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    auto bucket = text::decode_uri(raw_bucket);
    auto key = text::decode_uri(path);
    if (!bucket || !key) return std::nullopt;
    return S3Address{*std::move(bucket), *std::move(key)};
}

namespace {

base::Error method_not_allowed(std::string_view parameter = {}) {
    return {base::code::MethodNotAllowed, "The specified method is not allowed against this resource" +
                                              (parameter.empty() ? std::string(".") : ": `?" + std::string(parameter) + "`.")};
}

// A parameter that is said twice says two things: policies and the operation might each believe another.
base::Result<void> check_said_once(const text::QueryParameters& query) {
    for (auto at = query.begin(); at != query.end(); ++at) {
        const auto again = std::find_if(query.begin(), at, [&](const auto& before) { return before.first == at->first; });
        if (again == at || again->second == at->second) continue;
        return base::fail(base::code::InvalidArgument,
                          "The query parameter `" + at->first + "` is given twice with different values.");
    }
    return {};
}

// A parameter that stands for a header is one by now, if the request was presigned; in any other it would be ignored.
base::Result<void> check_hoisted(const text::QueryParameters& query, const http::Headers& headers) {
    for (const auto& parameter : query) {
        const auto& [name, value] = parameter;
        if (!stands_for_header(parameter)) continue;
        const auto* header = headers.find(name);
        if (header == nullptr || *header != base::trim(value))
            return base::fail(
                base::code::InvalidArgument,
                "The query parameter `" + name + "` stands for a header in presigned requests alone. Send the header instead.");
    }
    return {};
}

// What Version 2 has in the query beside the headers that are named x-amz-*: they are headers by now (hoisted_headers.hpp).
void leave_out_headers_of_v2(text::QueryParameters& query, const http::Headers& headers) {
    const auto is_v2 = [](const auto& parameter) { return parameter.first == "AWSAccessKeyId"; };
    if (std::ranges::none_of(query, is_v2)) return;
    std::erase_if(query, [&](const auto& parameter) {
        const auto* header = headers.find(parameter.first);
        return stands_for_header(parameter, SignatureVersion::v2) && header != nullptr && *header == base::trim(parameter.second);
    });
}

// The parameter that chooses the operation; "" if none does. What names no operation of this method, or two of them, is refused: it must
// not fall through to the plain operation on the bucket or the object.
base::Result<std::string> find_choice(const S3Request& request, Level level, std::string_view method) {
    std::string choice;
    for (const auto& [name, value] : request.query) {
        if (level == Level::service) {
            if (chooses(Level::bucket, name) || chooses(Level::object, name)) return base::fail(method_not_allowed(name));
            continue;
        }
        if (!chooses(level, name)) {
            if (level != Level::control && (chooses(Level::bucket, name) || chooses(Level::object, name)) && !value.empty())
                return base::fail(method_not_allowed(name));
            const bool reads = method == "GET" || method == "HEAD";
            // What chooses operations of AWS that are not here: with a value, too, none that a reading operation may ignore.
            if (!steers(name) && (value.empty() || !reads || contains(s3().elsewhere, name))) {
                return base::fail(
                    base::code::NotImplemented,
                    "A header or query you provided requested a function that is not implemented: `?" + name + "`.");
            }
            continue;
        }
        if (name == "list-type" && value != "2")
            return base::fail(base::code::InvalidArgument, "Invalid List Type specified in Request");
        if (!choice.empty() && choice != name)
            return base::fail(base::code::InvalidArgument, "Conflicting query parameters: `" + choice + "` and `" + name + "`.");
        choice = name;
    }
    return choice;
}

const Route* find_route(const S3Request& request, Level level, const http::RequestHead& head, std::string_view choice) {
    for (const auto& route : s3().routes) {
        if (route.level != level || route.method != head.method || route.parameter != choice) continue;
        if (!route.header.empty() && head.headers.get(route.header).empty()) continue;
        if (!route.and_parameter.empty() && request.parameter(route.and_parameter) == nullptr) continue;
        return &route;
    }
    return nullptr;
}

// Parameters that the operation does not know how to act upon. One that names a part or a version is of those that act on it: any other
// would act on the whole object, or on the current one: an answer to another question, or an object lost.
base::Result<void> check_parameters(const S3Request& request, std::string_view method, const Route& route) {
    const bool reads = method == "GET" || method == "HEAD";
    for (const auto& [name, value] : request.query) {
        if (is_no_argument(name)) continue;
        const bool understood = name == "partNumber"  ? (route.takes & Route::takes_part) != 0
                                : name == "versionId" ? (route.takes & Route::takes_version) != 0
                                                      : true;
        if (!understood && name == "partNumber" && method == "PUT")
            return base::fail(base::code::InvalidArgument, "This operation does not accept a query-string without uploadId.");
        if (!understood)
            return base::fail(base::code::InvalidArgument, "This operation does not accept the query parameter `" + name + "`.");
        // A bucket has many configurations of some kinds, each with an `id`. To any other operation it says nothing: a reading one
        // may ignore it (web pages name versions of a file so), a writing one may not, for it was meant for one of these.
        const bool only_reads = contains(s3().steering, name) && name != "partNumber" && name != "versionId" &&
                                !(name == "id" && contains(s3().with_id, route.parameter));
        if (!reads && (only_reads || name.starts_with("response-")))
            return base::fail(base::code::InvalidArgument, "This operation does not accept the query parameter `" + name + "`.");
    }
    const bool writes_part = !reads && (route.takes & Route::takes_part) != 0;
    if (writes_part && request.parameter("partNumber") == nullptr)
        return base::fail(base::code::InvalidArgument, "This operation does not accept a query-string without partNumber.");
    return {};
}

base::Result<void> find_control_operation(S3Request& request, std::string_view method) {
    const bool of_block = request.bucket.empty();
    for (const auto& route : model::s3control::service.rest->routes)
        if (route.method == method && route.operation.contains(public_access_block) == of_block)
            request.operation = route.operation;
    if (request.operation.empty()) return base::fail(method_not_allowed());
    return {};
}

base::Result<S3Request> read_s3_control_request(const http::RequestHead& head, S3Request request) {
    if (head.path == control_block_path) {
        TRY(find_control_operation(request, head.method));
        return request;
    }
    if (!head.path.starts_with(control_tags_path))
        return base::fail(base::code::NotImplemented,
                          "A header or query you provided requested a function that is not implemented: "
                          "S3 Control, but for the tags of buckets and the public access block of accounts");
    const auto arn = text::decode_uri(std::string_view(head.path).substr(control_tags_path.size()));
    if (!arn) return base::fail(base::code::InvalidURI, "Couldn't parse the specified URI.");
    constexpr std::string_view of_bucket = "arn:aws:s3:::";
    if (!arn->starts_with(of_bucket) || arn->size() == of_bucket.size() || arn->find('/') != std::string::npos) {
        return base::fail(base::code::NotImplemented,
                          "A header or query you provided requested a function that is not implemented: "
                          "tags of what is not a general purpose bucket");
    }
    request.bucket = arn->substr(of_bucket.size());
    TRY(find_control_operation(request, head.method));
    return request;
}

}  // namespace

base::Result<S3Request> read_s3_request(const http::RequestHead& head) {
    S3Request request;
    const auto query = text::parse_query(head.query);
    if (!query) return base::fail(base::code::InvalidURI, "Couldn't parse the specified URI.");
    request.query = *query;
    TRY(check_hoisted(request.query, head.headers));
    leave_out_headers_of_v2(request.query, head.headers);
    if (is_s3_control(head)) return read_s3_control_request(head, std::move(request));
    TRY(check_said_once(request.query));

    auto address = s3_address(head);
    if (!address) return base::fail(base::code::InvalidURI, "Couldn't parse the specified URI.");
    request.bucket = std::move(address->bucket);
    request.key = std::move(address->key);

    if (head.method == "OPTIONS" && !request.bucket.empty()) {
        request.operation = preflight;
        return request;
    }
    const auto level = request.bucket.empty() ? Level::service : request.key.empty() ? Level::bucket : Level::object;
    const auto choice = TRY(find_choice(request, level, head.method));
    const Route* route = find_route(request, level, head, choice);
    if (route == nullptr) return base::fail(method_not_allowed(choice));
    request.operation = route->operation;
    TRY(check_parameters(request, head.method, *route));
    if (route->header.empty() && !head.headers.get(copy_source).empty())
        return base::fail(base::code::InvalidArgument,
                          "The header x-amz-copy-source is not accepted by " + request.operation + ".");
    return request;
}

}  // namespace wire
