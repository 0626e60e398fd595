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

// The keys whose values are made of what a request's sources hold: the principal is the one that they are kept with.
class KeysOfSources final : public policy::KnownKeys {
public:
    explicit KeysOfSources(const identity::Caller& caller) : caller_(caller) {}
    bool knows(uint64_t key_hash, std::string_view lower_key) const override {
        // As ContextView finds them: the request's global keys first, then the principal's.
        if (const auto global = RequestKeys::is_of_sources(key_hash, lower_key)) return *global;
        return caller_.context.find(key_hash, lower_key) != nullptr;
    }

private:
    const identity::Caller& caller_;
};

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

void DecidedRequest::One::decide(const policy::Residual* residual) {
    verdict = residual != nullptr ? question.decide(*residual) : question.decide();
    // A refusal says why: it is asked again, with notes.
    if (!is_allowed()) refused = audit::DecidedAccess{question.request(), question.explain()};
}

audit::DecidedAccess DecidedRequest::One::recorded() const {
    return refused ? *refused : audit::DecidedAccess{question.request(), policy::decision_of(verdict)};
}

DecidedRequest::DecidedRequest(Inputs inputs, std::vector<Access> accesses)
    : inputs_(std::move(inputs)), keys_(inputs_.facts), accesses_(std::move(accesses)) {
    INVARIANT(!accesses_.empty());
    first_.emplace(*inputs_.principal, accesses_.front(), keys_);
    if (accesses_.size() == 1 && find_sources()) circumstances_ = inputs_.principal->circumstances.find(sources_->bytes());
    first_->decide(circumstances_ ? circumstances_->residual.get() : nullptr);
    for (size_t i = 1; i < accesses_.size(); ++i) others_.emplace_back(*inputs_.principal, accesses_[i], keys_).decide();
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
    each([&](const One& one) { record.accesses.push_back(one.recorded()); });
    record.parameters = parameters;
    return record;
}

audit::RecordText DecidedRequest::text() const {
    const auto prepared = find_prepared();
    if (!prepared) return audit::text_of(whole());
    thread_local std::string changing;  // which keeps its memory
    changing.clear();
    append_changing(changing);
    if (changing.size() > own_context_bytes_max) return audit::text_of(whole());
    return audit::text_of(*prepared, {.time = inputs_.facts.now,
                                      .request_id = inputs_.request_id,
                                      .resource = first_->question.resource(),
                                      .context = changing,
                                      .parameters = parameters});
}

// What is prepared for a request is used for others of the principal that have these bytes. So they hold all that it is made of: what keys
// that a residual knows have as values, and what the record's shared parts say. False: it cannot be said.
bool DecidedRequest::find_sources() {
    const AccessQuestion& question = first_->question;
    const policy::ContextView& context = question.context();
    if (context.has_ambiguous()) return false;
    Sources& sources = sources_.emplace();
    sources.add(inputs_.operation);
    sources.add(inputs_.access_key_id);
    sources.add(question.access().action);
    // Whether a resource's policy is a role's trust policy shows in its ARN (policy::policy_type).
    if (question.facts().service() == "sts") sources.add(question.resource());
    keys_.add_sources(sources);
    const policy::AttachedPolicy* const policy = question.resource_policy();
    sources.add(reinterpret_cast<uint64_t>(policy != nullptr ? policy->policy.get() : nullptr));  // which the residual keeps
    if (policy != nullptr) {
        sources.add(policy->name);
        sources.add(policy->version);
    }
    const auto add_shared = [&](const policy::Context::Entry& entry) {
        if (audit::repeats(entry.key, entry.values))
            sources.add(entry);
        else
            has_changing_keys_ = true;
    };
    each_found(question.lease_keys(), context, add_shared);
    each_found(question.access().context, context, add_shared);
    if (!sources.fits()) sources_.reset();
    return sources_.has_value();
}

std::shared_ptr<const audit::PreparedText> DecidedRequest::prepare() const {
    audit::Record record = whole();
    record.parameters.clear();
    auto prepared = audit::prepare(record);
    if (!prepared) return nullptr;
    each_found(inputs_.principal->caller.context, first_->question.context(), [&](const policy::Context::Entry& entry) {
        if (!audit::repeats(entry.key, entry.values))
            audit::append_entry(prepared->context, entry.key, entry.values, inputs_.facts.now);
    });
    if (prepared->context.size() > own_context_bytes_max) return nullptr;
    return prepared;
}

// Those that there are, and this one more.
std::shared_ptr<const Circumstances> DecidedRequest::circumstances_with(std::shared_ptr<const audit::PreparedText> text) const {
    auto out = circumstances_ ? std::make_shared<Circumstances>(*circumstances_) : std::make_shared<Circumstances>();
    if (!out->residual)
        out->residual =
            std::make_shared<const policy::Residual>(first_->question.residual_for(KeysOfSources(inputs_.principal->caller)));
    if (out->texts.size() == Circumstances::texts_max) out->texts.erase(out->texts.begin());
    const auto granting = first_->verdict.granting();
    out->texts.push_back({.layer = first_->verdict.layer, .by = {granting.begin(), granting.end()}, .prepared = std::move(text)});
    return out;
}

std::shared_ptr<const audit::PreparedText> DecidedRequest::find_prepared() const {
    if (!sources_ || !first_->is_allowed()) return nullptr;
    if (circumstances_)
        if (const auto* known = circumstances_->text_for(first_->verdict)) return *known;
    auto prepared = prepare();
    if (prepared) inputs_.principal->circumstances.put(sources_->bytes(), circumstances_with(prepared));
    return prepared;
}

void DecidedRequest::append_changing(std::string& members) const {
    keys_.append_changing(members);
    if (!has_changing_keys_) return;
    const AccessQuestion& question = first_->question;
    const auto add_changing = [&](const policy::Context::Entry& entry) {
        if (!audit::repeats(entry.key, entry.values)) audit::append_entry(members, entry.key, entry.values, inputs_.facts.now);
    };
    each_found(question.lease_keys(), question.context(), add_changing);
    each_found(question.access().context, question.context(), add_changing);
}

}  // namespace gate
