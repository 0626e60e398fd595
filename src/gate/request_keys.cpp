#include "gate/request_keys.hpp"

#include <bit>

#include "audit/raw_writer.hpp"
#include "audit/record_text.hpp"
#include "base/invariant.hpp"
#include "base/strings.hpp"
#include "policy/hash.hpp"
#include "text/time.hpp"

namespace gate {
namespace {

using Entry = policy::Context::Entry;

enum Key : size_t {
    // Those with a slot.
    current_time,
    epoch_time,
    requested_region,
    resource_account,
    source_ip,
    user_agent,
    referer,
    content_sha256,
    signature_age,
    source_vpce,
    vpc_source_ip,
    certificate_subject,
    certificate_sha256,
    // Those with one of a few values.
    via_aws_service,
    secure_transport,
    signature_version,
    auth_type,
    keys_count,
};

struct Known {
    std::string_view name, lower;
    uint64_t hash;
};

const std::array<Known, keys_count>& known_keys() {
    static const auto keys = [] {
        std::array<Known, keys_count> out{};
        const auto add = [&](Key key, std::string_view name, std::string_view lower) {
            out[key] = {name, lower, policy::hash_of(lower)};
        };
        add(current_time, "aws:CurrentTime", "aws:currenttime");
        add(epoch_time, "aws:EpochTime", "aws:epochtime");
        add(requested_region, "aws:RequestedRegion", "aws:requestedregion");
        add(resource_account, "aws:ResourceAccount", "aws:resourceaccount");
        add(source_ip, "aws:SourceIp", "aws:sourceip");
        add(user_agent, "aws:UserAgent", "aws:useragent");
        add(referer, "aws:Referer", "aws:referer");
        add(content_sha256, "s3:x-amz-content-sha256", "s3:x-amz-content-sha256");
        add(signature_age, "s3:signatureAge", "s3:signatureage");
        add(source_vpce, "aws:SourceVpce", "aws:sourcevpce");
        add(vpc_source_ip, "aws:VpcSourceIp", "aws:vpcsourceip");
        add(certificate_subject, "trainwarden:ClientCertificateSubject", "trainwarden:clientcertificatesubject");
        add(certificate_sha256, "trainwarden:ClientCertificateSha256", "trainwarden:clientcertificatesha256");
        add(via_aws_service, "aws:ViaAWSService", "aws:viaawsservice");
        add(secure_transport, "aws:SecureTransport", "aws:securetransport");
        add(signature_version, "s3:signatureversion", "s3:signatureversion");
        add(auth_type, "s3:authType", "s3:authtype");
        return out;
    }();
    return keys;
}

// The name of a header that is looked for in every request: compared eight bytes at a time, in any case.
class HeaderName {
public:
    consteval explicit HeaderName(std::string_view lower) : text(lower) {
        const auto set = [](uint64_t& word, size_t at, char c) {
            word |= uint64_t{static_cast<unsigned char>(c)} << (at * 8);  // as a little-endian machine reads it
        };
        for (size_t i = 0; i < words_of(lower.size()); ++i) {
            for (size_t at = 0; at < sizeof(uint64_t) && place(i) + at < lower.size(); ++at) {
                const char c = lower[place(i) + at];
                set(words_[i], at, c);
                if (c >= 'a' && c <= 'z') set(case_bits_[i], at, case_bit);
            }
        }
    }

    [[nodiscard]] bool is(std::string_view field) const {
        if (field.size() != text.size()) return false;
        for (size_t i = 0; i < words_of(text.size()); ++i) {
            uint64_t word = 0;
            if (text.size() >= sizeof word)
                std::memcpy(&word, field.data() + place(i), sizeof word);
            else
                std::ranges::copy(field, reinterpret_cast<char*>(&word));
            if ((word | case_bits_[i]) != words_[i]) return false;
        }
        return true;
    }

