#include "wire/s3_request.hpp"

#include <algorithm>
#include <array>

#include "base/strings.hpp"

namespace wire {
namespace {

enum class Level : uint8_t { service, bucket, object };

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
});

// Parameters that steer an operation without choosing it. Their value may be empty (`?prefix=`), which must not look like an
// unknown sub-resource.
constexpr auto steering = std::to_array<std::string_view>({
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
    "x-id",
});

bool steers(std::string_view name) {
    return std::ranges::find(steering, name) != steering.end() || name.starts_with("response-") ||
           base::lower(name).starts_with("x-amz-");
}

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

std::string_view bucket_of_host(std::string_view host) {
    if (!host.starts_with('[')) host = host.substr(0, host.find(':'));
    if (host.empty() || is_address(host)) return {};
    if (host.starts_with("s3.") || host.starts_with("s3-")) return {};
    // Bucket names may hold dots: the last `.s3.` is the service's.
    auto end = host.rfind(".s3.");
    if (end == std::string_view::npos) end = host.rfind(".s3-");
    if (end == std::string_view::npos && host.ends_with(".localhost")) end = host.size() - std::string_view(".localhost").size();
    return end == std::string_view::npos ? std::string_view{} : host.substr(0, end);
}

base::Result<S3Request> read_s3_request(const http::RequestHead& head) {
    S3Request request;
    const auto query = text::parse_query(head.query);
    if (!query) return base::fail("InvalidURI", "Couldn't parse the specified URI.");
    request.query = *query;

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
    for (const auto& [name, value] : request.query) {
        if (value.empty() && level != Level::service && !steers(name) && !chooses(level, name)) {
            return base::fail("NotImplemented",
                              "A header or query you provided requested a function that is not implemented: `?" + name + "`.");
        }
    }
    for (const auto& route : routes) {
        if (route.level != level || route.method != head.method) continue;
        if (!route.parameter.empty() && request.parameter(route.parameter) == nullptr) continue;
        if (route.parameter == "list-type" && *request.parameter("list-type") != "2") continue;
        // A sub-resource that this method does not have (`POST ?policy`) must not fall through to the plain operation.
        if (route.parameter.empty()) {
            const auto other = std::ranges::find_if(
                request.query, [&](const auto& field) { return field.first != "list-type" && chooses(level, field.first); });
            if (other != request.query.end()) {
                return base::fail("MethodNotAllowed",
                                  "The specified method is not allowed against this resource: `?" + other->first + "`.");
            }
        }
        request.operation = route.operation;
        break;
    }
    if (request.operation.empty())
        return base::fail("MethodNotAllowed", "The specified method is not allowed against this resource.");
    if (head.headers.find("x-amz-copy-source") != nullptr) {
        if (request.operation == "PutObject") request.operation = "CopyObject";
        if (request.operation == "UploadPart") request.operation = "UploadPartCopy";
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
