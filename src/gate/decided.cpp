#include "gate/decided.hpp"

#include <algorithm>
#include <utility>

#include "audit/prepared_text.hpp"
#include "base/invariant.hpp"
#include "gate/sources.hpp"
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

// A refusal says why: it is asked again, with notes.
void DecidedRequest::One::explain() { refused = audit::DecidedAccess{question.request(), question.explain()}; }

audit::DecidedAccess DecidedRequest::One::recorded() const {
    return refused ? *refused : audit::DecidedAccess{question.request(), policy::decision_of(verdict)};
}

DecidedRequest::DecidedRequest(Inputs inputs, std::vector<Access> accesses)
    : inputs_(std::move(inputs)), keys_(inputs_.facts), accesses_(std::move(accesses)) {
    INVARIANT(!accesses_.empty());
    first_.emplace(*inputs_.principal, accesses_.front(), keys_, [this](const AccessQuestion& question) {
        find_circumstances(question);
        return circumstances_ ? circumstances_->residual.get() : nullptr;
    });
    for (size_t i = 1; i < accesses_.size(); ++i)
        others_.emplace_back(*inputs_.principal, accesses_[i], keys_, [](const AccessQuestion&) { return nullptr; });
}

void DecidedRequest::find_circumstances(const AccessQuestion& question) {
    has_sources_ = accesses_.size() == 1 && !question.context().has_ambiguous();
    if (!has_sources_) return;
    if (question.lease_keys() == nullptr) shared_keys_ = question.access().context.shared();
    if (shared_keys_ == nullptr) find_keys_of_sources(question);
    circumstances_ = inputs_.principal->circumstances.find([&](std::string_view written) {
        ComparedSources compared(written);
        add_sources(question, compared);
        return compared.is_same();
    });
    if (shared_keys_ == nullptr) return;
    if (circumstances_)
        has_changing_keys_ = circumstances_->has_changing_keys;
    else
        find_keys_of_sources(question);
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
    std::shared_ptr<const audit::PreparedText> made;
    const audit::PreparedText* prepared = find_prepared();
    if (prepared == nullptr) {
        made = prepare_first();
        if (!made) return audit::text_of(whole());
        prepared = made.get();
    }
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

void DecidedRequest::find_keys_of_sources(const AccessQuestion& question) {
    for (const policy::Context* layer : {question.lease_keys(), &question.access().context}) {
        if (layer == nullptr) continue;
        each_found(*layer, question.context(), [&](const policy::Context::Entry& entry) {
            if (audit::repeats(entry.key, entry.values)) repeating_keys_.push_back(&entry);
        });
        // Whether conditions find them may be another matter for another request.
        has_changing_keys_ = has_changing_keys_ || std::ranges::any_of(layer->entries(), [](const auto& entry) {
                                 return !audit::repeats(entry.key, entry.values);
                             });
    }
}

// What is prepared for a request is used for others of the principal that have these bytes. So they hold all that it is made of: what keys
// that a residual knows have as values, and what the record's shared parts say.
template <class Into>
void DecidedRequest::add_sources(const AccessQuestion& question, Into& into) const {
    into.add(inputs_.operation);
    into.add(inputs_.access_key_id);
    into.add(question.access().action);
    // Whether a resource's policy is a role's trust policy shows in its ARN (policy::policy_type).
    if (question.facts().service() == "sts") into.add(question.resource());
    keys_.add_sources(into);
    const policy::AttachedPolicy* const policy = question.resource_policy();
    into.add(reinterpret_cast<uint64_t>(policy != nullptr ? policy->policy.get() : nullptr));  // which the residual keeps
    if (policy != nullptr) {
        into.add(policy->name);
        into.add(policy->version);
    }
    into.add(reinterpret_cast<uint64_t>(shared_keys_));  // which Circumstances keep
    if (shared_keys_ != nullptr) return;
    for (const policy::Context::Entry* entry : repeating_keys_) {
        into.add(entry->key);
        into.add(uint64_t{entry->values.size()});
        for (const std::string& value : entry->values) into.add(value);
    }
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
    if (shared_keys_ != nullptr) {
        out->shared_keys = first_->question.access().context;
        out->has_changing_keys = has_changing_keys_;
    }
    const auto granting = first_->verdict.granting();
    out->texts.push_back({.layer = first_->verdict.layer, .by = {granting.begin(), granting.end()}, .prepared = std::move(text)});
    return out;
}

const audit::PreparedText* DecidedRequest::find_prepared() const {
    if (!circumstances_ || !first_->is_allowed()) return nullptr;
    const auto* const known = circumstances_->text_for(first_->verdict);
    return known != nullptr ? known->get() : nullptr;
}

std::shared_ptr<const audit::PreparedText> DecidedRequest::prepare_first() const {
    if (!has_sources_ || !first_->is_allowed()) return nullptr;
    WrittenSources sources;
    add_sources(first_->question, sources);
    if (!sources.fits()) return nullptr;
    auto prepared = prepare();
    if (prepared) inputs_.principal->circumstances.put(sources.bytes(), circumstances_with(prepared));
    return prepared;
}

void DecidedRequest::append_changing(std::string& members) const {
    keys_.append_changing(members);
    if (!has_changing_keys_) return;
    const AccessQuestion& question = first_->question;
    const auto add_changing = [&](const policy::Context::Entry& entry) {
        if (!audit::repeats(entry.key, entry.values)) audit::append_entry(members, entry.key, entry.values, inputs_.facts.now);
    };
    if (question.lease_keys() != nullptr) each_found(*question.lease_keys(), question.context(), add_changing);
    each_found(question.access().context, question.context(), add_changing);
}

}  // namespace gate