    const std::string_view text;

private:
    static constexpr char case_bit = 0x20;
    static constexpr size_t words_max = 3;
    static constexpr size_t words_of(size_t size) { return (size + sizeof(uint64_t) - 1) / sizeof(uint64_t); }
    // Where a word begins: the last one may have some bytes of the one before.
    [[nodiscard]] constexpr size_t place(size_t word) const {
        const size_t last = text.size() < sizeof(uint64_t) ? 0 : text.size() - sizeof(uint64_t);
        return std::min(word * sizeof(uint64_t), last);
    }
    std::array<uint64_t, words_max> words_{}, case_bits_{};
};
static_assert(std::endian::native == std::endian::little);

constexpr HeaderName user_agent_header("user-agent"), referer_header("referer"), hash_header("x-amz-content-sha256");

uint64_t mask_of(size_t from, size_t to) {
    uint64_t mask = 0;
    for (size_t key = from; key < to; ++key) mask |= uint64_t{1} << (known_keys()[key].hash & 63);
    return mask;
}

Entry constant(std::string value) {
    Entry entry;
    entry.values.push_back(std::move(value));
    return entry;
}

}  // namespace

RequestKeys::RequestKeys(const RequestFacts& facts) : facts_(facts), region_(facts.region) {
    INVARIANT(facts.http != nullptr);
    static const uint64_t always = mask_of(current_time, referer + 1) | mask_of(via_aws_service, signature_version);
    static const uint64_t of_s3 = mask_of(content_sha256, signature_age + 1) | mask_of(signature_version, keys_count);
    static const uint64_t of_endpoint = mask_of(source_vpce, vpc_source_ip + 1),
                          of_certificate = mask_of(certificate_subject, certificate_sha256 + 1);
    present_ = facts.service == "s3" ? always | of_s3 : always;
    if (!facts.http->vpc_endpoint.empty()) present_ |= of_endpoint;
    if (!facts.http->certificate_sha256.empty()) present_ |= of_certificate;
    for (const auto& [field, value] : facts.http->head.headers.fields()) {
        const std::string** first = nullptr;
        if (user_agent_header.is(field))
            first = &agent_;
        else if (referer_header.is(field))
            first = &referer_;
        else if (hash_header.is(field))
            first = &content_hash_;
        if (first == nullptr) continue;
        if (*first == nullptr)
            *first = &value;
        else if (**first != value && first != &content_hash_)
            has_ambiguous_ = true;  // R81; a content hash with two values is refused before (wire::check_repeated_headers)
    }
    repeats_content_hash_ = audit::repeats_content_hash(content_hash());
}

void RequestKeys::about(std::string_view region, std::string_view account) {
    constexpr uint32_t of_access = uint32_t{1} << requested_region | uint32_t{1} << resource_account;
    worked_out_ &= ~of_access;
    region_ = region;
    resource_account_ = account;
}

const RequestKeys::Entry* RequestKeys::compute(uint64_t key_hash, std::string_view lower_key) const {
    const auto& keys = known_keys();
    for (size_t key = 0; key < keys_count; ++key)
        if (keys[key].hash == key_hash && keys[key].lower == lower_key) return value_of(key);
    return nullptr;
}

void RequestKeys::add_to(policy::Context& into) const {
    for (size_t key = 0; key < keys_count; ++key) {
        const Entry* entry = value_of(key);
        if (entry == nullptr) continue;
        policy::Context one;
        for (const std::string& value : entry->values) one.set(known_keys()[key].name, value);
        into.merge(one);
    }
}

const RequestKeys::Entry* RequestKeys::kept(size_t slot, std::string_view value) const {
    Entry& entry = (*slots_)[slot];
    entry.values.clear();
    entry.values.emplace_back(value);
    return &entry;
}

const RequestKeys::Entry* RequestKeys::header(size_t slot, std::string_view name, const std::string* first) const {
    if (first == nullptr) return nullptr;
    if (!has_ambiguous_) return kept(slot, *first);
    Entry& entry = (*slots_)[slot];
    for (const auto& [field, value] : facts_.http->head.headers.fields()) {
        if (!base::equals_ignoring_case(field, name)) continue;
        if (entry.values.size() == 1 && entry.values.front() == value) continue;
        entry.values.push_back(value);
    }
    entry.ambiguous = entry.values.size() > 1;
    return &entry;
}

std::optional<bool> RequestKeys::is_of_sources(uint64_t key_hash, std::string_view lower_key) {
    const auto& keys = known_keys();
    for (size_t key = 0; key < keys_count; ++key) {
        if (keys[key].hash != key_hash || keys[key].lower != lower_key) continue;
        switch (static_cast<Key>(key)) {
            case requested_region:
            case resource_account:
            case source_ip:
            case user_agent:
            case source_vpce:
            case vpc_source_ip:
            case certificate_subject:
            case certificate_sha256:
            case via_aws_service:
            case secure_transport:
            case signature_version:
            case auth_type:
                return true;
            default:
                return false;
        }
    }
    return std::nullopt;
}

void RequestKeys::append_changing(std::string& members) const {
    const auto add = [&](Key key, std::string_view value) { audit::append_entry(members, known_keys()[key].lower, value); };
    if (referer_ != nullptr) add(referer, *referer_);
    if (const std::string_view hash = content_hash(); !hash.empty() && !repeats_content_hash_) add(content_sha256, hash);
    if (const auto age = age_of_signature()) {  // nearly every record of S3 has this one alone
        constexpr std::string_view begin = ",\"s3:signatureage\":[\"", end = "\"]";
        const size_t before = members.size();
        members.resize_and_overwrite(before + begin.size() + audit::RawWriter::number_bytes_max + end.size(),
                                     [&](char* text, size_t) {
                                         audit::RawWriter writer(text + before);
                                         writer.put(before == 0 ? begin.substr(1) : begin);
                                         writer.put_number(*age);
                                         writer.put(end);
                                         return static_cast<size_t>(writer.at() - text);
                                     });
    }
}

// Of S3. What a presigned request signed is not its content.
std::string_view RequestKeys::content_hash() const {
    if (facts_.service != "s3") return {};
    if (content_hash_ != nullptr) return *content_hash_;
    const bool in_query = facts_.signature != nullptr && facts_.signature->place == wire::SignaturePlace::query;
    return in_query ? "UNSIGNED-PAYLOAD" : std::string_view();
}

// Milliseconds.
std::optional<int64_t> RequestKeys::age_of_signature() const {
    const wire::Signature* signature = facts_.signature;
    if (facts_.service != "s3" || signature == nullptr || signature->version == wire::SignatureVersion::v2) return std::nullopt;
    return (facts_.now - signature->time).count();
}

const RequestKeys::Entry* RequestKeys::value_of(size_t key) const {
    if (key < slots_count) {
        const uint32_t bit = uint32_t{1} << key;
        if (!slots_) slots_.emplace();
        Entry& slot = (*slots_)[key];
        if ((worked_out_ & bit) != 0) return slot.values.empty() ? nullptr : &slot;
        worked_out_ |= bit;
        slot.values.clear();
    }
    const wire::Signature* signature = facts_.signature;
    const bool is_s3 = facts_.service == "s3";
    const bool is_v2 = signature != nullptr && signature->version == wire::SignatureVersion::v2;
    static const Entry no = constant("false"), yes = constant("true"), v2 = constant("AWS"), v4 = constant("AWS4-HMAC-SHA256"),
                       in_query = constant("REST-QUERY-STRING"), in_header = constant("REST-HEADER"), in_form = constant("POST");
    switch (static_cast<Key>(key)) {
        case current_time:
            return kept(key, text::iso8601(facts_.now));
        case epoch_time:
            return kept(key,
                        std::to_string(std::chrono::duration_cast<std::chrono::seconds>(facts_.now.time_since_epoch()).count()));
        case requested_region:
            return kept(key, region_);
        case resource_account:
            return resource_account_.empty() ? nullptr : kept(key, resource_account_);
        case source_ip:
            return facts_.http->peer_address.empty() ? nullptr : kept(key, plain_address(facts_.http->peer_address));
        case user_agent:
            return header(key, user_agent_header.text, agent_);
        case referer:
            return header(key, referer_header.text, referer_);
        case content_sha256:
            if (content_hash_ == nullptr && content_hash().empty()) return nullptr;
            return is_s3 ? kept(key, content_hash()) : nullptr;
        case signature_age:
            if (const auto age = age_of_signature()) return kept(key, std::to_string(*age));
            return nullptr;
        case source_vpce:
            return facts_.http->vpc_endpoint.empty() ? nullptr : kept(key, facts_.http->vpc_endpoint);
        case vpc_source_ip:
            if (facts_.http->vpc_endpoint.empty() || facts_.http->peer_address.empty()) return nullptr;
            return kept(key, plain_address(facts_.http->peer_address));
        case certificate_subject:
            return facts_.http->certificate_sha256.empty() ? nullptr : kept(key, facts_.http->certificate_subject);
        case certificate_sha256:
            return facts_.http->certificate_sha256.empty() ? nullptr : kept(key, facts_.http->certificate_sha256);
        case secure_transport:
            return facts_.http->secure_transport ? &yes : &no;
        case via_aws_service:  // true of forward access sessions alone, which nothing here makes
            return &no;
        case signature_version:
            return !is_s3 || signature == nullptr ? nullptr : is_v2 ? &v2 : &v4;
        case auth_type:
            if (!is_s3 || signature == nullptr) return nullptr;
            return signature->place == wire::SignaturePlace::query  ? &in_query
                   : signature->place == wire::SignaturePlace::form ? &in_form
                                                                    : &in_header;
        case keys_count:
            break;
    }
    return nullptr;
}

}  // namespace gate
