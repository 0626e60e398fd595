#include "audit/cloudtrail.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "audit/record_text.hpp"
#include "crypto/digest.hpp"
#include "model/services.hpp"
#include "model/shape.hpp"

namespace audit {
namespace {

using text::Json;

constexpr std::string_view event_version = "1.11";
constexpr size_t s3_request_id_bytes = 16;
constexpr size_t uuid_bytes = 36;
constexpr std::string_view decided_again = "DecisionOutdated";  // base/outdated.hpp: the request stands once more
constexpr std::string_view aws_domain = ".amazonaws.com";
const std::string unknown = "Unknown";                       // a service or an operation that this server does not have
constexpr std::string_view unreadable = "UnreadableRecord";  // errorCode of a record that cannot be read, or not whole

constexpr auto resource_types = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"arn:aws:logs:*:log-group:", "AWS::Logs::LogGroup"},
    {"arn:aws:sagemaker:*:training-job/", "AWS::SageMaker::TrainingJob"},
    {"arn:aws:iam:*:role/", "AWS::IAM::Role"},
    {"arn:aws:iam:*:user/", "AWS::IAM::User"},
    {"arn:aws:iam:*:group/", "AWS::IAM::Group"},
    {"arn:aws:iam:*:policy/", "AWS::IAM::Policy"},
    {"arn:aws:iam:*:instance-profile/", "AWS::IAM::InstanceProfile"},
});

std::string_view last_part(std::string_view arn, std::string_view separators) {
    return arn.substr(arn.find_last_of(separators) + 1);
}

// The member, if it is there.
void copy(Json& out, std::string_view name, const Json& value) {
    if (!value.is_null() && !value.as_string().empty()) out.set(name, value.as_string());
}

const Json& context_of(const Json& record) {
    static const Json none;
    const auto& accesses = record["Accesses"].items();
    return accesses.empty() ? none : accesses.front()["Context"];
}

const std::string& key_of(const Json& record, std::string_view key) {
    static const std::string none;
    const auto& values = context_of(record)[key].items();
    return values.empty() ? none : values.front().as_string();
}

Json session_context(const Json& record) {
    const Json& principal = record["Principal"];
    const std::string& role = principal["RoleArn"].as_string();
    Json out = Json::object();
    if (!role.empty()) {
        const std::string id = principal["Id"].as_string();
        out.set("sessionIssuer", Json::object({{"type", "Role"},
                                               {"principalId", id.substr(0, id.find(':'))},
                                               {"arn", role},
                                               {"accountId", principal["Account"]},
                                               {"userName", std::string(last_part(role, "/"))}}));
    }
    Json attributes = Json::object();
    copy(attributes, "creationDate", Json(key_of(record, "aws:tokenissuetime")));
    attributes.set("mfaAuthenticated", key_of(record, "aws:multifactorauthpresent") == "true" ? "true" : "false");
    out.set("attributes", std::move(attributes));
    copy(out, "sourceIdentity", Json(key_of(record, "aws:sourceidentity")));
    return out;
}

Json user_identity(const Json& record) {
    const Json& principal = record["Principal"];
    const std::string& type = principal["Type"].as_string();
    if (type.empty()) return Json::object({{"type", unknown}});  // AWS's word for what it cannot tell
    // Credentials that did not hold: whose they are is not known, which they were is.
    if (type == "Anonymous" && !record["AccessKeyId"].as_string().empty())
        return Json::object({{"type", unknown}, {"accessKeyId", record["AccessKeyId"]}});
    if (type == "Anonymous")
        return Json::object({{"type", "AWSAccount"}, {"principalId", ""}, {"accountId", "ANONYMOUS_PRINCIPAL"}});
    if (type == "Service") return Json::object({{"type", "AWSService"}, {"invokedBy", principal["Service"]}});
    Json out = Json::object({{"type", type == "User" ? "IAMUser" : type}});
    copy(out, "principalId", principal["Id"]);
    copy(out, "arn", principal["Arn"]);
    copy(out, "accountId", principal["Account"]);
    copy(out, "accessKeyId", record["AccessKeyId"]);
    if (type == "User") out.set("userName", std::string(last_part(principal["Arn"].as_string(), "/")));
    if (type == "AssumedRole" || type == "FederatedUser" || !key_of(record, "aws:tokenissuetime").empty())
        out.set("sessionContext", session_context(record));
    return out;
}

const model::Shape* shape_in(const model::Shape* shape, std::string_view member) {
    if (shape == nullptr) return nullptr;
    const auto known = std::ranges::find(shape->fields, member, &model::Field::name);
    return known != shape->fields.end() ? known->shape : nullptr;
}

