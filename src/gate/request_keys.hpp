// The global condition keys of a request that was made: each is worked out when a condition asks for it, most never.
// Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference, Amazon S3 (s3:authType and its kin).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gate/globals.hpp"
#include "policy/context_view.hpp"

namespace gate {

// One request, one thread. The facts must outlive it.
class RequestKeys final : public policy::ComputedKeys {
public:
    explicit RequestKeys(const RequestFacts& facts);
    RequestKeys(const RequestKeys&) = delete;
    RequestKeys& operator=(const RequestKeys&) = delete;

    // Of the access that is decided next: where its resource is served, and whose it is (empty: no account's, there is no such key).
    void about(std::string_view region, std::string_view resource_account);
    [[nodiscard]] const std::string& region() const { return facts_.region; }  // that serves the request

    [[nodiscard]] uint64_t present() const override { return present_; }
    [[nodiscard]] bool has_ambiguous() const override { return has_ambiguous_; }
    void add_to(policy::Context& into) const override;

    // What those keys are made of that repeat from one request of a client to the next (gate/sources.hpp); which they are: nullopt if it is
    // none of these keys; and for records (audit/prepared_text.hpp) the members of the others. REQUIRES: none is ambiguous.
    template <class Into>
    void add_sources(Into& into) const;
    [[nodiscard]] static std::optional<bool> is_of_sources(uint64_t key_hash, std::string_view lower_key);
    void append_changing(std::string& members) const;

private:
    [[nodiscard]] const Entry* compute(uint64_t key_hash, std::string_view lower_key) const override;
    [[nodiscard]] const Entry* value_of(size_t key) const;
    [[nodiscard]] const Entry* kept(size_t slot, std::string_view value) const;
    [[nodiscard]] std::string_view content_hash() const;  // empty: there is none
    [[nodiscard]] std::optional<int64_t> age_of_signature() const;
    [[nodiscard]] const Entry* header(size_t slot, std::string_view name, const std::string* first) const;

    static constexpr size_t slots_count = 13;
    const RequestFacts& facts_;
    std::string_view region_, resource_account_;
    // The first of their headers.
    const std::string *agent_ = nullptr, *referer_ = nullptr, *content_hash_ = nullptr;
    uint64_t present_ = 0;
    bool has_ambiguous_ = false;
    bool repeats_content_hash_ = false;                            // audit::repeats_content_hash
    mutable std::optional<std::array<Entry, slots_count>> slots_;  // of what is not one of a few constants; once one is asked for
    mutable uint32_t worked_out_ = 0;                              // a bit for each slot
};

template <class Into>
void RequestKeys::add_sources(Into& into) const {
    const auto add = [&](const std::string* header) {
        into.add(uint64_t{header != nullptr});
        if (header != nullptr) into.add(*header);
    };
    into.add(facts_.service);
    into.add(region_);
    into.add(resource_account_);
    into.add(facts_.http->peer_address);
    into.add(uint64_t{facts_.http->secure_transport});
    into.add(facts_.http->vpc_endpoint);
    into.add(facts_.http->certificate_subject);
    into.add(facts_.http->certificate_sha256);
    add(agent_);
    const wire::Signature* signature = facts_.signature;
    into.add(signature == nullptr
                 ? 0
                 : 1 + static_cast<uint64_t>(signature->version) * 2 + static_cast<uint64_t>(signature->place) * 8);
    into.add(uint64_t{content_hash_ != nullptr});
    into.add(repeats_content_hash_ ? content_hash() : std::string_view());
}

}  // namespace gate
