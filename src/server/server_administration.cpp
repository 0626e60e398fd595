#include "server/server_administration.hpp"

#include <sys/resource.h>

#include "base/error_codes.hpp"
#include "server/audit_log.hpp"

namespace server {
namespace {

constexpr std::chrono::milliseconds between_looks{1000};  // for what is due
constexpr std::chrono::milliseconds between_steps{5};     // of a rotation: requests go first

}  // namespace

ServerAdministration::ServerAdministration(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      rotation_(*dependencies_.folder, *dependencies_.directory, *dependencies_.object_keys, *dependencies_.clock,
                *dependencies_.random),
      scrub_({.keys = dependencies_.keys,
              .blobs = dependencies_.blobs,
              .clock = dependencies_.clock,
              .bytes_per_second = dependencies_.scrub_bytes_per_second,
              .between_passes = std::chrono::seconds(dependencies_.scrub_between_seconds)}) {}

base::Result<std::unique_ptr<ServerAdministration>> ServerAdministration::open(Dependencies dependencies) {
    auto snapshots = TRY(admin::Snapshots::open({.data = dependencies.folder->path(),
                                                 .keys = dependencies.keys,
                                                 .blobs = dependencies.blobs,
                                                 .audit = dependencies.audit,
                                                 .clock = dependencies.clock,
                                                 .random = dependencies.random}));
    std::unique_ptr<ServerAdministration> made(new ServerAdministration(std::move(dependencies)));
    made->snapshots_ = std::move(snapshots);
    made->keeper_ = std::thread([one = made.get()] { one->keep(); });
    if (made->dependencies_.scrub_bytes_per_second != 0)
        made->scrubber_ = std::thread([one = made.get()] { one->scrub_again_and_again(); });
    return made;
}

ServerAdministration::~ServerAdministration() {
    {
        const base::Lock lock(mutex_);
        ends_ = true;
    }
    ending_.notify_all();
    if (keeper_.joinable()) keeper_.join();
    if (scrubber_.joinable()) scrubber_.join();
}

bool ServerAdministration::wait(std::chrono::milliseconds pause) const {
    base::Lock lock(mutex_);
    ending_.wait_for(mutex_, pause, [this]() REQUIRES(mutex_) { return ends_; });
    return !ends_;
}

void ServerAdministration::keep() {
    while (wait(rotation_.step() ? between_steps : between_looks)) snapshots_->expire();
}

void ServerAdministration::scrub_again_and_again() {
    (void)::setpriority(PRIO_PROCESS, 0, 10);  // of this thread alone (setpriority(2)): requests go first
    for (;;) {
        const auto began = std::chrono::steady_clock::now();
        scrub_.pass([this](std::chrono::milliseconds pause) { return wait(pause); });
        const auto taken = std::chrono::steady_clock::now() - began;
        const auto rest =
            std::max<std::chrono::steady_clock::duration>(scrub_.dependencies().between_passes - taken, std::chrono::seconds(1));
        if (!wait(std::chrono::duration_cast<std::chrono::milliseconds>(rest))) return;
    }
}

base::Result<ServerAdministration::Snapshot> ServerAdministration::start_snapshot() {
    const auto made = TRY(snapshots_->start());
    return Snapshot{.id = made.id, .path = made.path, .lives_seconds = admin::snapshot_lives.count()};
}

ServerAdministration::MasterKey ServerAdministration::master_key() const {
    const auto state = rotation_.state();
    MasterKey out{.key_file = dependencies_.folder->master_key_file(),
                  .is_rotating = state.is_rotating,
                  .looked_at = static_cast<int64_t>(state.looked_at),
                  .resealed = static_cast<int64_t>(state.resealed),
                  .former_tokens_until = {}};
    for (const auto& tokens : state.keys.tokens) out.former_tokens_until.push_back(tokens.until);
    return out;
}

base::Result<ServerAdministration::MasterKey> ServerAdministration::rotate_master_key(bool end_sessions) {
    TRY(rotation_.begin(end_sessions));
    return master_key();
}

ServerAdministration::Scrub ServerAdministration::scrub() const {
    const auto state = scrub_.state();
    return {.bytes_per_second = static_cast<int64_t>(dependencies_.scrub_bytes_per_second),
            .passes = static_cast<int64_t>(state.passes),
            .blobs = static_cast<int64_t>(state.blobs),
            .bytes = static_cast<int64_t>(state.bytes),
            .damaged = static_cast<int64_t>(state.damaged),
            .began = state.began,
            .ended = state.ended,
            .places = state.places};
}

ServerAdministration::Retention ServerAdministration::retention() const {
    const KeptAudit kept = kept_audit(dependencies_.folder->path(), dependencies_.audit_settings).value_or(KeptAudit{});
    const auto there = dependencies_.audit->kept();
    return {.keep_days = kept.keep_days,
            .keep_bytes = kept.keep_bytes,
            .when_full = kept.when_full,
            .set_by_options = retention_options(dependencies_.audit_settings),
            .bytes = static_cast<int64_t>(there.bytes),
            .oldest = there.oldest};
}

base::Result<ServerAdministration::Retention> ServerAdministration::put_retention(const Retention& wanted) {
    const base::Lock lock(retention_mutex_);
    const AuditSettings& options = dependencies_.audit_settings;
    const auto fixed = [](const std::optional<std::string>& value, const std::string& option,
                          const char* name) -> base::Result<void> {
        if (!value || option.empty()) return {};
        return base::fail(base::code::ValidationException, std::string("serve was started with ") + name +
                                                               ", which holds: start it without that option to set this here");
    };
    TRY(fixed(wanted.keep_days, options.keep_days, "--audit-keep-days"));
    TRY(fixed(wanted.keep_bytes, options.keep_bytes, "--audit-keep-bytes"));
    TRY(fixed(wanted.when_full, options.when_full, "--audit-when-full"));
    KeptAudit kept = TRY(kept_audit(dependencies_.folder->path(), options));
    if (wanted.keep_days) kept.keep_days = *wanted.keep_days;
    if (wanted.keep_bytes) kept.keep_bytes = *wanted.keep_bytes;
    if (wanted.when_full) kept.when_full = *wanted.when_full;
    const auto keeping = parse_keeping(kept);
    if (!keeping) return base::fail(base::code::ValidationException, keeping.error().message);
    TRY(write_kept_audit(dependencies_.folder->path(), kept));
    dependencies_.audit->keep_from_now(*keeping);
    return retention();
}

}  // namespace server
