// What is known of a resource when something is decided about it: who owns it, its policy, its tags. Each service says it once,
// by ARN, for all who ask: the gate for requests, and what is asked in advance (`explain --as`, `who-can`, IAM's simulator, a
// job's checks before it starts).
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "policy/arn.hpp"
#include "policy/evaluate.hpp"
#include "policy/request.hpp"

namespace gate {

// What a service found under a resource's name, for the handler of the request: a value of the service's own type.
class Found {
public:
    Found() = default;
    template <class T>
    [[nodiscard]] static Found of(T value) {
        Found found;
        found.value_ = std::make_shared<T>(std::move(value));
        found.type_ = &typeid(T);
        return found;
    }
    // nullptr: nothing, or something of another type.
    template <class T>
    [[nodiscard]] T* as() const {
        return type_ != nullptr && *type_ == typeid(T) ? static_cast<T*>(value_.get()) : nullptr;
    }

private:
    std::shared_ptr<void> value_;
    const std::type_info* type_ = nullptr;
};

enum class Existence : uint8_t {
    there,
    absent,
    unknown,  // nothing is known of it: another server's, a kind that no service here describes
};

// Of one resource, as it was when it was asked for.
struct Description {
    std::string arn;  // as the resource itself has it, where it is there: its path, its spelling
    Existence existence = Existence::unknown;
    std::string owner;                    // an account; empty: the caller's
    policy::SharedAttachedPolicy policy;  // bucket policy, trust policy
    bool restrict_public = false;         // see Access
    bool policy_is_public = false;
    policy::Context keys;  // of the resource: aws:ResourceTag/…, iam:PermissionsBoundary
    // Keys of an object that only some of S3's actions have (s3:ExistingObjectTag/…): an access has them if the reference lists
    // them for its action.
    policy::Context bounded_keys;
    std::string region;     // that serves it; empty: any
    std::string absence;    // of an absent one: what a question about it is told, `there is no log group g`; may be empty
    bool may_come = false;  // of an absent one: questions about it are answered all the same (an object)
    Found found;
};

// A resource that something is decided about.
struct Subject {
    std::string_view text;  // the ARN …
    policy::Arn arn;        // … and its segments
    std::string_view action;
    std::string_view account;                     // the caller's; empty: none
    std::span<const std::string_view> also = {};  // what the same request is decided on for the same resource beside `action`
    const policy::Context* said =
        nullptr;  // what the request says of it beside its name: which version (s3:versionid); nullptr: nothing
};

constexpr size_t resources_a_page_max = 1000;

// Which resources are asked for: those of the account whose ARN fits the pattern, `*` and `?` as in a policy's Resource.
struct ResourceQuery {
    std::string_view pattern;
    std::string_view account;
    std::string_view after = {};         // ARNs beyond this one, in the order of their bytes
    size_t most = resources_a_page_max;  // at most as many; more than resources_a_page_max are never given
};

// In the order of their bytes.
struct ResourcePage {
    std::vector<std::string> arns;  // of a page that ends early, fewer than were asked for; none, too
    std::string next;               // `after` of the next query; empty: this was all
};

// What one service knows of its resources. Any thread. Errors are answers, or the store's.
class Resources {
public:
    virtual ~Resources() = default;
    // The resources that are there: what `describe` says is there, but for what nobody counts up (trainwarden's requests, AWS's own
    // policies). Of those that lie in others by the million (objects in buckets, streams in log groups), only where the pattern names what
    // they lie in, without `*` and `?`: `arn:aws:s3:::bucket/*`. A resource that comes or goes meanwhile may be missing or there.
    [[nodiscard]] virtual base::Result<ResourcePage> each_resource(const ResourceQuery& query) const = 0;
    // Another one after every change of what `describe` and `each_resource` say, once it can be seen and before it is answered. What was
    // asked for between two looks at the same version is still so, but for changes that nobody has been told of yet. Starts anew with the
    // server.
    [[nodiscard]] virtual uint64_t version() const = 0;
    // The resource with exactly this ARN. Where it is not there: Existence::absent, and whatever decides all the same (a role
    // that is not there trusts no one).
    [[nodiscard]] virtual base::Result<Description> describe(const Subject& subject) const = 0;
    // The resource that a request names. It may know less than the ARN says: of a role its name, and not its path. What cannot be
    // asked for at all (a bucket that is not there) is an error.
    [[nodiscard]] virtual base::Result<Description> find(const Subject& subject) const { return describe(subject); }
    // The one that a request makes, as far as that has rules of its own (IAM's reserved paths).
    [[nodiscard]] virtual base::Result<Description> plan(const Subject& subject) const {
        return Description{.arn = std::string(subject.text)};
    }
};

// Makes a page of ARNs that come in any order.
class ResourcePager {
public:
    explicit ResourcePager(const ResourceQuery& query);
    // Taken if it is one that was asked for. `arn`: another one each time.
    void add(std::string arn);
    [[nodiscard]] ResourcePage finish() &&;

private:
    void cut();

