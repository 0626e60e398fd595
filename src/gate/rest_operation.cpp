#include "gate/rest_operation.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/outdated.hpp"
#include "http/message.hpp"
#include "model/json.hpp"
#include "model/rest.hpp"
#include "model/scalar.hpp"
#include "model/stream.hpp"
#include "wire/rest_head.hpp"
#include "wire/rest_xml.hpp"

namespace gate::detail {
namespace {

// What a request of an object has anyway: SDKs ask for checksums of their own accord.
constexpr auto of_every_request = std::to_array<std::string_view>(
    {"Bucket", "Key", "ChecksumMode", "ChecksumAlgorithm", "ChecksumCRC32", "ContentLength", "ContentMD5"});

class Payload final : public model::ByteSource {
public:
    explicit Payload(http::BodyReader& body) : body_(body) {}
    // A stream is decided on when it begins. Its end is told only while a job that sent it may still write.
    [[nodiscard]] base::Result<size_t> read(std::span<char> into) override {
        const size_t got = TRY(body_.read(into));
        if (got == 0 && permit_ != nullptr) TRY(permit_->check_lease());
        return got;
    }
    void set_permit(const Permit& permit) { permit_ = &permit; }
    [[nodiscard]] std::optional<uint64_t> length() const override { return body_.length(); }

private:
    http::BodyReader& body_;
    const Permit* permit_ = nullptr;
};

struct RestOperation {
    const model::Operation& model;
    const Describer& describer;
    std::vector<model::ValueFunction> functions;
    FirstLook look;
    std::function<std::unique_ptr<Invocation>()> invoke;
};

bool is_in_head(const model::Field& field) {
    using enum model::Location;
    return field.location == header || field.location == prefix_headers || field.location == query;
}

// Members of the head that are in `said` but not in `read`, which was read from a head that says them: out of the document.
bool forget_unsent(const model::Operation& operation, const void* said, const void* read, text::Json& document) {
    bool forgot = false;
    if (operation.input == nullptr) return forgot;
    for (const auto& field : operation.input->fields) {
        if (!is_in_head(field) || field.is_required() || field.find(said) == nullptr || field.find(read) != nullptr) continue;
        document.erase(std::string(field.name));
        forgot = true;
    }
    return forgot;
}

// The first member of a document that asks for what is not here: its error.
const model::MemberError* refused_member(const model::Shape* shape, const void* value) {
    if (shape == nullptr) return nullptr;
    if (shape->type == model::Type::list) {
        for (size_t i = 0; i < shape->list->size(value); ++i)
            if (const auto* refused = refused_member(shape->item, shape->list->item(value, i))) return refused;
    }
    if (shape->type != model::Type::structure) return nullptr;
    for (const auto& field : shape->fields) {
        const void* const inside = field.find(value);
        if (inside == nullptr || is_in_head(field) || field.location == model::Location::uri) continue;
        if (field.error != nullptr) return field.error;
        if (const auto* refused = refused_member(field.shape, inside)) return refused;
    }
    return nullptr;
}

class RestExecution final : public RequestExecution {
public:
    explicit RestExecution(std::shared_ptr<const RestOperation> operation) : operation_(std::move(operation)) {}

    base::Result<std::vector<Access>> accesses(const identity::Caller& caller, wire::Call& call) override {
        if (!payload_) {
            INVARIANT(call.body != nullptr);
            payload_.emplace(*call.body);
        }
        invocation_ = operation_->invoke();
        is_handled_ = false;
        TRY(decode(caller, call));
        return needed(caller, call.region);
    }

    base::Result<http::Response> handle(const Permit& permit, wire::Call& call) override {
        INVARIANT(invocation_ && payload_ && !is_refused_by_head_);
        if (later_) return base::fail(*later_);
        payload_->set_permit(permit);
        TRY(invocation_->handle(permit));
        is_handled_ = true;
        return wire::write_rest(operation_->model, call.http->head, invocation_->output());
    }

    base::Result<std::vector<Access>> supposed_accesses(const identity::Caller& caller, std::string_view region,
                                                        std::string_view input) override {
        const auto& operation = operation_->model;
        TRY(model::check_values(input));
        auto document = text::parse_json(input);
        if (!document) return base::fail(base::code::SerializationException, document.error().message);
        // A stream is not a value of a document, and decides nothing.
        const auto* payload = operation.rest->payload;
        if (payload != nullptr && payload->location == model::Location::stream && document->is_object())
            document->erase(std::string(payload->name));
        invocation_ = operation_->invoke();
        TRY(model::read_document(operation, *document, invocation_->input()));
        if (const auto* refused = refused_member(operation.input, invocation_->input()))
            return base::fail(std::string(refused->code), std::string(refused->message));

        // The head goes the way of one that came: what is refused by it, or counts as not sent, is the same.
        http::Request request{.head = wire::write_rest_head(operation, invocation_->input())};
        wire::Call call{.http = &request, .region = std::string(region)};
        const auto read = operation_->invoke();
        const auto asked = TRY(wire::read_s3_request(request.head));
        if (asked.operation != operation.name)
            return base::fail(base::code::InvalidRequest, "Such a request would be one for " + asked.operation + ", not for " +
                                                              std::string(operation.name) + ".");
        TRY(read_head(asked, caller, call, read->input()));
        if (forget_unsent(operation, invocation_->input(), read->input(), *document)) {
            invocation_ = operation_->invoke();
            TRY(model::read_document(operation, *document, invocation_->input()));
        }
        return needed(caller, call.region);
    }

