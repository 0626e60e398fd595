#include "gate/decided.hpp"

#include <utility>

#include "audit/prepared_text.hpp"
#include "base/invariant.hpp"
#include "policy/hash.hpp"

namespace gate {
namespace {

constexpr size_t own_context_bytes_max = 2048;  // of condition keys; more is a matter for the whole record, which has limits

// Calls use(entry) for those of a layer that conditions find: no layer before it has the key.
template <class Use>
void each_found(const policy::Context& layer, const policy::ContextView& context, Use use) {
    for (const auto& entry : layer.entries())
        if (context.find(policy::hash_of(entry.key), entry.key) == &entry) use(entry);
}

}  // namespace

audit::Record record_of(const RecordedRequest& request) {
    audit::Record record;
    record.time = request.time;
    record.request_id = request.request_id;
    record.service = request.service;
    record.operation = request.operation;
    record.source_address = plain_address(request.http.peer_address);
    record.user_agent = request.http.head.headers.get("user-agent");
    record.access_key_id = request.access_key_id;
    record.principal = request.caller.principal;
    record.session_name = request.caller.session_name;
    record.authenticated = request.caller.principal.kind != policy::PrincipalKind::anonymous;
    return record;
}

DecidedRequest::One::One(const identity::PreparedPrincipal& principal, const Access& access, RequestKeys& keys)
    : question(principal, access, keys), verdict(question.decide()) {
    // A refusal says why: it is asked again, with notes.
    if (!is_allowed()) refusal = question.explain();
}

policy::Decision DecidedRequest::One::decision() const { return refusal ? *refusal : policy::decision_of(verdict); }

DecidedRequest::DecidedRequest(Inputs inputs, std::vector<Access> accesses)
    : inputs_(std::move(inputs)), keys_(inputs_.facts), accesses_(std::move(accesses)) {
    INVARIANT(!accesses_.empty());
    first_.emplace(*inputs_.principal, accesses_.front(), keys_);
    for (size_t i = 1; i < accesses_.size(); ++i) others_.emplace_back(*inputs_.principal, accesses_[i], keys_);
}

audit::Record DecidedRequest::whole() const {
    audit::Record record = record_of({.http = *inputs_.facts.http,
                                      .caller = inputs_.principal->caller,
                                      .time = inputs_.facts.now,
                                      .request_id = inputs_.request_id,
                                      .service = inputs_.facts.service,
                                      .operation = inputs_.operation,
                                      .access_key_id = inputs_.access_key_id});
    record.accesses.reserve(size());
    each([&](const One& one) { record.accesses.push_back({one.question.request(), one.decision()}); });
    record.parameters = parameters;
    return record;
}

audit::RecordText DecidedRequest::text() const {
    auto prepared = prepared_text();
    return prepared ? std::move(*prepared) : audit::text_of(whole());
}

// What the parts of a record are made of that it shares with others of its principal. False: it cannot be said.
bool DecidedRequest::add_sources(const One& one, Sources& sources) const {
    const AccessQuestion& question = one.question;
    const policy::ContextView& context = question.context();
    if (context.has_ambiguous()) return false;
    sources.add(inputs_.operation);
    sources.add(inputs_.access_key_id);
    sources.add(question.access().action);
    // Whether a resource's policy is a role's trust policy shows in its ARN (policy::policy_type).
    if (question.facts().service() == "sts") sources.add(question.resource());
    keys_.add_sources(sources);
    const auto add_shared = [&](const policy::Context::Entry& entry) {
        if (audit::repeats(entry.key, entry.values)) sources.add(entry);
    };
    each_found(question.lease_keys(), context, add_shared);
    each_found(question.access().context, context, add_shared);
    sources.add(static_cast<uint64_t>(one.verdict.layer));
    for (const policy::Granting& granting : one.verdict.granting()) {
        sources.add(uint64_t{granting.statement} << 8 | static_cast<uint64_t>(granting.layer));
        if (granting.layer == policy::Layer::resource) {
            sources.add(reinterpret_cast<uint64_t>(granting.policy->policy.get()));
            sources.add(granting.policy->name);
            sources.add(granting.policy->version);
        } else {
            sources.add(reinterpret_cast<uint64_t>(granting.policy));  // the principal's
        }
    }
    return sources.fits();
}

std::shared_ptr<const audit::PreparedText> DecidedRequest::prepare(const One& one) const {
    audit::Record record = whole();
    record.parameters.clear();
    auto prepared = audit::prepare(record);
    if (!prepared) return nullptr;
    each_found(inputs_.principal->caller.context, one.question.context(), [&](const policy::Context::Entry& entry) {
        if (!audit::repeats(entry.key, entry.values))
            audit::append_entry(prepared->context, entry.key, entry.values, inputs_.facts.now);
    });
    if (prepared->context.size() > own_context_bytes_max) return nullptr;
    if (one.question.access().resource_policy) prepared->policy = one.question.access().resource_policy->policy;
    return prepared;
}

std::optional<audit::RecordText> DecidedRequest::prepared_text() const {
    const One& one = *first_;
    if (size() != 1 || !one.is_allowed()) return std::nullopt;
    Sources sources;
    if (!add_sources(one, sources)) return std::nullopt;
    identity::PreparedTexts& texts = inputs_.principal->texts;
    auto prepared = texts.find(sources.bytes());
    if (!prepared) {
        prepared = prepare(one);
        if (!prepared) return std::nullopt;
        texts.put(sources.bytes(), prepared);
    }
    std::string changing;
    keys_.append_changing(changing);
    const auto add_changing = [&](const policy::Context::Entry& entry) {
        if (!audit::repeats(entry.key, entry.values)) audit::append_entry(changing, entry.key, entry.values, inputs_.facts.now);
    };
    each_found(one.question.lease_keys(), one.question.context(), add_changing);
    each_found(one.question.access().context, one.question.context(), add_changing);
    if (changing.size() > own_context_bytes_max) return std::nullopt;
    return audit::text_of(*prepared, {.time = inputs_.facts.now,
                                      .request_id = inputs_.request_id,
                                      .resource = one.question.resource(),
                                      .context = changing,
                                      .parameters = parameters});
}

}  // namespace gate
