#include <fmt/core.h>

#include "base/decision.hpp"
#include "base/error_codes.hpp"
#include "base/invariant.hpp"
#include "identity/aws_managed.hpp"
#include "identity/names.hpp"
#include "identity/records.hpp"
#include "identity/sealed_secret.hpp"
#include "identity/state.hpp"
#include "policy/arn.hpp"
#include "text/json.hpp"

namespace identity {

namespace {

// The last part of `role/some/path/NAME`, if the resource is of that type.
std::optional<std::string_view> name_in(std::string_view resource, std::string_view type) {
    if (!resource.starts_with(type) || resource.size() <= type.size() || resource[type.size()] != '/') return std::nullopt;
    return resource.substr(resource.rfind('/') + 1);
}

// What decisions are made on: the resource's ARN and tags, its boundary, whom a role trusts, and that it is not another one of
// the same name. The rest may change meanwhile, by requests that are allowed to change it.
void add_text(std::string& out, std::string_view text) { ((out += std::to_string(text.size())) += ':') += text; }

template <class Entity>
std::string decided_on(const Entity& entity) {
    std::string out;
    add_text(out, entity.id);
    add_text(out, entity.arn);
    if constexpr (requires { entity.boundary; }) add_text(out, entity.boundary);
    if constexpr (requires { entity.trust; }) add_text(out, entity.trust->text());
    if constexpr (requires { entity.tags; })
        for (const auto& [key, value] : entity.tags) {
            add_text(out, key);
            add_text(out, value);
        }
    return out;
}

template <class Entity>
void note(std::string_view kind, const std::string& key, const std::shared_ptr<const Entity>& found) {
    base::DecisionScope::note(kind, key, [&] { return found ? decided_on(*found) : std::string(); });
}

// The one of that name in an account, or null.
template <class EntityPtr>
EntityPtr find_named(const std::map<std::string, EntityPtr, std::less<>>& entities, std::string_view kind,
                     const std::string& account, const std::string& key) {
    const auto at = entities.find(key);
    EntityPtr found = at == entities.end() ? nullptr : at->second;
    note(kind, fmt::format("{}/{}", account, key), found);
    return found;
}

}  // namespace

const AccountState* IamState::account_state(std::string_view account) const {
    const auto found = accounts.find(account);
    return found == accounts.end() ? nullptr : &found->second;
}

base::Result<RolePtr> IamState::role(const std::string& account, const std::string& name) const {
    if (const AccountState* of_account = account_state(account)) {
        if (auto found = find_named(of_account->roles, "role", account, key_of(name))) return found;
    }
    return base::fail(base::code::NoSuchEntity, fmt::format("The role with name {} cannot be found.", name));
}

base::Result<UserPtr> IamState::user(const std::string& account, const std::string& name) const {
    if (const AccountState* of_account = account_state(account)) {
        if (auto found = find_named(of_account->users, "user", account, key_of(name))) return found;
    }
    return base::fail(base::code::NoSuchEntity, fmt::format("The user with name {} cannot be found.", name));
}

base::Result<GroupPtr> IamState::group(const std::string& account, const std::string& name) const {
    if (const AccountState* of_account = account_state(account)) {
        if (auto found = find_named(of_account->groups, "group", account, key_of(name))) return found;
    }
    return base::fail(base::code::NoSuchEntity, fmt::format("The group with name {} cannot be found.", name));
}

RolePtr IamState::role_by_arn(std::string_view arn) const {
    const auto parts = policy::parse_arn(arn);
    if (!parts || parts->service != "iam") return nullptr;
    const auto name = name_in(parts->resource, "role");
    if (!name) return nullptr;
    const auto found = role(std::string(parts->account), std::string(*name));
    return found && (*found)->arn == arn ? *found : nullptr;
}

UserPtr IamState::user_by_arn(std::string_view arn) const {
    const auto parts = policy::parse_arn(arn);
    if (!parts || parts->service != "iam") return nullptr;
    const auto name = name_in(parts->resource, "user");
    if (!name) return nullptr;
    const auto found = user(std::string(parts->account), std::string(*name));
    return found && (*found)->arn == arn ? *found : nullptr;
}

ManagedPolicyPtr IamState::permissions_by_arn(const std::string& arn) const {
    const auto parts = policy::parse_arn(arn);
    if (!parts || parts->service != "iam") return nullptr;
    if (parts->account == "aws") return aws_managed_policy(arn);
    const auto name = name_in(parts->resource, "policy");
    const AccountState* of_account = account_state(parts->account);
    if (!name || of_account == nullptr) return nullptr;
    const auto found = of_account->policies.find(key_of(*name));
    return found != of_account->policies.end() && found->second->arn == arn ? found->second : nullptr;
}

ManagedPolicyPtr IamState::policy_by_arn(const std::string& arn) const {
    ManagedPolicyPtr found = permissions_by_arn(arn);
    note("policy", arn, found);
    return found;
}

ManagedPolicyPtr IamState::usable_policy(const std::string& account, const std::string& arn) const {
    ManagedPolicyPtr found = policy_by_arn(arn);
    return found && (found->account.empty() || found->account == account) ? found : nullptr;
}

std::optional<std::string> IamState::unique_id(std::string_view arn) const {
    // A unique id itself; AROA…:SESSION is a session's.
    if (!arn.starts_with("arn:")) {
        const auto id = arn.substr(0, arn.find(':'));
        const auto has_id = [&](const auto& entry) { return entry.second->id == id; };
        for (const auto& [account, of_account] : accounts) {
            if (std::ranges::any_of(of_account.roles, has_id)) return std::string(arn);
            if (arn == id && std::ranges::any_of(of_account.users, has_id)) return std::string(arn);
        }
        return std::nullopt;
    }
    const auto parts = policy::parse_arn(arn);
    if (!parts || parts->partition != "aws" || !parts->region.empty()) return std::nullopt;
    const AccountState* of_account = account_state(parts->account);
    if (of_account == nullptr) return std::nullopt;
    if (parts->service == "iam") {
        if (parts->resource == "root") return of_account->account->id;
        if (const auto found = role_by_arn(arn)) return found->id;
        if (const auto found = user_by_arn(arn)) return found->id;
    }
    if (parts->service == "sts") {
        // assumed-role/ROLE/SESSION: a session is there if its role is.
        const std::string_view resource = parts->resource;
        constexpr std::string_view type = "assumed-role/";
        const size_t end = resource.find('/', type.size());
        if (resource.starts_with(type) && end != std::string_view::npos && end + 1 < resource.size()) {
            const auto found = role(of_account->account->id, std::string(resource.substr(type.size(), end - type.size())));
            if (found && resource.substr(type.size(), end - type.size()) == (*found)->name) {
                return (*found)->id + ":" + std::string(resource.substr(end + 1));
            }
        }
    }
    return std::nullopt;
}

void Change::put(Account account) {
    batch_.put(record_key(account), write_record(account));
    steps_.push_back([shared = std::make_shared<const Account>(std::move(account))](IamState& state) {
        state.accounts[shared->id].account = shared;
    });
}

void Change::put(Role role) {
    batch_.put(record_key(role), write_record(role));
    steps_.push_back([shared = std::make_shared<const Role>(std::move(role))](IamState& state) {
        AccountState& of_account = state.accounts.at(shared->account);
        of_account.put(of_account.roles, key_of(shared->name), shared);
    });
}

void Change::put(User user) {
    batch_.put(record_key(user), write_record(user));
    steps_.push_back([shared = std::make_shared<const User>(std::move(user))](IamState& state) {
        AccountState& of_account = state.accounts.at(shared->account);
        of_account.put(of_account.users, key_of(shared->name), shared);
    });
}

void Change::put(Group group) {
    batch_.put(record_key(group), write_record(group));
    steps_.push_back([shared = std::make_shared<const Group>(std::move(group))](IamState& state) {
        AccountState& of_account = state.accounts.at(shared->account);
        of_account.put(of_account.groups, key_of(shared->name), shared);
    });
}

void Change::put(ManagedPolicy policy) {
    INVARIANT(policy.version(policy.default_version) != nullptr);
    batch_.put(record_key(policy), write_record(policy));
    steps_.push_back([shared = std::make_shared<const ManagedPolicy>(std::move(policy))](IamState& state) {
        state.accounts.at(shared->account).policies[key_of(shared->name)] = shared;
    });
}

void Change::put(AccessKey key, std::string_view sealed_secret) {
    batch_.put(record_key(key), write_record(key, sealed_secret));
    steps_.push_back(
        [shared = std::make_shared<const AccessKey>(std::move(key))](IamState& state) { state.keys[shared->id] = shared; });
}

void Change::erase(const Role& role) {
    batch_.erase(record_key(role)).erase("iam/used/" + role.id);
    steps_.push_back([account = role.account, key = key_of(role.name)](IamState& state) {
        AccountState& of_account = state.accounts.at(account);
        of_account.erase(of_account.roles, key);
    });
}

void Change::erase(const User& user) {
    batch_.erase(record_key(user));
    steps_.push_back([account = user.account, key = key_of(user.name)](IamState& state) {
        AccountState& of_account = state.accounts.at(account);
        of_account.erase(of_account.users, key);
    });
}

void Change::erase(const Group& group) {
    batch_.erase(record_key(group));
    steps_.push_back([account = group.account, key = key_of(group.name)](IamState& state) {
        AccountState& of_account = state.accounts.at(account);
        of_account.erase(of_account.groups, key);
    });
}

void Change::erase(const ManagedPolicy& policy) {
    batch_.erase(record_key(policy));
    steps_.push_back([account = policy.account, key = key_of(policy.name)](IamState& state) {
        state.accounts.at(account).policies.erase(key);
    });
}

void Change::erase(const AccessKey& key) {
    batch_.erase(record_key(key)).erase("iam/used/" + key.id);
    steps_.push_back([id = key.id](IamState& state) { state.keys.erase(id); });
}

DirectoryState::DirectoryState(Dependencies dependencies)
    : dependencies_(std::move(dependencies)),
      sealing_(sealing_of(
          {.current = dependencies_.master_key, .former = dependencies_.former_keys, .tokens = dependencies_.former_tokens})) {}

base::Result<std::unique_ptr<Directory>> Directory::open(Dependencies dependencies) {
    INVARIANT(dependencies.keys != nullptr && dependencies.clock != nullptr && dependencies.random != nullptr);
    if (dependencies.master_key.size() != 32) return base::fail(base::code::InvalidMasterKey, "the master key must be 32 bytes");
    auto state = std::make_unique<DirectoryState>(std::move(dependencies));
    TRY(state->load());
    return std::unique_ptr<Directory>(std::move(state));
}

base::Result<void> DirectoryState::load() {
    const auto snapshot = dependencies_.keys->snapshot();
    const auto keys = sealing();
    // Calls `place` with what `read` makes of every record of that kind.
    const auto each = [&](std::string_view kind, auto read, auto place) -> base::Result<void> {
        store::Scan scan;
        scan.prefix = fmt::format("iam/{}/", kind);
        for (const auto& entry : TRY(snapshot->scan(scan))) {
            auto value = read(entry.value);
            if (!value) return base::fail(base::code::CorruptRecord, fmt::format("{}: {}", entry.key, value.error().message));
            TRY(place(std::move(*value)));
        }
        return {};
    };
    const base::Lock lock(mutex_);
    const base::Lock used_lock(used_mutex_);
    IamState& state = state_;
    // NOT_CHECKED: what they are given to calls them here.
    TRY(each("account", read_account, [&](Account account) NOT_CHECKED -> base::Result<void> {
        const std::string id = account.id;
        state.accounts[id].account = std::make_shared<const Account>(std::move(account));
        return {};
    }));
    const auto placed = [&](auto member) {
        return [&state, member](auto entity) NOT_CHECKED -> base::Result<void> {
            const auto found = state.accounts.find(entity.account);
            if (found == state.accounts.end())
                return base::fail(base::code::CorruptRecord, entity.arn + " belongs to no account");
            const std::string key = key_of(entity.name);
            auto shared = std::make_shared<const decltype(entity)>(std::move(entity));
            if constexpr (std::is_base_of_v<Entity, decltype(entity)>)
                found->second.put(found->second.*member, key, std::move(shared));
            else
                (found->second.*member)[key] = std::move(shared);
            return {};
        };
    };
    TRY(each("role", read_role, placed(&AccountState::roles)));
    TRY(each("user", read_user, placed(&AccountState::users)));
    TRY(each("group", read_group, placed(&AccountState::groups)));
    TRY(each("policy", read_managed_policy, placed(&AccountState::policies)));
    TRY(each("key", read_access_key, [&](AccessKey key) NOT_CHECKED -> base::Result<void> {
        key.secret = TRY(open_secret(key, keys->secrets)).secret;
        const std::string id = key.id;
        state.keys[id] = std::make_shared<const AccessKey>(std::move(key));
        return {};
    }));
    store::Scan used;
    used.prefix = "iam/used/";
    for (const auto& entry : TRY(snapshot->scan(used))) {
        const auto value = TRY(text::parse_json(entry.value));
        const base::Time time(std::chrono::milliseconds(value["time"].as_int()));
        used_[entry.key.substr(used.prefix.size())] = {{time, value["service"].as_string(), value["region"].as_string()}, time};
    }
    return {};
}

base::Result<void> DirectoryState::commit(Change change) {
    // All look-ups of a writer are made under `writer_`: what they found is what is changed.
    TRY(base::DecisionScope::check());
    TRY(dependencies_.keys->commit(change.batch_));
    base::DecisionScope::acted();
    const base::Lock lock(mutex_);
    version_.fetch_add(1, std::memory_order_acq_rel);
    for (const auto& step : change.steps_) step(state_);
    return {};
}

base::Result<AccessKey> DirectoryState::make_access_key(const std::string& account, std::string user_id, std::string user) {
    AccessKey key;
    do {
        key.id = make_access_key_id(*dependencies_.random, "AKIA", account);
    } while (state_.keys.contains(key.id));
    key.secret = make_secret(*dependencies_.random);
    key.account = account;
    key.user_id = std::move(user_id);
    key.user = std::move(user);
    key.created = dependencies_.clock->now();
    return key;
}

void DirectoryState::put_key(Change& change, AccessKey key) {
    // Under `writer_`: when use_master_keys returns, nothing is on its way that another key sealed.
    const std::string sealed = seal_secret(key, sealing()->secrets.front(), *dependencies_.random);
    change.put(std::move(key), sealed);
}

base::Result<std::optional<Directory::FirstAccount>> DirectoryState::bootstrap() {
    const Writing writing(*this);
    if (!state_.accounts.empty()) return std::nullopt;
    Account account;
    // Twelve digits, the first not zero: tools that read account ids as numbers lose nothing.
    account.id = dependencies_.random->text(1, "123456789") + dependencies_.random->text(11, "0123456789");
    account.created = dependencies_.clock->now();
    const AccessKey key = TRY(make_access_key(account.id, "", ""));
    account.access_keys.push_back(key.id);
    Change change;
    const std::string id = account.id;
    change.put(std::move(account));
    put_key(change, key);
    TRY(commit(std::move(change)));
    return FirstAccount{id, Credentials{key.id, key.secret, "", std::nullopt}};
}

base::Result<Directory::FirstAccount> DirectoryState::root_credentials() const {
    const base::SharedLock lock(mutex_);
    if (!state_.accounts.empty()) {
        const Account& account = *state_.accounts.begin()->second.account;
        if (!account.access_keys.empty()) {
            const AccessKey& key = *state_.keys.at(account.access_keys.front());
            return FirstAccount{account.id, Credentials{key.id, key.secret, "", std::nullopt}};
        }
    }
    return base::fail(base::code::NoSuchEntity, "The account's root has no access keys.");
}

std::string DirectoryState::default_account() const {
    const base::SharedLock lock(mutex_);
    return state_.accounts.empty() ? "" : state_.accounts.begin()->first;
}

bool DirectoryState::principal_exists(const std::string& arn) const { return unique_id(arn).has_value(); }

std::optional<std::string> DirectoryState::unique_id(const std::string& arn) const {
    const base::SharedLock lock(mutex_);
    return state_.unique_id(arn);
}

base::Result<policy::AttachedPolicy> DirectoryState::trust_policy(const std::string& role_arn) const {
    const base::SharedLock lock(mutex_);
    const RolePtr found = state_.role_by_arn(role_arn);
    if (!found) {
        return base::fail(base::code::NoSuchEntity,
                          fmt::format("The role with name {} cannot be found.", role_arn.substr(role_arn.rfind('/') + 1)));
    }
    return policy::AttachedPolicy{found->trust, "trust policy of role " + found->name};
}

void DirectoryState::record_use(const Caller& caller, const std::string& service, const std::string& region) {
    constexpr auto write_interval = std::chrono::minutes(15);
    const bool role = caller.principal.kind == policy::PrincipalKind::role_session;
    const std::string& id = role ? caller.principal.role_id : caller.access_key_id;
    if (id.empty() || (!role && caller.token_issue_time)) return;
    const base::Time now = dependencies_.clock->now();
    {
        const base::Lock lock(used_mutex_);
        Used& used = used_[id];
        used.use = {now, service, region};
        if (used.written != base::Time{} && now - used.written < write_interval) return;
        used.written = now;
    }
    store::Batch batch;
    batch.put("iam/used/" + id,
              text::Json::object(
                  {{"time", static_cast<int64_t>(now.time_since_epoch().count())}, {"service", service}, {"region", region}})
                  .dump());
    // Losing this costs a quarter of an hour of last-used data; failing the request over it would cost more.
    (void)dependencies_.keys->commit(batch);
}

std::optional<LastUse> DirectoryState::last_use(const std::string& key_or_role) const {
    const base::Lock lock(used_mutex_);
    const auto found = used_.find(key_or_role);
    return found == used_.end() ? std::nullopt : std::optional(found->second.use);
}

AccountPtr DirectoryState::account(const std::string& id) const {
    const base::SharedLock lock(mutex_);
    const AccountState* of_account = state_.account_state(id);
    return of_account == nullptr ? nullptr : of_account->account;
}

}  // namespace identity
