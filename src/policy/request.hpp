// One question to the engine: may this principal do this action on this resource, under these circumstances?
// Pure data; the gate fills it.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "policy/same_text.hpp"

namespace policy {

enum class PrincipalKind : uint8_t { anonymous, root, user, role_session, federated_user, service };

// Who asks. ARNs are the ones AWS shows.
struct Principal {
    PrincipalKind kind = PrincipalKind::anonymous;
    std::string account;  // 12 digits; empty for anonymous and service principals
    // arn:aws:iam::A:root | …:user/path/name | arn:aws:sts::A:assumed-role/R/session | arn:aws:sts::A:federated-user/N
    std::string arn;
    std::string unique_id;  // A (root) | AIDA… | AROA…:session | A:name (federated): a UserId
    std::string role_arn;   // role sessions: arn:aws:iam::A:role/path/R, path included
    std::string role_id;    // role sessions: AROA…
    std::string user_arn;   // federated users: the user who federated; users: same as arn
    std::string service;    // service principals: sagemaker.amazonaws.com
    bool service_linked_role = false;
    // sts:AssumeRoleWithWebIdentity and …WithSAML (kind anonymous): the identity provider that vouched, as trust policies name
    // it: its ARN, or a built-in provider's host.
    std::string federated_provider;
};

// Condition keys and their values. Key names are case-insensitive (SEMANTICS R56): stored in lower case. A key that is set twice
// with different values is ambiguous (R81): the request said both, and nothing tells which of them will be used.
class Context {
public:
    struct Entry {
        std::string key;  // lower case
        std::vector<std::string> values;
        bool multivalued = false;  // a list key (aws:TagKeys), even with one value
        bool ambiguous = false;    // `values` are all that were set
        bool operator==(const Entry&) const = default;
    };

    void set(std::string_view key, std::string value);  // single-valued
    void set_list(std::string_view key, std::vector<std::string> values);
    void replace(std::string_view key, std::string value);  // whatever was set before
    void erase(std::string_view key);
    [[nodiscard]] const Entry* find(std::string_view key) const;  // any case
    // The engine's own way: the key in lower case, and its hash_of.
    [[nodiscard, gnu::always_inline]] const Entry* find(uint64_t key_hash, std::string_view lower_key) const {
        const Keys& all = keys();
        if ((all.present >> (key_hash & 63) & 1) == 0) return nullptr;
        const uint64_t bit = uint64_t{1} << (key_hash & 63);
        // No two keys of a request have one bit, mostly: then this is the place.
        for (auto i = static_cast<size_t>(std::popcount(all.present & (bit - 1))); i < all.hashed.size(); ++i) {
            const Hashed& at = all.hashed[i];
            if (at.hash == key_hash && same_text(all.entries[at.entry].key, lower_key)) return &all.entries[at.entry];
            if ((at.hash & 63) > (key_hash & 63)) return nullptr;
        }
        return nullptr;
    }
    [[nodiscard]] const std::vector<Entry>& entries() const { return keys().entries; }
    [[nodiscard]] bool has_ambiguous() const { return keys().has_ambiguous; }
    [[nodiscard]] uint64_t present() const { return keys().present; }  // the bit hash % 64 of every key
    void merge(const Context& other);                                  // other's entries win

    // From here on copies cost a reference: they have the keys together. One that is changed has its own again.
    void share();
    // What copies have together: equal for equal contexts alone, while one of them is there. nullptr: it is not shared.
    [[nodiscard]] const void* shared() const { return shared_.get(); }

private:
    enum class Conflict : uint8_t { ambiguous, replace };
    struct Hashed {
        uint64_t hash = 0;  // of the key of …
        uint32_t entry = 0;
    };
    struct Keys {
        std::vector<Entry> entries;  // by key
        std::vector<Hashed> hashed;  // by hash % 64
        uint64_t present = 0;        // the bit hash % 64 of every key, and no other
        bool has_ambiguous = false;
    };
    [[nodiscard]] const Keys& keys() const { return shared_ ? *shared_ : own_; }
    [[nodiscard]] Keys& own();
    void put(Entry entry, Conflict conflict);

    Keys own_;
    std::shared_ptr<const Keys> shared_;  // instead
};

struct Request {
    Principal principal;
    std::string action;            // service:Action
    std::string resource;          // an ARN, or `*` for actions without one
    std::string resource_account;  // who owns the resource; empty means the principal's own account
    Context context;
};

}  // namespace policy
