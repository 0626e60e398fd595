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
constexpr std::string_view unknown = "Unknown";              // a service or an operation that this server does not have
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
void copy(Json& out, std::string_view name, std::string_view value) {
    if (!value.empty()) out.set(name, value);
}

Json session_context(const RecordView& record) {
    const RecordView::Principal& who = record.principal;
    Json out = Json::object();
    if (!who.role_arn.empty()) {
        out.set("sessionIssuer", Json::object({{"type", "Role"},
                                               {"principalId", who.id.substr(0, who.id.find(':'))},
                                               {"arn", who.role_arn},
                                               {"accountId", who.account},
                                               {"userName", last_part(who.role_arn, "/")}}));
    }
    Json attributes = Json::object();
    copy(attributes, "creationDate", record.key("aws:tokenissuetime"));
    attributes.set("mfaAuthenticated", record.key("aws:multifactorauthpresent") == "true" ? "true" : "false");
    out.set("attributes", std::move(attributes));
    copy(out, "sourceIdentity", record.key("aws:sourceidentity"));
    return out;
}

Json user_identity(const RecordView& record) {
    using Kind = policy::PrincipalKind;
    const RecordView::Principal& who = record.principal;
    if (!who.kind) return Json::object({{"type", unknown}});  // AWS's word for what it cannot tell
    // Credentials that did not hold: whose they are is not known, which they were is.
    if (who.kind == Kind::anonymous && !record.access_key_id.empty())
        return Json::object({{"type", unknown}, {"accessKeyId", record.access_key_id}});
    if (who.kind == Kind::anonymous)
        return Json::object({{"type", "AWSAccount"}, {"principalId", ""}, {"accountId", "ANONYMOUS_PRINCIPAL"}});
    if (who.kind == Kind::service) return Json::object({{"type", "AWSService"}, {"invokedBy", who.service}});
    const bool is_user = who.kind == Kind::user;
    Json out = Json::object({{"type", is_user ? "IAMUser" : who.type}});
    copy(out, "principalId", who.id);
    copy(out, "arn", who.arn);
    copy(out, "accountId", who.account);
    copy(out, "accessKeyId", record.access_key_id);
    if (is_user) out.set("userName", last_part(who.arn, "/"));
    if (who.kind == Kind::role_session || who.kind == Kind::federated_user || !record.key("aws:tokenissuetime").empty())
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

Json parsed(std::string_view text) {
    auto json = text::parse_json(text);
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
            const Json policy = parsed(value.as_string());
            out.set("bucketPolicy", policy.is_null() ? value : policy);
        } else {
            out.set(known != s3_names.end() ? known->second : name, value);
        }
    }
    return out;
}

// Where the record says nothing more, what it was asked of.
Json s3_parameters(const RecordView& record) {
    constexpr std::string_view prefix = "arn:aws:s3:::";
    const auto of_s3 = std::ranges::find_if(record.accesses, [&](const auto& one) { return one.resource.starts_with(prefix); });
    if (of_s3 == record.accesses.end()) return {};
    const std::string_view name = of_s3->resource.substr(prefix.size());
    const size_t slash = name.find('/');
    Json out = Json::object({{"bucketName", name.substr(0, slash)}});
    if (slash != std::string_view::npos) out.set("key", name.substr(slash + 1));
    return out;
}