// Names of members begin with a small letter there. The keys of a map are data, and stay.
Json with_small_letters(const Json& value, const model::Shape* shape) {
    const model::Shape* const item = shape != nullptr ? shape->item : nullptr;
    if (value.is_array()) {
        Json out = Json::array();
        for (const Json& one : value.items()) out.push(with_small_letters(one, item));
        return out;
    }
    if (!value.is_object()) return value;
    Json out = Json::object();
    for (const auto& [name, member] : value.members()) {
        if (shape != nullptr && shape->type == model::Type::map) {
            out.set(name, with_small_letters(member, item));
            continue;
        }
        std::string small = name;
        if (!small.empty() && !(small.size() > 1 && small[1] >= 'A' && small[1] <= 'Z'))
            small[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(small[0])));
        out.set(small, with_small_letters(member, shape_in(shape, name)));
    }
    return out;
}

Json parsed(const Json& text) {
    auto json = text::parse_json(text.as_string());
    return json ? std::move(*json) : Json();
}

// Of S3 the events have the names of headers and XML, but for these. Source: CloudTrail's events of PutBucketPolicy and CopyObject,
// S3 User Guide, "Amazon S3 CloudTrail events".
constexpr auto s3_names = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"Bucket", "bucketName"}, {"Key", "key"}, {"CopySource", "x-amz-copy-source"}, {"UploadId", "uploadId"}});

Json s3_members(const Json& asked) {
    Json out = Json::object();
    for (const auto& [name, value] : asked.members()) {
        const auto known = std::ranges::find(s3_names, name, &std::pair<std::string_view, std::string_view>::first);
        if (name == "Policy") {
            const Json policy = parsed(value);
            out.set("bucketPolicy", policy.is_null() ? value : policy);
        } else {
            out.set(known != s3_names.end() ? known->second : name, value);
        }
    }
    return out;
}

// Where the record says nothing more, what it was asked of.
Json s3_parameters(const Json& record) {
    Json out = Json::object();
    for (const Json& access : record["Accesses"].items()) {
        const std::string& resource = access["Resource"].as_string();
        constexpr std::string_view prefix = "arn:aws:s3:::";
        if (!resource.starts_with(prefix)) continue;
        const std::string_view name = std::string_view(resource).substr(prefix.size());
        const size_t slash = name.find('/');
        out.set("bucketName", name.substr(0, slash));
        if (slash != std::string_view::npos) out.set("key", name.substr(slash + 1));
        break;
    }
    return out.size() == 0 ? Json() : out;
}

Json resources_of(const Json& record) {
    Json out = Json::array();
    for (const Json& access : record["Accesses"].items()) {
        const std::string& arn = access["Resource"].as_string();
        if (!arn.starts_with("arn:")) continue;
        if (std::ranges::any_of(out.items(), [&](const Json& one) { return one["ARN"].as_string() == arn; })) continue;
        Json resource = Json::object();
        copy(resource, "accountId", access["ResourceAccount"]);
        copy(resource, "type", Json(std::string(resource_type_of(arn))));
        resource.set("ARN", arn);
        out.push(std::move(resource));
    }
    if (!record["Accesses"].items().empty()) return out;
    if (std::string arn = named_resource(record["Service"].as_string(), record["Parameters"].as_string()); !arn.empty())
        out.push(Json::object({{"type", std::string(resource_type_of(arn))}, {"ARN", std::move(arn)}}));
    return out;
}

}  // namespace

std::string event_source_of(std::string_view service) {
    return std::string(service) + (service == unknown ? "" : std::string(aws_domain));
}

std::string service_of(std::string_view event_source) {
    return std::string(event_source.ends_with(aws_domain) ? event_source.substr(0, event_source.size() - aws_domain.size())
                                                          : event_source);
}

// A UUID as it is; the 16 characters of S3's ids by their 16 bytes; anything else by its digest.
std::string event_id_of(std::string_view request_id) {
    if (request_id.size() == uuid_bytes && std::ranges::count(request_id, '-') == 4) return std::string(request_id);
    std::string digits =
        crypto::hex(request_id.size() == s3_request_id_bytes ? std::string(request_id)
                                                             : crypto::sha256(request_id).substr(0, s3_request_id_bytes));
    for (const size_t at : {8u, 13u, 18u, 23u}) digits.insert(at, 1, '-');
    return digits;
}

std::string request_id_of(std::string_view event_id) {
    std::string digits(event_id);
    std::erase(digits, '-');
    std::string out;
    for (size_t i = 0; i + 1 < digits.size(); i += 2) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(digits.data() + i, digits.data() + i + 2, value, 16);
        const char c = static_cast<char>(value);
        const bool is_s3 =
            error == std::errc() && end == digits.data() + i + 2 && ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'));
        if (!is_s3) return std::string(event_id);
        out += c;
    }
    return out.size() == s3_request_id_bytes ? out : std::string(event_id);
}

bool is_derived(const Json& record) {
    const bool of_a_service = record["Status"].as_int(-1) == 0 && record["ErrorCode"].as_string() != decided_again;
    return of_a_service || record.contains("Repeated");
}

std::string derived_event_id(std::string_view request_id, std::string_view operation, std::string_view time) {
    return event_id_of(std::string(request_id) + " " + std::string(operation.empty() ? unknown : operation) + " " +
                       std::string(time));
}

