// The global condition keys of a request that was made: each is worked out when a condition asks for it, most never.
// Source: IAM User Guide, "AWS global condition context keys"; Service Authorization Reference, Amazon S3 (s3:authType and its kin).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "gate/globals.hpp"
#include "policy/context_view.hpp"

namespace gate {

// What something was made of, as bytes: equal for equal parts alone.
class Sources {
public:
    static constexpr size_t bytes_max = 1024;

    Sources() {}  // NOLINT(modernize-use-equals-default): which would clear the bytes

    void add(std::string_view part) {
        add(uint64_t{part.size()});
        fits_ = fits_ && part.size() <= bytes_max - size_;
        if (!fits_) return;
        std::ranges::copy(part, bytes_.begin() + static_cast<ptrdiff_t>(size_));
        size_ += part.size();
    }
    void add(uint64_t part) {
        fits_ = fits_ && sizeof part <= bytes_max - size_;
        if (!fits_) return;
        std::memcpy(bytes_.data() + size_, &part, sizeof part);
        size_ += sizeof part;
    }
    void add(const policy::Context::Entry& entry) {
        add(entry.key);
        add(entry.values.size());
        for (const std::string& value : entry.values) add(value);
    }
    [[nodiscard]] bool fits() const { return fits_; }  // else they are more than bytes_max
    [[nodiscard]] std::string_view bytes() const { return {bytes_.data(), size_}; }

private:
    std::array<char, bytes_max> bytes_;
    size_t size_ = 0;
    bool fits_ = true;
};

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

    // What those keys are made of that repeat from one request of a client to the next; which they are: nullopt if it is none of these keys;
    // and for records (audit/prepared_text.hpp) the members of the others. REQUIRES: none is ambiguous.
    void add_sources(Sources& into) const;
    [[nodiscard]] static std::optional<bool> is_of_sources(uint64_t key_hash, std::string_view lower_key);
    void append_changing(std::string& members) const;

private:
    [[nodiscard]] const Entry* compute(uint64_t key_hash, std::string_view lower_key) const override;
    [[nodiscard]] const Entry* value_of(size_t key) const;
    [[nodiscard]] const Entry* kept(size_t slot, std::string_view value) const;
    [[nodiscard]] std::string_view content_hash() const;  // empty: there is none
    [[nodiscard]] std::optional<int64_t> age_of_signature() const;
    [[nodiscard]] const Entry* header(size_t slot, std::string_view name, const std::string* first) const;

    static constexpr size_t slots_count = 9;
    const RequestFacts& facts_;
    std::string_view region_, resource_account_;
    // The first of their headers.
    const std::string *agent_ = nullptr, *referer_ = nullptr, *content_hash_ = nullptr;
    uint64_t present_ = 0;
    bool has_ambiguous_ = false;
    mutable std::optional<std::array<Entry, slots_count>> slots_;  // of what is not one of a few constants; once one is asked for
    mutable uint32_t worked_out_ = 0;                              // a bit for each slot
};

}  // namespace gate