    bool read_rest(wire::Call& call) override {
        if (later_ || !wire::takes_document(operation_->model) || operation_->model.rest->decided_on_body) return false;
        if (document_) return false;  // decode() has read it
        if (auto read = read_body(call); !read) later_ = std::move(read).error();
        return true;
    }

    // Null where it says nothing but a bucket and a key: those stand in its accesses. Bodies are data.
    text::Json asked() const override {
        const auto* const input = operation_->model.input;
        if (!invocation_ || input == nullptr) return {};
        const bool says_more = std::ranges::any_of(input->fields, [&](const model::Field& field) {
            return model::find_known(field, invocation_->input()) != nullptr &&
                   std::ranges::find(of_every_request, field.name) == of_every_request.end();
        });
        return says_more ? model::write_document(*input, invocation_->input()) : text::Json();
    }
    text::Json made() const override {
        const auto* const output = operation_->model.output;
        return is_handled_ && output != nullptr ? model::write_document(*output, invocation_->output()) : text::Json();
    }

private:
    base::Result<std::vector<Access>> needed(const identity::Caller& caller, std::string_view region) {
        auto accesses = TRY(invocation_->accesses({.caller = caller, .region = region, .describer = operation_->describer},
                                                  operation_->functions));
        if (rule_ == policy::ServiceRule::none) return accesses;
        for (Access& access : accesses) {
            access.rule = rule_;
            access.separate = false;
        }
        return accesses;
    }

    base::Result<void> decode(const identity::Caller& caller, wire::Call& call) {
        const auto& operation = operation_->model;
        void* const input = invocation_->input();
        INVARIANT(call.s3 != nullptr);
        TRY(read_head(*call.s3, caller, call, input));
        const auto* payload = operation.rest->payload;
        if (payload != nullptr && payload->location == model::Location::stream) {
            INVARIANT(payload_);
            // HTTP reads it as an empty body. Nobody empties an object by leaving a header out.
            // A form has its own end, and its headers are its fields.
            const auto& headers = call.http->head.headers;
            if (call.http->head.method != "POST" && headers.find("Content-Length") == nullptr &&
                headers.find("Transfer-Encoding") == nullptr)
                return base::fail(base::code::MissingContentLength, "You must provide the Content-Length HTTP header.");
            *static_cast<model::ByteSource**>(payload->make(input)) = &*payload_;
        }
        if (operation.rest->decided_on_body && !is_refused_by_head_) return read_body(call);
        // Decided again: what the first decision was followed by is known, and is recorded with this one.
        if (document_ && !later_)
            if (auto again = read_body(call); !again) later_ = std::move(again).error();
        return {};
    }

    base::Result<void> read_head(const wire::S3Request& request, const identity::Caller& caller, wire::Call& call, void* input) {
        HeadFindings found = TRY(operation_->look(operation_->model, request, caller, call));
        rule_ = found.rule;
        is_refused_by_head_ = found.is_refused_by_head;
        later_ = TRY(wire::read_rest_head(operation_->model, call.http->head, request, input));
        if (found.later) later_ = std::move(found.later);
        return {};
    }

    base::Result<void> read_body(wire::Call& call) {
        const auto& operation = operation_->model;
        if (operation.rest->needs_digest && !wire::has_digest(call.http->head))
            return base::fail(base::code::InvalidRequest,
                              "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
        // Kept: a request that is decided again has no second body.
        if (!document_) {
            document_ = TRY(call.body->read_all(operation.rest->body_bytes_max));
            TRY(call.body->reserve(wire::document_bytes_at_most(*document_)));
        }
        return wire::read_rest_body(operation, *document_, invocation_->input());
    }

    std::shared_ptr<const RestOperation> operation_;
    std::unique_ptr<Invocation> invocation_;
    policy::ServiceRule rule_ = policy::ServiceRule::none;  // that the head breaks
    bool is_refused_by_head_ = false;
    std::optional<base::Error> later_;  // of the head or the document, for after the decision
    bool is_handled_ = false;
    std::optional<std::string> document_;
    std::optional<Payload> payload_;
};

}  // namespace

void add_rest_operation(Registry& registry, const model::Operation& operation, std::vector<model::ValueFunction> functions,
                        FirstLook look, std::function<std::unique_ptr<Invocation>()> invoke) {
    INVARIANT(operation.rest != nullptr);
    const std::shared_ptr<const RestOperation> kept(new RestOperation{.model = operation,
                                                                      .describer = registry.describer(),
                                                                      .functions = std::move(functions),
                                                                      .look = std::move(look),
                                                                      .invoke = std::move(invoke)});
    add_execution(registry, operation, [kept] { return std::unique_ptr<RequestExecution>(new RestExecution(kept)); });
}

}  // namespace gate::detail