std::string_view resource_type_of(std::string_view arn) {
    if (arn.starts_with("arn:aws:s3:::")) return arn.find('/') == std::string_view::npos ? "AWS::S3::Bucket" : "AWS::S3::Object";
    for (const auto& [pattern, type] : resource_types) {
        const size_t star = pattern.find('*');
        const std::string_view begin = pattern.substr(0, star), middle = pattern.substr(star + 1);
        if (arn.starts_with(begin) && arn.find(middle, begin.size()) != std::string_view::npos) return type;
    }
    return {};
}

std::string_view resource_name_of(std::string_view arn) {
    constexpr std::string_view s3 = "arn:aws:s3:::";
    if (arn.starts_with(s3)) return arn.substr(s3.size(), arn.find('/') - s3.size());
    if (const size_t group = arn.find(":log-group:"); group != std::string_view::npos) {
        const std::string_view behind = arn.substr(group + std::string_view(":log-group:").size());
        return behind.substr(0, behind.find(':'));
    }
    return arn.starts_with("arn:") ? last_part(arn, "/:") : std::string_view();
}

std::string user_name_of(const Json& record) {
    const Json& principal = record["Principal"];
    if (principal["Type"].as_string() == "Root") return "root";
    if (principal["Type"].as_string() == "User") return std::string(last_part(principal["Arn"].as_string(), "/"));
    return record["SessionName"].as_string();
}

Json cloudtrail_event(const Json& record) {
    const bool is_unreadable = record.contains("Unreadable");
    if (record["RequestId"].as_string().empty() && !is_unreadable) return {};
    if (record["ErrorCode"].as_string() == decided_again) return {};
    // A request for what no service here has, or that could not be read, is an event, too: who looks for attacks looks for those.
    const auto named = [&record](const char* member) {
        return record[member].as_string().empty() ? unknown : record[member].as_string();
    };
    const std::string service = named("Service"), operation = named("Operation");
    // Of a service that acts on its own: its name.
    const auto from = [&record](const char* member) {
        const std::string& said = record[member].as_string();
        return said.empty() ? record["Principal"]["Service"].as_string() : said;
    };
    const bool is_reading = reads_only(operation);
    const bool managed = is_management(service, operation);
    const std::string& region = key_of(record, "aws:requestedregion");
    const std::string time = record["Time"].as_string();
    Json event = Json::object({{"eventVersion", event_version},
                               {"userIdentity", user_identity(record)},
                               {"eventTime", time.substr(0, time.find('.')) + "Z"},
                               {"eventSource", event_source_of(service)},
                               {"eventName", operation},
                               {"awsRegion", region.empty() ? std::string("us-east-1") : region},
                               {"sourceIPAddress", from("SourceAddress")},
                               {"userAgent", from("UserAgent")}});
    copy(event, "errorCode", record["ErrorCode"]);
    copy(event, "errorMessage", record["ErrorMessage"]);
    if (is_unreadable && !record.contains("ErrorCode")) {
        event.set("errorCode", unreadable);
        event.set("errorMessage", record["Note"]);
    }
    const model::Operation* const model = model::find_operation(service, operation);
    const Json asked = parsed(record["Parameters"]), made = parsed(record["Made"]);
    if (service == "s3") {
        event.set("requestParameters", asked.is_null() ? s3_parameters(record) : s3_members(asked));
        event.set("responseElements", made.is_null() ? made : s3_members(made));
    } else {
        event.set("requestParameters", with_small_letters(asked, model != nullptr ? model->input : nullptr));
        event.set("responseElements", with_small_letters(made, model != nullptr ? model->output : nullptr));
    }
    copy(event, "requestID", record["RequestId"]);
    const std::string id = record["RequestId"].as_string().empty() ? record["Note"].as_string() : record["RequestId"].as_string();
    event.set("eventID",
              is_derived(record) ? derived_event_id(record["RequestId"].as_string(), operation, time) : event_id_of(id));
    event.set("readOnly", is_reading);
    if (Json resources = resources_of(record); resources.size() > 0) event.set("resources", std::move(resources));
    // Nothing was answered to what a service decided for a request. A service that calls an API on its own is its caller.
    const bool of_a_service = record["Status"].as_int(-1) == 0;
    event.set("eventType",
              of_a_service && record["Principal"]["Type"].as_string() != "Service" ? "AwsServiceEvent" : "AwsApiCall");
    event.set("managementEvent", managed);
    const Json& own_account = record["Principal"]["Account"];
    const auto& accesses = record["Accesses"].items();
    copy(event, "recipientAccountId",
         own_account.is_null() && !accesses.empty() ? accesses.front()["ResourceAccount"] : own_account);
    event.set("eventCategory", managed ? "Management" : "Data");
    Json more = Json::object({{"outcome", record["Outcome"]}});
    if (record.contains("Repeated")) more.set("repeated", record["Repeated"]);
    if (is_unreadable) more.set("unreadable", record["Unreadable"]);
    event.set("additionalEventData", std::move(more));
    return event;
}

}  // namespace audit
