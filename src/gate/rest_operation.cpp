#include "gate/rest_operation.hpp"

#include <any>
#include <optional>
#include <string>

#include "base/invariant.hpp"
#include "http/message.hpp"
#include "model/access.hpp"
#include "model/rest.hpp"
#include "model/stream.hpp"
#include "wire/rest_xml.hpp"

namespace gate::detail {
namespace {

class Payload final : public model::ByteSource {
public:
    explicit Payload(http::BodyReader& body) : body_(body) {}
    [[nodiscard]] base::Result<size_t> read(std::span<char> into) override { return body_.read(into); }
    [[nodiscard]] std::optional<uint64_t> length() const override { return body_.length(); }

private:
    http::BodyReader& body_;
};

// A request on its way. What was read of its body outlives a decision: a request that is decided again has no second one.
struct Passage {
    explicit Passage(http::BodyReader& body) : payload(body) {}
    std::unique_ptr<Invocation> invocation;
    std::optional<base::Error> later;  // of members, for after the decision
    std::optional<std::string> document;
    Payload payload;
};
using PassagePtr = std::shared_ptr<Passage>;

PassagePtr passage_of(wire::Call& call) {
    if (const auto* before = std::any_cast<PassagePtr>(&call.prepared)) return *before;
    INVARIANT(call.body != nullptr);
    auto passage = std::make_shared<Passage>(*call.body);
    call.prepared = passage;
    return passage;
}

base::Result<void> read_body(const model::Operation& operation, wire::Call& call, Passage& passage) {
    if (operation.rest->needs_digest && !wire::has_digest(call.http->head))
        return base::fail("InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    if (!passage.document) passage.document = TRY(call.body->read_all(operation.rest->body_bytes_max));
    return wire::read_rest_body(operation, *passage.document, passage.invocation->input());
}

base::Result<void> decode(const model::Operation& operation, const FirstLook& look, const identity::Caller& caller,
                          wire::Call& call, Passage& passage) {
    const auto request = TRY(wire::read_s3_request(call.http->head));
    TRY(look(operation, request, caller, call));
    void* const input = passage.invocation->input();
    passage.later = TRY(wire::read_rest_head(operation, call.http->head, request, input));
    const auto* payload = operation.rest->payload;
    if (payload != nullptr && payload->location == model::Location::stream)
        *static_cast<model::ByteSource**>(payload->make(input)) = &passage.payload;
    if (operation.rest->decided_on_body) return read_body(operation, call, passage);
    return {};
}

}  // namespace

void add_rest_operation(Registry& registry, const model::Operation& operation, std::vector<model::ValueFunction> functions,
                        FirstLook look, std::function<std::unique_ptr<Invocation>()> invoke) {
    INVARIANT(operation.rest != nullptr);
    registry.add({.service = std::string(operation.service->signing_name),
                  .name = std::string(operation.name),
                  .classify = [&operation, describer = &registry.describer(), functions = std::move(functions),
                               look = std::move(look), invoke = std::move(invoke)](
                                  const identity::Caller& caller, wire::Call& call) -> base::Result<std::vector<Access>> {
                      const auto passage = passage_of(call);
                      passage->invocation = invoke();
                      TRY(decode(operation, look, caller, call, *passage));
                      return passage->invocation->accesses({.caller = caller, .region = call.region, .describer = *describer},
                                                           functions);
                  },
                  .handle = [&operation](const Permit& permit, wire::Call& call) -> base::Result<wire::Answer> {
                      const auto passage = passage_of(call);
                      if (passage->later) return base::fail(*passage->later);
                      if (wire::takes_document(operation) && !operation.rest->decided_on_body)
                          TRY(read_body(operation, call, *passage));
                      TRY(passage->invocation->handle(permit));
                      wire::Answer answer;
                      answer.raw = wire::write_rest(operation, call.http->head, passage->invocation->output());
                      answer.status = answer.raw->status;
                      return answer;
                  },
                  .needs_no_permission = operation.accesses != nullptr && !operation.accesses->no_permission.empty()});
}

}  // namespace gate::detail