Json resources_of(const RecordView& record) {
    Json out = Json::array();
    const auto add = [&](std::string_view account, std::string_view arn) {
        if (!arn.starts_with("arn:")) return;
        if (std::ranges::any_of(out.items(), [&](const Json& one) { return one["ARN"].as_string() == arn; })) return;
        Json resource = Json::object();
        copy(resource, "accountId", account);
        copy(resource, "type", resource_type_of(arn));
        resource.set("ARN", arn);
        out.push(std::move(resource));
    };
    for (const RecordView::Access& access : record.accesses) add(access.resource_account, access.resource);
    add("", record.named_resource());
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

bool is_derived(const RecordView& record) {
    const bool of_a_service = record.status == 0 && record.error_code != decided_again;
    return of_a_service || record.repeated;
}

std::string derived_event_id(std::string_view request_id, std::string_view operation, std::string_view time) {
    return event_id_of(std::string(request_id) + " " + std::string(operation.empty() ? unknown : operation) + " " +
                       std::string(time));
}

ResourceWords resource_words_of(std::string_view arn) {
    constexpr std::string_view s3 = "arn:aws:s3:::";
    if (arn.starts_with(s3)) {
        const size_t slash = arn.find('/', s3.size());
        return {.type = slash == std::string_view::npos ? "AWS::S3::Bucket" : "AWS::S3::Object",
                .name = arn.substr(s3.size(), slash - s3.size())};
    }
    ResourceWords out;
    for (const auto& [pattern, type] : resource_types) {
        const size_t star = pattern.find('*');
        const std::string_view begin = pattern.substr(0, star), middle = pattern.substr(star + 1);
        if (!arn.starts_with(begin) || arn.find(middle, begin.size()) == std::string_view::npos) continue;
        out.type = type;
        break;
    }
    if (const size_t group = arn.find(":log-group:"); group != std::string_view::npos) {
        const std::string_view behind = arn.substr(group + std::string_view(":log-group:").size());
        out.name = behind.substr(0, behind.find(':'));
    } else if (arn.starts_with("arn:")) {
        out.name = last_part(arn, "/:");
    }
    return out;
}

std::string_view resource_type_of(std::string_view arn) { return resource_words_of(arn).type; }

std::string_view resource_name_of(std::string_view arn) { return resource_words_of(arn).name; }

std::string user_name_of(const Json& record) { return std::string(RecordView(record).user_name()); }

namespace {

struct Asked {
    Json parameters, response;
};

Asked asked_of(const RecordView& record, const std::string& service, const std::string& operation) {
    const Json asked = parsed(record.parameters), made = parsed(record.made);
    if (service == "s3")
        return {.parameters = asked.is_null() ? s3_parameters(record) : s3_members(asked),
                .response = made.is_null() ? made : s3_members(made)};
    const model::Operation* const model = model::find_operation(service, operation);
    return {.parameters = with_small_letters(asked, model != nullptr ? model->input : nullptr),
            .response = with_small_letters(made, model != nullptr ? model->output : nullptr)};
}

}  // namespace

Json cloudtrail_event(const Json& json) {
    const RecordView record(json);
    if (record.request_id.empty() && !record.is_unreadable) return {};
    if (record.error_code == decided_again) return {};
    // A request for what no service here has, or that could not be read, is an event, too: who looks for attacks looks for those.
    const std::string service(record.service.empty() ? unknown : record.service);
    const std::string operation(record.operation.empty() ? unknown : record.operation);
    // Of a service that acts on its own: its name.
    const auto from = [&record](std::string_view said) { return said.empty() ? record.principal.service : said; };
    const bool managed = is_management(service, operation);
    const std::string_view region = record.key("aws:requestedregion");
    Json event = Json::object({{"eventVersion", event_version},
                               {"userIdentity", user_identity(record)},
                               {"eventTime", std::string(record.time.substr(0, record.time.find('.'))) + "Z"},
                               {"eventSource", event_source_of(service)},
                               {"eventName", operation},
                               {"awsRegion", region.empty() ? std::string_view("us-east-1") : region},
                               {"sourceIPAddress", from(record.source_address)},
                               {"userAgent", from(record.user_agent)}});
    copy(event, "errorCode", record.error_code);
    copy(event, "errorMessage", record.error_message);
    if (record.is_unreadable && record.error_code.empty()) {
        event.set("errorCode", unreadable);
        event.set("errorMessage", record.note);
    }
    Asked asked = asked_of(record, service, operation);
    event.set("requestParameters", std::move(asked.parameters));
    event.set("responseElements", std::move(asked.response));
    copy(event, "requestID", record.request_id);
    event.set("eventID", is_derived(record) ? derived_event_id(record.request_id, operation, record.time)
                                            : event_id_of(record.request_id.empty() ? record.note : record.request_id));
    event.set("readOnly", reads_only(operation));
    if (Json resources = resources_of(record); resources.size() > 0) event.set("resources", std::move(resources));
    // Nothing was answered to what a service decided for a request. A service that calls an API on its own is its caller.
    const bool is_service_event = record.status == 0 && record.principal.kind != policy::PrincipalKind::service;
    event.set("eventType", is_service_event ? "AwsServiceEvent" : "AwsApiCall");
    event.set("managementEvent", managed);
    copy(event, "recipientAccountId",
         record.principal.account.empty() && !record.accesses.empty() ? record.accesses.front().resource_account
                                                                      : record.principal.account);
    event.set("eventCategory", managed ? "Management" : "Data");
    Json more = Json::object({{"outcome", json[member::outcome]}});
    if (record.repeated) more.set("repeated", *record.repeated);
    if (record.is_unreadable) more.set("unreadable", record.unreadable);
    event.set("additionalEventData", std::move(more));
    return event;
}

}  // namespace audit
