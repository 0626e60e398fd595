#include "admin/check_records.hpp"

#include <array>
#include <unordered_map>
#include <unordered_set>

#include "base/error_codes.hpp"
#include "identity/records.hpp"
#include "objects/integrity.hpp"
#include "text/json.hpp"

namespace admin {
namespace {

constexpr const char* record_remedy =
    "restore a backup (`trainwarden admin restore`), or delete what the record is of if it is given up";

template <class Record>
base::Result<void> readable(const base::Result<Record>& record) {
    return record ? base::Result<void>() : base::fail(base::code::CorruptRecord, record.error().message);
}

// IAM's: accounts, and what belongs to one; users and accounts name their access keys, and each key its user or account.
class Identities {
public:
    base::Result<void> check(const store::Entry& entry) {
        const std::string_view key = entry.key;
        if (key.starts_with("iam/account/")) {
            const auto account = identity::read_account(entry.value);
            if (account) {
                accounts_.insert(account->id);
                named(account->access_keys, entry.key);
            }
            return readable(account);
        }
        if (key.starts_with("iam/user/")) {
            const auto user = identity::read_user(entry.value);
            if (user) named(user->access_keys, entry.key);
            return user ? of_account(user->account) : readable(user);
        }
        if (key.starts_with("iam/role/")) return belonging(identity::read_role(entry.value));
        if (key.starts_with("iam/group/")) return belonging(identity::read_group(entry.value));
        if (key.starts_with("iam/policy/")) return belonging(identity::read_managed_policy(entry.value));
        if (key.starts_with("iam/key/")) {
            const auto access_key = identity::read_access_key(entry.value);
            if (access_key && !named_keys_.erase(access_key->id))
                return base::fail(base::code::CorruptRecord, "no user and no account has this access key");
            return readable(access_key);
        }
        return readable(text::parse_json(entry.value));
    }
    // Accounts come first, keys last.
    static constexpr std::string_view order[] = {"iam/account/", "iam/user/", "iam/role/", "iam/group/",
                                                 "iam/policy/",  "iam/key/",  "iam/used/"};
    [[nodiscard]] const std::unordered_map<std::string, std::string>& left() const { return named_keys_; }

private:
    void named(const std::vector<std::string>& keys, const std::string& by) {
        for (const auto& key : keys) named_keys_[key] = by;
    }
    base::Result<void> of_account(const std::string& account) const {
        if (accounts_.contains(account)) return {};
        return base::fail(base::code::CorruptRecord, "it belongs to account " + account + ", which is not there");
    }
    template <class Record>
    base::Result<void> belonging(const base::Result<Record>& record) const {
        return record ? of_account(record->account) : readable(record);
    }
    std::unordered_set<std::string> accounts_;
    std::unordered_map<std::string, std::string> named_keys_;  // by whom
};

}  // namespace

base::Result<void> check_records(const store::Snapshot& keys, const CheckOptions& options, CheckReport& report) {
    const auto each = [&](std::string_view prefix, const std::function<base::Result<void>(const store::Entry&)>& check) {
        return store::each_entry(keys, std::string(prefix), [&](const store::Entry& entry) -> base::Result<void> {
            ++report.records;
            if (auto checked = check(entry); !checked) report.find("record " + entry.key, checked.error().message, record_remedy);
            return {};
        });
    };
    Identities identities;
    for (const std::string_view prefix : Identities::order)
        TRY(each(prefix, [&](const store::Entry& entry) { return identities.check(entry); }));
    for (const auto& [key, by] : identities.left())
        report.find("record " + by, "it names the access key " + key + ", which is not there", record_remedy);
    objects::RecordCheck objects;
    for (const std::string_view prefix : objects::RecordCheck::order)
        TRY(each(prefix, [&](const store::Entry& entry) { return objects.check(entry); }));
    // Everything else is JSON, or its room knows better.
    return store::each_entry(keys, "", [&](const store::Entry& entry) -> base::Result<void> {
        for (const std::string_view prefix : Identities::order)
            if (entry.key.starts_with(prefix)) return {};
        for (const std::string_view prefix : objects::RecordCheck::order)
            if (entry.key.starts_with(prefix)) return {};
        ++report.records;
        if (!options.check_entry) return {};
        if (auto checked = options.check_entry(entry); !checked)
            report.find("record " + entry.key, checked.error().message, record_remedy);
        return {};
    });
}

}  // namespace admin
