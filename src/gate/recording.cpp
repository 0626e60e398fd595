// What the gate writes to the audit log of a request: what was decided, before anything happens; what came of it, before the answer leaves.
#include "audit/log.hpp"
#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "base/log.hpp"
#include "gate/decided.hpp"
#include "gate/recorded.hpp"
#include "gate/request_state.hpp"
#include "model/services.hpp"
#include "store/reserve.hpp"
#include "wire/model.hpp"

namespace gate {

std::string Gate::message_to_keep(const RequestState& state, const base::Error& error) {
    return recorded_message(error, model::find_operation(state.service, state.call.operation),
                            state.run != nullptr ? state.run->asked() : text::Json());
}

std::string Gate::parameters_to_keep(const RequestState& state, bool refused) {
    const size_t most = refused ? audit::refused_parameters_bytes_max : audit::parameters_bytes_max;
    const std::string& service = state.said_service();
    text::Json asked = state.run != nullptr ? state.run->asked() : text::Json();
    // Where no access says it (there is no such bucket, or the credentials do not hold): as the head does.
    if (asked.is_null() && service == "s3" && !state.decided)
        if (const wire::S3Request* head = state.asked_of_s3(); head != nullptr && !head->bucket.empty()) {
            asked = text::Json::object({{"Bucket", head->bucket}});
            if (!head->key.empty()) asked.set("Key", head->key);
        }
    return recorded_parameters(service, state.call.operation, asked, most);
}

audit::Record Gate::record_of(const RequestState& state) {
    if (state.decided) return state.decided->whole();
    return gate::record_of({.http = state.http,
                            .caller = state.caller(),
                            .time = state.now,
                            .request_id = state.call.request_id,
                            .service = state.said_service(),
                            .operation = state.call.operation,
                            .access_key_id = state.access_key_id});
}

// What could not be recorded is not done, or not told.
std::unexpected<base::Error> Gate::not_recorded(RequestState& state, const base::Error& error) {
    state.barrier = Barrier::record;
    base::log_error("a request was stopped: " + error.describe());
    if (error.code == base::code::InsufficientStorage) return base::fail(error);
    if (error.code == base::code::AuditFull) {
        return base::fail(base::code::ServiceUnavailable,
                          "The audit log has no room for more records. The operator of this server has to make some.");
    }
    return base::fail(base::code::InternalFailure, "the decision could not be recorded");
}

base::Result<void> Gate::record(RequestState& state, std::string parameters) {
    const Timed timed(state.laps, Phase::record);
    base::Result<audit::PendingRecord> pending;
    if (state.decided) {
        state.decided->parameters = std::move(parameters);
        pending = dependencies_.audit->decided(*state.decided);
    } else {
        audit::Record record = record_of(state);
        record.parameters = std::move(parameters);
        pending = dependencies_.audit->decided(record);
    }
    if (!pending) return not_recorded(state, pending.error());
    state.pending = std::move(*pending);
    state.recorded = true;
    return {};
}

base::Result<void> Gate::record_refusal(RequestState& state, const base::Error& refusal, int status) {
    const Timed timed(state.laps, Phase::record);
    audit::Record record = record_of(state);
    record.error_code = refusal.code;
    record.error_message = message_to_keep(state, refusal);
    record.status = status;
    record.is_missing = !state.decided && refusal.code == base::code::NoSuchBucket;
    if (record.parameters.empty()) record.parameters = parameters_to_keep(state, true);
    // Whose credentials hold is told that the request is refused, on a full disk too; but not at the cost of deletes.
    std::optional<store::MayUseReserve> refusal_of_a_known_caller;
    if (record.authenticated) refusal_of_a_known_caller.emplace(store::ReserveUse::administration);
    if (auto written = dependencies_.audit->append(record); !written) return not_recorded(state, written.error());
    state.recorded = true;
    return {};
}

base::Result<void> Gate::record_answer(RequestState& state, int status, const base::Error* error, std::string made) {
    const Timed timed(state.laps, Phase::record);
    audit::Answered answered{
        .time = dependencies_.clock->now(), .status = status, .error_code = "", .error_message = "", .made = std::move(made)};
    if (error != nullptr) {
        answered.error_code = error->code;
        answered.error_message = message_to_keep(state, *error);
    }
    INVARIANT(state.pending);
    audit::PendingRecord pending = std::move(*state.pending);
    state.pending.reset();
    auto written = dependencies_.audit->answered(std::move(pending), answered);
    if (!written) return not_recorded(state, written.error());
    return {};
}

}  // namespace gate