    std::string_view pattern_, after_;
    size_t most_;
    std::vector<std::string> arns_;
    bool more_ = false;
};

// The resources of every service, by the service that their ARNs name.
class Describer {
public:
    void add(std::string service, std::unique_ptr<const Resources> resources);
    // The regions that are served. A resource of another (one that was served before) is served where it is asked for.
    void serve(std::vector<std::string> regions) { regions_ = std::move(regions); }
    [[nodiscard]] bool is_served(std::string_view region) const { return std::ranges::find(regions_, region) != regions_.end(); }
    // What is not an ARN, or of a service without resources here, is Existence::unknown and has the owner that its ARN names.
    [[nodiscard]] base::Result<Description> describe(std::string_view arn, std::string_view action, std::string_view account,
                                                     const policy::Context* said = nullptr) const;
    // `also`: further actions of the request on this resource. Everything is found in one look: what handlers hold to
    // (Description::found) is what each of them is decided on.
    [[nodiscard]] base::Result<Description> find(std::string_view arn, std::string_view action, std::string_view account,
                                                 std::span<const std::string_view> also = {},
                                                 const policy::Context* said = nullptr) const;
    [[nodiscard]] base::Result<Description> plan(std::string_view arn, std::string_view action, std::string_view account) const;
    // Of every service, as Resources::each_resource and Resources::version.
    [[nodiscard]] base::Result<ResourcePage> each_resource(const ResourceQuery& query) const;
    [[nodiscard]] uint64_t version() const;

private:
    using Ask = base::Result<Description> (Resources::*)(const Subject&) const;
    [[nodiscard]] base::Result<Description> ask(Ask ask, std::string_view arn, std::string_view action, std::string_view account,
                                                std::span<const std::string_view> also = {},
                                                const policy::Context* said = nullptr) const;
    std::map<std::string, std::unique_ptr<const Resources>, std::less<>> services_;
    std::vector<std::string> regions_;
};

struct Access;
// The access of this action to a described resource. `request`: the keys that the request itself brings; they win over the
// resource's (the boundary that a request sets over the one that is there).
[[nodiscard]] Access access_to(std::string_view action, const Description& resource, const policy::Context& request);
// The same, taking from the description what the access has: all but `existence`, `absence` and `found`.
[[nodiscard]] Access access_to(std::string_view action, Description&& resource, const policy::Context& request);

// The access that a request for this action on this resource would need, for questions that are asked in advance: of what such an
// action makes, nothing that may be there already. `said`: the keys that the question gives. Error `NoSuchResource`, with what is known of the absence.
[[nodiscard]] base::Result<Access> asked_access(const Describer& describer, std::string_view action, std::string_view resource,
                                                std::string_view account, const policy::Context* said = nullptr);

}  // namespace gate
