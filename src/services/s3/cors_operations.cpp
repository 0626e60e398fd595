// Cross-Origin Resource Sharing: a bucket's rules, preflight requests, and the headers of all other answers.
#include <array>

#include "base/error_codes.hpp"
#include "base/strings.hpp"
#include "model/s3/cors.hpp"
#include "services/s3/cors.hpp"
#include "services/s3/service.hpp"
#include "wire/s3_request.hpp"

namespace services::s3 {
namespace {

// --- The configuration ---

std::vector<std::string> texts(const std::optional<std::vector<std::string>>& list) {
    return list.value_or(std::vector<std::string>());
}

Result<m::PutBucketCors::Output> put_cors(S3& s3, const Permit&, const m::PutBucketCors::Input& in, Located&& located) {
    std::vector<objects::CorsRule> rules;
    for (const auto& rule : in.cors_configuration.cors_rules)
        rules.push_back({.id = rule.id.value_or(""),
                         .origins = rule.allowed_origins,
                         .methods = rule.allowed_methods,
                         .headers = texts(rule.allowed_headers),
                         .exposed = texts(rule.expose_headers),
                         .max_age_seconds = rule.max_age_seconds});
    TRY(objects::check_cors(rules));
    TRY(s3.storage.configure(located.bucket->name, [&](objects::BucketConfiguration& configuration) -> Result<void> {
        configuration.cors = rules;
        return {};
    }));
    return m::PutBucketCors::Output{};
}

std::optional<std::vector<std::string>> unless_empty(const std::vector<std::string>& list) {
    return list.empty() ? std::nullopt : std::optional(list);
}

Result<m::GetBucketCors::Output> get_cors(S3&, const Permit&, const m::GetBucketCors::Input&, Located&& located) {
    const auto& rules = located.bucket->configuration.cors;
    if (rules.empty()) return base::fail(base::code::NoSuchCORSConfiguration, "The CORS configuration does not exist");
    std::vector<m::CORSRule> shown;
    for (const auto& rule : rules) {
        m::CORSRule one{.allowed_headers = unless_empty(rule.headers),
                        .allowed_methods = rule.methods,
                        .allowed_origins = rule.origins,
                        .expose_headers = unless_empty(rule.exposed),
                        .max_age_seconds = rule.max_age_seconds};
        if (!rule.id.empty()) one.id = rule.id;
        shown.push_back(std::move(one));
    }
    return m::GetBucketCors::Output{.cors_rules = std::move(shown)};
}

Result<m::DeleteBucketCors::Output> delete_cors(S3& s3, const Permit&, const m::DeleteBucketCors::Input&, Located&& located) {
    TRY(s3.storage.configure(located.bucket->name, [](objects::BucketConfiguration& configuration) -> Result<void> {
        configuration.cors.clear();
        return {};
    }));
    return m::DeleteBucketCors::Output{};
}

// --- Answers ---

constexpr std::string_view asked_method = "Access-Control-Request-Method", asked_headers = "Access-Control-Request-Headers";

void add_headers(const objects::CorsRule& rule, const std::string& origin, http::Headers& answer) {
    const bool all = objects::is_for_all_origins(rule);
    answer.add("Access-Control-Allow-Origin", all ? "*" : origin);
    answer.add("Access-Control-Allow-Methods", base::join(rule.methods, ", "));
    if (!rule.exposed.empty()) answer.add("Access-Control-Expose-Headers", base::join(rule.exposed, ", "));
    if (rule.max_age_seconds) answer.add("Access-Control-Max-Age", std::to_string(*rule.max_age_seconds));
    if (!all) answer.add("Access-Control-Allow-Credentials", "true");
    answer.add("Vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

class Preflight final : public gate::RequestExecution {
public:
    explicit Preflight(const objects::Storage& storage) : storage_(storage) {}
    Result<std::vector<gate::Access>> accesses(const identity::Caller&, wire::Call& call) override {
        bucket_ = TRY(storage_.bucket(call.s3->bucket));
        return std::vector<gate::Access>();
    }

    Result<http::Response> handle(const Permit&, wire::Call& call) override {
        const auto& headers = call.http->head.headers;
        const auto origin = headers.get("Origin"), method = headers.get(asked_method), wanted = headers.get(asked_headers);
        if (origin.empty()) return base::fail(base::code::BadRequest, "Insufficient information. Origin request header needed.");
        if (method.empty()) return base::fail(base::code::BadRequest, "Invalid Access-Control-Request-Method: null");
        const auto& rules = bucket_->configuration.cors;
        const auto* rule = objects::find_cors_rule(rules, origin, method, wanted);
        if (rule == nullptr) return base::fail(objects::no_cors_rule(rules).note("Method: " + method));
        http::Response answer;
        add_headers(*rule, origin, answer.headers);
        if (!wanted.empty()) answer.headers.add("Access-Control-Allow-Headers", base::lower(wanted));
        return answer;
    }

    Result<std::vector<gate::Access>> supposed_accesses(const identity::Caller&, std::string_view, std::string_view) override {
        return std::vector<gate::Access>();
    }
    text::Json asked() const override { return {}; }
    text::Json made() const override { return {}; }

private:
    const objects::Storage& storage_;
    objects::BucketPtr bucket_;
};

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::PutBucketCors, put_cors>(),
    operation<m::GetBucketCors, get_cors>(),
    operation<m::DeleteBucketCors, delete_cors>(),
});

}  // namespace

Rows cors_operations() { return operations; }

void add_cors_headers(const objects::Storage& storage, std::string_view bucket, const http::RequestHead& head,
                      http::Headers& answer) {
    const auto found = storage.bucket(bucket);
    const auto* origin = head.headers.find("Origin");
    if (!found || origin == nullptr || (*found)->configuration.cors.empty()) return;
    const auto* asked = head.headers.find(asked_method);
    const auto* rule =
        objects::find_cors_rule((*found)->configuration.cors, *origin, asked != nullptr ? *asked : head.method, "");
    if (rule != nullptr) add_headers(*rule, *origin, answer);
}

gate::Operation preflight_operation(const objects::Storage& storage) {
    return {.service = "s3",
            .name = "PreflightRequest",
            .begin = [&storage] { return std::make_unique<Preflight>(storage); },
            .needs_no_permission = true};
}

}  // namespace services::s3
