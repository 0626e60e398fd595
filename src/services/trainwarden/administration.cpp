#include "services/trainwarden/administration.hpp"

#include <array>

#include "gate/operation.hpp"
#include "model/trainwarden/operations.hpp"
#include "text/time.hpp"

namespace services::trainwarden {
namespace {

namespace m = model::trainwarden;
using base::Result;
using gate::operation;
using gate::Permit;

struct Parts {
    Administration* administration = nullptr;
};

std::optional<std::string> shown(const std::optional<base::Time>& time) {
    return time ? std::optional(text::iso8601_millis(*time)) : std::nullopt;
}

m::MasterKeyResponse answer_of(const Administration::MasterKey& key) {
    m::MasterKeyResponse out{.key_file = key.key_file,
                             .is_rotating = key.is_rotating,
                             .looked_at = key.looked_at,
                             .resealed = key.resealed,
                             .former_tokens_until = {}};
    for (const base::Time until : key.former_tokens_until) out.former_tokens_until.push_back(text::iso8601(until));
    return out;
}

m::RetentionResponse answer_of(const Administration::Retention& retention) {
    return {.audit_keep_days = retention.keep_days.value_or(""),
            .audit_keep_bytes = retention.keep_bytes.value_or(""),
            .audit_when_full = retention.when_full.value_or(""),
            .set_by_options = retention.set_by_options,
            .audit_bytes = retention.bytes,
            .oldest_record = shown(retention.oldest)};
}

Result<m::StartSnapshotResponse> start_snapshot(Parts& parts, const Permit&, const m::StartSnapshotRequest&) {
    const auto made = TRY(parts.administration->start_snapshot());
    return m::StartSnapshotResponse{.snapshot_id = made.id, .path = made.path, .lives_seconds = made.lives_seconds};
}

Result<model::Nothing> renew_snapshot(Parts& parts, const Permit&, const m::SnapshotRequest& in) {
    TRY(parts.administration->renew_snapshot(in.snapshot_id));
    return {};
}

Result<model::Nothing> end_snapshot(Parts& parts, const Permit&, const m::SnapshotRequest& in) {
    TRY(parts.administration->end_snapshot(in.snapshot_id));
    return {};
}

Result<m::MasterKeyResponse> describe_master_key(Parts& parts, const Permit&, const m::DescribeMasterKeyRequest&) {
    return answer_of(parts.administration->master_key());
}

Result<m::MasterKeyResponse> rotate_master_key(Parts& parts, const Permit&, const m::RotateMasterKeyRequest& in) {
    return answer_of(TRY(parts.administration->rotate_master_key(in.end_sessions.value_or(false))));
}

Result<m::DescribeScrubResponse> describe_scrub(Parts& parts, const Permit&, const m::DescribeScrubRequest&) {
    const auto scrub = parts.administration->scrub();
    return m::DescribeScrubResponse{.bytes_per_second = scrub.bytes_per_second,
                                    .passes = scrub.passes,
                                    .blobs = scrub.blobs,
                                    .bytes = scrub.bytes,
                                    .damaged = scrub.damaged,
                                    .began = shown(scrub.began),
                                    .ended = shown(scrub.ended),
                                    .places = scrub.places};
}

Result<m::RetentionResponse> describe_retention(Parts& parts, const Permit&, const m::DescribeRetentionRequest&) {
    return answer_of(parts.administration->retention());
}

Result<m::RetentionResponse> put_retention(Parts& parts, const Permit&, const m::PutRetentionRequest& in) {
    return answer_of(TRY(parts.administration->put_retention({.keep_days = in.audit_keep_days,
                                                              .keep_bytes = in.audit_keep_bytes,
                                                              .when_full = in.audit_when_full,
                                                              .set_by_options = {},
                                                              .bytes = 0,
                                                              .oldest = {}})));
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<Parts>>({
    operation<m::StartSnapshot, start_snapshot>(),
    operation<m::RenewSnapshot, renew_snapshot>(),
    operation<m::EndSnapshot, end_snapshot>(),
    operation<m::DescribeMasterKey, describe_master_key>(),
    operation<m::RotateMasterKey, rotate_master_key>(),
    operation<m::DescribeScrub, describe_scrub>(),
    operation<m::DescribeRetention, describe_retention>(),
    operation<m::PutRetention, put_retention>(),
});

}  // namespace

void add_administration_operations(gate::Registry& registry, Administration& administration) {
    gate::add_operations<Parts>(registry, Parts{&administration}, operations, {});
}

}  // namespace services::trainwarden
