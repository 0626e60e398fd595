// Object lock: a bucket's configuration, a version's retention and legal hold. What may be done to what is locked says objects/lock.hpp.
#include <array>

#include "base/error_codes.hpp"
#include "model/s3/locks.hpp"
#include "services/s3/locks.hpp"
#include "text/time.hpp"

namespace services::s3 {

Result<objects::ObjectLock> read_lock(const std::optional<std::string>& mode, const std::optional<base::Time>& until,
                                      const std::optional<std::string>& legal_hold, base::Time now) {
    const auto invalid = [](const char* why) { return base::fail(base::code::InvalidArgument, why); };
    objects::ObjectLock lock;
    if (mode.has_value() != until.has_value())
        return invalid("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied");
    if (mode) {
        const auto known = objects::retention_mode(*mode);
        if (!known) return invalid("Unknown wormMode directive.");
        if (*until <= now) return invalid("The retain until date must be in the future!");
        lock.retention = objects::Retention{*known, *until};
    }
    if (legal_hold) {
        if (*legal_hold != "ON" && *legal_hold != "OFF") return invalid("Legal Hold must be either of 'ON' or 'OFF'");
        lock.legal_hold = *legal_hold == "ON";
    }
    return lock;
}

Result<void> check_digest(const objects::Bucket& bucket, const objects::ObjectLock& lock, bool has_digest) {
    if (has_digest || (!lock.any() && !bucket.configuration.default_retention)) return {};
    return base::fail(
        base::code::InvalidRequest,
        "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters");
}

void add_retention_keys(policy::Context& context, const std::optional<std::string>& mode, const std::optional<base::Time>& until,
                        base::Time now) {
    if (mode) context.set("s3:object-lock-mode", *mode);
    if (!until) return;
    context.set("s3:object-lock-retain-until-date", text::iso8601_millis(*until));
    context.set("s3:object-lock-remaining-retention-days", std::to_string(days_until(*until, now)));
}

namespace {

// --- The bucket's ---

Result<m::GetObjectLockConfiguration::Output> get_configuration(S3&, const Permit&, const m::GetObjectLockConfiguration::Input&,
                                                                Located&& located) {
    const auto& configuration = located.bucket->configuration;
    if (!configuration.object_lock)
        return base::fail(base::code::ObjectLockConfigurationNotFoundError,
                          "Object Lock configuration does not exist for this bucket");
    m::ObjectLockConfiguration out{.object_lock_enabled = "Enabled"};
    if (const auto& kept = configuration.default_retention) {
        m::DefaultRetention shown{.mode = std::string(objects::name_of(kept->mode))};
        if (kept->days > 0) shown.days = static_cast<int32_t>(kept->days);
        if (kept->years > 0) shown.years = static_cast<int32_t>(kept->years);
        out.rule = m::ObjectLockRule{.default_retention = shown};
    }
    return m::GetObjectLockConfiguration::Output{.object_lock_configuration = std::move(out)};
}

Result<std::optional<objects::DefaultRetention>> read_default(const m::ObjectLockConfiguration& asked) {
    if (asked.object_lock_enabled != "Enabled") return base::fail(malformed_xml());
    if (!asked.rule) return std::nullopt;
    if (!asked.rule->default_retention) return base::fail(malformed_xml());
    const auto& kept = *asked.rule->default_retention;
    const auto mode = objects::retention_mode(model::text(kept.mode));
    if (!mode || kept.days.has_value() == kept.years.has_value()) return base::fail(malformed_xml());
    const auto count = kept.days ? *kept.days : *kept.years;
    if (count < 1) return base::fail(base::code::InvalidArgument, "Default retention period must be a positive integer value.");
    if (static_cast<uint32_t>(count) > (kept.days ? objects::retention_days_max : objects::retention_years_max))
        return base::fail(base::code::InvalidArgument, "Default retention period too large.");
    objects::DefaultRetention out{.mode = *mode};
    (kept.days ? out.days : out.years) = static_cast<uint32_t>(count);
    return out;
}

// Of a bucket whose versioning is on; never taken back.
Result<m::PutObjectLockConfiguration::Output> put_configuration(S3& s3, const Permit&,
                                                                const m::PutObjectLockConfiguration::Input& in,
                                                                Located&& located) {
    if (!in.object_lock_configuration) return base::fail(malformed_xml());
    const auto kept = TRY(read_default(*in.object_lock_configuration));
    TRY(s3.storage.configure(located.bucket->name, [&](objects::BucketConfiguration& configuration) -> Result<void> {
        if (configuration.versioning != objects::versioning_enabled)
            return base::fail(base::code::InvalidBucketState,
                              "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration");
        configuration.object_lock = true;
        configuration.default_retention = kept;
        return {};
    }));
    return m::PutObjectLockConfiguration::Output{};
}

// --- A version's ---

Result<void> check_has_lock(const objects::Bucket& bucket) {
    return bucket.configuration.object_lock ? Result<void>() : base::fail(objects::no_lock_configuration());
}

base::Error no_lock() {
    return {base::code::NoSuchObjectLockConfiguration, "The specified object does not have a ObjectLock configuration"};
}

// The version, as the permit's request found it.
template <class Input>
Result<objects::ObjectPtr> version_of(const S3& s3, const Input& in, const objects::Bucket& bucket) {
    TRY(check_has_lock(bucket));
    if (in.version_id && *in.version_id != objects::null_version && !objects::is_version_id(*in.version_id))
        return base::fail(invalid_version(*in.version_id));
    return objects::readable(TRY(s3.storage.find_version(in.bucket, in.key, in.version_id)), in.version_id);
}

Result<m::GetObjectRetention::Output> get_retention(S3& s3, const Permit&, const m::GetObjectRetention::Input& in,
                                                    Located&& located) {
    const auto object = TRY(version_of(s3, in, *located.bucket));
    if (!object->lock.retention) return base::fail(no_lock());
    return m::GetObjectRetention::Output{
        .retention = m::ObjectLockRetention{.mode = std::string(objects::name_of(object->lock.retention->mode)),
                                            .retain_until_date = object->lock.retention->until}};
}

// An empty element takes the retention away.
Result<std::optional<objects::Retention>> read_retention(const std::optional<m::ObjectLockRetention>& asked, base::Time now) {
    if (!asked) return base::fail(malformed_xml());
    if (!asked->mode && !asked->retain_until_date) return std::nullopt;
    const auto mode = objects::retention_mode(model::text(asked->mode));
    if (!mode || !asked->retain_until_date) return base::fail(malformed_xml());
    if (*asked->retain_until_date <= now)
        return base::fail(base::code::InvalidArgument, "The retain until date must be in the future!");
    return objects::Retention{*mode, *asked->retain_until_date};
}

Result<RequiredAccesses<Located>> retention_needs(const S3& s3, const RequestOrigin& asking,
                                                  const m::PutObjectRetention::Input& in) {
    auto keys = version_keys(in.version_id);
    if (in.retention) add_retention_keys(keys, in.retention->mode, in.retention->retain_until_date, s3.clock.now());
    const auto object = TRY(asking.find("arn:aws:s3:::" + in.bucket + "/" + in.key, m::Action::s3_PutObjectRetention, {}, &keys));
    RequiredAccesses<Located> needs(*object.found.as<Located>());
    needs.add(m::Action::s3_PutObjectRetention, object, keys);
    if (in.bypass_governance_retention.value_or(false)) needs.add(m::Action::s3_BypassGovernanceRetention, object, keys);
    return needs;
}

Result<m::PutObjectRetention::Output> put_retention(S3& s3, const Permit& permit, const m::PutObjectRetention::Input& in,
                                                    Located&& located) {
    TRY(check_has_lock(*located.bucket));
    const auto wanted = TRY(read_retention(in.retention, permit.time()));
    const bool bypasses = in.bypass_governance_retention.value_or(false);
    if (in.version_id && *in.version_id != objects::null_version && !objects::is_version_id(*in.version_id))
        return base::fail(invalid_version(*in.version_id));
    const auto change = [&](const objects::Bucket& bucket, objects::Object& object) -> Result<void> {
        TRY(check_has_lock(bucket));
        TRY(objects::allow(objects::may_retain(object.lock.retention, wanted, s3.clock.now()), bypasses));
        object.lock.retention = wanted;
        return {};
    };
    TRY(s3.storage.change_version(in.bucket, in.key, in.version_id, change));
    return m::PutObjectRetention::Output{};
}

Result<m::GetObjectLegalHold::Output> get_legal_hold(S3& s3, const Permit&, const m::GetObjectLegalHold::Input& in,
                                                     Located&& located) {
    const auto object = TRY(version_of(s3, in, *located.bucket));
    if (!object->lock.legal_hold) return base::fail(no_lock());
    return m::GetObjectLegalHold::Output{.legal_hold = m::ObjectLockLegalHold{.status = *object->lock.legal_hold ? "ON" : "OFF"}};
}

Result<m::PutObjectLegalHold::Output> put_legal_hold(S3& s3, const Permit&, const m::PutObjectLegalHold::Input& in,
                                                     Located&& located) {
    TRY(check_has_lock(*located.bucket));
    const auto status = in.legal_hold ? model::text(in.legal_hold->status) : std::string_view();
    if (status != "ON" && status != "OFF") return base::fail(malformed_xml());
    if (in.version_id && *in.version_id != objects::null_version && !objects::is_version_id(*in.version_id))
        return base::fail(invalid_version(*in.version_id));
    TRY(s3.storage.change_version(in.bucket, in.key, in.version_id,
                                  [&](const objects::Bucket& bucket, objects::Object& object) -> Result<void> {
                                      TRY(check_has_lock(bucket));
                                      object.lock.legal_hold = status == "ON";
                                      return {};
                                  }));
    return m::PutObjectLegalHold::Output{};
}

constexpr auto operations = std::to_array<gate::OperationDeclaration<S3>>({
    operation<m::GetObjectLockConfiguration, get_configuration>(),
    operation<m::PutObjectLockConfiguration, put_configuration>(),
    operation<m::GetObjectRetention, get_retention>(),
    operation<m::PutObjectRetention, put_retention, retention_needs>(),
    operation<m::GetObjectLegalHold, get_legal_hold>(),
    operation<m::PutObjectLegalHold, put_legal_hold>(),
});

}  // namespace

Rows lock_operations() { return operations; }

}  // namespace services::s3
