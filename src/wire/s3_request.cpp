#include "wire/s3_request.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/strings.hpp"
#include "wire/hoisted_headers.hpp"

namespace wire {
namespace {

enum class Level : uint8_t { service, bucket, object, control };

// Amazon S3 Control's API has its version at the head of every path, and names the account in a header.
constexpr std::string_view control_path = "/v20180820/";
constexpr std::string_view control_tags_path = "/v20180820/tags/";

struct Route {
    Level level;
    std::string_view method;
    std::string_view parameter;  // the query parameter that makes it this operation; empty: none of them
    std::string_view operation;
};

// The first row that fits decides, so rows with a parameter come before the row without, and where AWS tells two operations apart
// by two parameters, `uploadId` comes before `partNumber`.
constexpr auto routes = std::to_array<Route>({
    {Level::service, "GET", "", "ListBuckets"},

    {Level::bucket, "GET", "accelerate", "GetBucketAccelerateConfiguration"},
    {Level::bucket, "GET", "acl", "GetBucketAcl"},
    {Level::bucket, "GET", "analytics", "GetBucketAnalyticsConfiguration"},
    {Level::bucket, "GET", "cors", "GetBucketCors"},
    {Level::bucket, "GET", "encryption", "GetBucketEncryption"},
    {Level::bucket, "GET", "intelligent-tiering", "GetBucketIntelligentTieringConfiguration"},
    {Level::bucket, "GET", "inventory", "GetBucketInventoryConfiguration"},
    {Level::bucket, "GET", "lifecycle", "GetBucketLifecycleConfiguration"},
    {Level::bucket, "GET", "location", "GetBucketLocation"},
    {Level::bucket, "GET", "logging", "GetBucketLogging"},
    {Level::bucket, "GET", "metrics", "GetBucketMetricsConfiguration"},
    {Level::bucket, "GET", "notification", "GetBucketNotificationConfiguration"},
    {Level::bucket, "GET", "object-lock", "GetObjectLockConfiguration"},
    {Level::bucket, "GET", "ownershipControls", "GetBucketOwnershipControls"},
    {Level::bucket, "GET", "policy", "GetBucketPolicy"},
    {Level::bucket, "GET", "policyStatus", "GetBucketPolicyStatus"},
    {Level::bucket, "GET", "publicAccessBlock", "GetPublicAccessBlock"},
    {Level::bucket, "GET", "replication", "GetBucketReplication"},
    {Level::bucket, "GET", "requestPayment", "GetBucketRequestPayment"},
    {Level::bucket, "GET", "session", "CreateSession"},
    {Level::bucket, "GET", "tagging", "GetBucketTagging"},
    {Level::bucket, "GET", "uploads", "ListMultipartUploads"},
    {Level::bucket, "GET", "versioning", "GetBucketVersioning"},
    {Level::bucket, "GET", "versions", "ListObjectVersions"},
    {Level::bucket, "GET", "website", "GetBucketWebsite"},
    {Level::bucket, "GET", "list-type", "ListObjectsV2"},
    {Level::bucket, "GET", "", "ListObjects"},
    {Level::bucket, "HEAD", "", "HeadBucket"},
    {Level::bucket, "PUT", "accelerate", "PutBucketAccelerateConfiguration"},
    {Level::bucket, "PUT", "acl", "PutBucketAcl"},
    {Level::bucket, "PUT", "analytics", "PutBucketAnalyticsConfiguration"},
    {Level::bucket, "PUT", "cors", "PutBucketCors"},
    {Level::bucket, "PUT", "encryption", "PutBucketEncryption"},
    {Level::bucket, "PUT", "intelligent-tiering", "PutBucketIntelligentTieringConfiguration"},
    {Level::bucket, "PUT", "inventory", "PutBucketInventoryConfiguration"},
    {Level::bucket, "PUT", "lifecycle", "PutBucketLifecycleConfiguration"},
    {Level::bucket, "PUT", "logging", "PutBucketLogging"},
    {Level::bucket, "PUT", "metrics", "PutBucketMetricsConfiguration"},
    {Level::bucket, "PUT", "notification", "PutBucketNotificationConfiguration"},
    {Level::bucket, "PUT", "object-lock", "PutObjectLockConfiguration"},
    {Level::bucket, "PUT", "ownershipControls", "PutBucketOwnershipControls"},
    {Level::bucket, "PUT", "policy", "PutBucketPolicy"},
    {Level::bucket, "PUT", "publicAccessBlock", "PutPublicAccessBlock"},
    {Level::bucket, "PUT", "replication", "PutBucketReplication"},
    {Level::bucket, "PUT", "requestPayment", "PutBucketRequestPayment"},
    {Level::bucket, "PUT", "tagging", "PutBucketTagging"},
    {Level::bucket, "PUT", "versioning", "PutBucketVersioning"},
    {Level::bucket, "PUT", "website", "PutBucketWebsite"},
    {Level::bucket, "PUT", "", "CreateBucket"},
    {Level::bucket, "POST", "delete", "DeleteObjects"},
    {Level::bucket, "POST", "", "PostObject"},
    {Level::bucket, "DELETE", "analytics", "DeleteBucketAnalyticsConfiguration"},
    {Level::bucket, "DELETE", "cors", "DeleteBucketCors"},
    {Level::bucket, "DELETE", "encryption", "DeleteBucketEncryption"},
    {Level::bucket, "DELETE", "intelligent-tiering", "DeleteBucketIntelligentTieringConfiguration"},
    {Level::bucket, "DELETE", "inventory", "DeleteBucketInventoryConfiguration"},
    {Level::bucket, "DELETE", "lifecycle", "DeleteBucketLifecycle"},
    {Level::bucket, "DELETE", "metrics", "DeleteBucketMetricsConfiguration"},
    {Level::bucket, "DELETE", "ownershipControls", "DeleteBucketOwnershipControls"},
    {Level::bucket, "DELETE", "policy", "DeleteBucketPolicy"},
    {Level::bucket, "DELETE", "publicAccessBlock", "DeletePublicAccessBlock"},
    {Level::bucket, "DELETE", "replication", "DeleteBucketReplication"},
    {Level::bucket, "DELETE", "tagging", "DeleteBucketTagging"},
    {Level::bucket, "DELETE", "website", "DeleteBucketWebsite"},
    {Level::bucket, "DELETE", "", "DeleteBucket"},

    {Level::object, "GET", "acl", "GetObjectAcl"},
    {Level::object, "GET", "attributes", "GetObjectAttributes"},
    {Level::object, "GET", "legal-hold", "GetObjectLegalHold"},
    {Level::object, "GET", "retention", "GetObjectRetention"},
    {Level::object, "GET", "tagging", "GetObjectTagging"},
    {Level::object, "GET", "torrent", "GetObjectTorrent"},
    {Level::object, "GET", "uploadId", "ListParts"},
    {Level::object, "GET", "", "GetObject"},
    {Level::object, "HEAD", "", "HeadObject"},
    {Level::object, "PUT", "acl", "PutObjectAcl"},
    {Level::object, "PUT", "legal-hold", "PutObjectLegalHold"},
    {Level::object, "PUT", "renameObject", "RenameObject"},
    {Level::object, "PUT", "retention", "PutObjectRetention"},
    {Level::object, "PUT", "tagging", "PutObjectTagging"},
    {Level::object, "PUT", "uploadId", "UploadPart"},  // UploadPartCopy if there is a copy source
    {Level::object, "PUT", "", "PutObject"},           // CopyObject if there is a copy source
    {Level::object, "POST", "restore", "RestoreObject"},
    {Level::object, "POST", "select", "SelectObjectContent"},
    {Level::object, "POST", "uploads", "CreateMultipartUpload"},
    {Level::object, "POST", "uploadId", "CompleteMultipartUpload"},
    {Level::object, "DELETE", "tagging", "DeleteObjectTagging"},
    {Level::object, "DELETE", "uploadId", "AbortMultipartUpload"},
    {Level::object, "DELETE", "", "DeleteObject"},

    {Level::control, "GET", "", "ListTagsForResource"},
    {Level::control, "POST", "", "TagResource"},
    {Level::control, "DELETE", "", "UntagResource"},
});

// Parameters that steer a reading operation without choosing it. Their value may be empty (`?prefix=`), which must not look like an
// unknown sub-resource. (Of a key, those of listings mean nothing, as in AWS.)
constexpr auto reading = std::to_array<std::string_view>({
    "bucket-region",
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "id",
    "key-marker",
    "marker",
    "max-buckets",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "partNumber",
    "prefix",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "versionId",
});

// What chooses operations of AWS that are not here; with a value, too, it is none that a reading operation may ignore.
constexpr auto chooses_elsewhere = std::to_array<std::string_view>({
    "abac",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
});

// A bucket has many of these configurations, each with an `id`. To any other operation it says nothing: a reading one may ignore
// it (web pages name versions of a file so), a writing one may not, for it was meant for one of these.
constexpr auto of_configurations = std::to_array<std::string_view>({"analytics", "intelligent-tiering", "inventory", "metrics"});

// Which operations act on a part or a version that a parameter names. Any other would act on the whole object, or on the current
// one: an answer to another question, or an object lost.
constexpr auto of_a_part = std::to_array<std::string_view>({"GetObject", "HeadObject", "UploadPart"});
constexpr auto never_of_a_version =
    std::to_array<std::string_view>({"PutObject", "UploadPart", "CreateMultipartUpload", "CompleteMultipartUpload",
                                     "AbortMultipartUpload", "ListParts", "RenameObject"});

// What signs a request, and what the clients add to be seen in logs: AWS ignores every parameter that starts with `x-` ("Amazon
// S3 server access log format", custom access log information), but for those that stand for headers (check_hoisted).
bool is_no_argument(std::string_view name) {
    return base::lower(name).starts_with("x-") || name == "AWSAccessKeyId" || name == "Signature" || name == "Expires";
}

bool contains(std::span<const std::string_view> names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

bool steers(std::string_view name) { return contains(reading, name) || name.starts_with("response-") || is_no_argument(name); }

bool chooses(Level level, std::string_view name) {
    return std::ranges::any_of(routes, [&](const Route& route) { return route.level == level && route.parameter == name; });
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

std::string_view bucket_of_host(std::string_view host) {
    if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
    if (host.empty() || is_address(host)) return {};
    if (host.starts_with("s3.") || host.starts_with("s3-") || host == "storage.localhost") return {};
    // Bucket names may hold dots: the last `.s3.` is the service's.
    auto end = host.rfind(".s3.");
    if (end == std::string_view::npos) end = host.rfind(".s3-");
    for (const std::string_view domain : {".storage.localhost", ".localhost"}) {
        if (end == std::string_view::npos && host.ends_with(domain)) end = host.size() - domain.size();
    }
    return end == std::string_view::npos ? std::string_view{} : host.substr(0, end);
}

namespace {

base::Error method_not_allowed(std::string_view parameter = {}) {
    return {"MethodNotAllowed", "The specified method is not allowed against this resource" +
                                    (parameter.empty() ? std::string(".") : ": `?" + std::string(parameter) + "`.")};
}

// A parameter that is said twice says two things: policies and the operation might each believe another.
base::Result<void> check_said_once(const text::QueryParameters& query) {
    for (auto at = query.begin(); at != query.end(); ++at) {
        const auto again = std::find_if(query.begin(), at, [&](const auto& before) { return before.first == at->first; });
        if (again == at || again->second == at->second) continue;
        return base::fail("InvalidArgument", "The query parameter `" + at->first + "` is given twice with different values.");
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
                "InvalidArgument",
                "The query parameter `" + name + "` stands for a header in presigned requests alone. Send the header instead.");
    }
    return {};
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
            if (!steers(name) && (value.empty() || !reads || contains(chooses_elsewhere, name))) {
                return base::fail(
                    "NotImplemented",
                    "A header or query you provided requested a function that is not implemented: `?" + name + "`.");
            }
            continue;
        }
        if (name == "list-type" && value != "2") return base::fail("InvalidArgument", "Invalid List Type specified in Request");
        if (!choice.empty() && choice != name)
            return base::fail("InvalidArgument", "Conflicting query parameters: `" + choice + "` and `" + name + "`.");
        choice = name;
    }
    return choice;
}

// Parameters that the operation does not know how to act upon.
base::Result<void> check_parameters(const S3Request& request, std::string_view method, std::string_view choice) {
    const bool reads = method == "GET" || method == "HEAD";
    for (const auto& [name, value] : request.query) {
        if (is_no_argument(name)) continue;
        const auto& operation = request.operation;
        const bool understood = name == "partNumber"  ? contains(of_a_part, operation)
                                : name == "versionId" ? !request.key.empty() && !contains(never_of_a_version, operation)
                                : name == "uploadId"  ? true  // chose the operation
                                                      : true;
        if (!understood && name == "partNumber" && method == "PUT")
            return base::fail("InvalidArgument", "This operation does not accept a query-string without uploadId.");
        if (!understood)
            return base::fail("InvalidArgument", "This operation does not accept the query parameter `" + name + "`.");
        const bool only_reads = contains(reading, name) && name != "partNumber" && name != "versionId" &&
                                !(name == "id" && contains(of_configurations, choice));
        if (!reads && (only_reads || name.starts_with("response-")))
            return base::fail("InvalidArgument", "This operation does not accept the query parameter `" + name + "`.");
    }
    if (request.operation == "UploadPart" && request.parameter("partNumber") == nullptr)
        return base::fail("InvalidArgument", "This operation does not accept a query-string without partNumber.");
    return {};
}

base::Result<S3Request> read_s3_control_request(const http::RequestHead& head, S3Request request) {
    if (!head.path.starts_with(control_tags_path))
        return base::fail("NotImplemented",
                          "A header or query you provided requested a function that is not implemented: "
                          "S3 Control, but for the tags of buckets");
    const auto arn = text::decode_uri(std::string_view(head.path).substr(control_tags_path.size()));
    if (!arn) return base::fail("InvalidURI", "Couldn't parse the specified URI.");
    constexpr std::string_view of_bucket = "arn:aws:s3:::";
    if (!arn->starts_with(of_bucket) || arn->size() == of_bucket.size() || arn->find('/') != std::string::npos) {
        return base::fail("NotImplemented",
                          "A header or query you provided requested a function that is not implemented: "
                          "tags of what is not a general purpose bucket");
    }
    request.bucket = arn->substr(of_bucket.size());
    for (const auto& route : routes) {
        if (route.level == Level::control && route.method == head.method) request.operation = route.operation;
    }
    if (request.operation.empty()) return base::fail(method_not_allowed());
    return request;
}

}  // namespace

base::Result<S3Request> read_s3_request(const http::RequestHead& head) {
    S3Request request;
    const auto query = text::parse_query(head.query);
    if (!query) return base::fail("InvalidURI", "Couldn't parse the specified URI.");
    request.query = *query;
    TRY(check_hoisted(request.query, head.headers));
    if (is_s3_control(head)) return read_s3_control_request(head, std::move(request));
    TRY(check_said_once(request.query));

    std::string_view path = head.path;
    if (path.starts_with('/')) path.remove_prefix(1);
    const auto host = head.headers.get("Host");
    std::string_view raw_bucket = bucket_of_host(host);
    if (raw_bucket.empty()) {
        const auto slash = path.find('/');
        raw_bucket = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    const auto bucket = text::decode_uri(raw_bucket);
    const auto key = text::decode_uri(path);
    if (!bucket || !key) return base::fail("InvalidURI", "Couldn't parse the specified URI.");
    request.bucket = *bucket;
    request.key = *key;

    const auto level = request.bucket.empty() ? Level::service : request.key.empty() ? Level::bucket : Level::object;
    const auto choice = TRY(find_choice(request, level, head.method));
    for (const auto& route : routes) {
        if (route.level == level && route.method == head.method && route.parameter == choice) request.operation = route.operation;
    }
    if (request.operation.empty()) return base::fail(method_not_allowed(choice));
    TRY(check_parameters(request, head.method, choice));
    if (head.headers.find("x-amz-copy-source") != nullptr) {
        if (request.operation == "PutObject") {
            request.operation = "CopyObject";
        } else if (request.operation == "UploadPart") {
            request.operation = "UploadPartCopy";
        } else {
            return base::fail("InvalidArgument", "The header x-amz-copy-source is not accepted by " + request.operation + ".");
        }
    }
    // Analytics, inventory, metrics and tiering list their configurations where no id is given.
    if (request.operation.starts_with("GetBucket") && request.operation.ends_with("Configuration") &&
        request.parameter("id") == nullptr) {
        for (const std::string_view kind : {"Analytics", "Inventory", "Metrics", "IntelligentTiering"}) {
            if (request.operation == "GetBucket" + std::string(kind) + "Configuration") {
                request.operation = "ListBucket" + std::string(kind) + "Configurations";
                break;
            }
        }
    }
    return request;
}

}  // namespace wire
