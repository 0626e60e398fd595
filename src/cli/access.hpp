// The access diff of a deployment: who gains and who loses what, beside what happens to resources. It listens to the steps of a run, reads the account
// that the run goes to meanwhile, and compares (proof/difference.hpp).
#pragma once

#include <future>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "deploy/engine.hpp"
#include "deploy/events.hpp"
#include "deploy/secret_texts.hpp"
#include "proof/difference.hpp"
#include "proof/guard.hpp"
#include "proof/plan.hpp"
#include "text/json.hpp"
#include "wire/client.hpp"

namespace cli {

// What was found. Of a plan that has nothing to do with access: `about_access` is false and the rest empty.
struct AccessReport {
    bool about_access = false;
    proof::AccessDifference difference;
    std::vector<std::string> unknown;  // of the plan
    std::vector<std::string> unread;   // of the account
    std::chrono::milliseconds took{0};
    proof::AccountPolicies before, after;

    // What leaves open whether a rule about the account afterwards is kept.
    [[nodiscard]] std::vector<std::string> doubts() const;
};

// Listens to one run; passes everything on to `next`.
class AccessSteps final : public deploy::Events {
public:
    // `reads_first`: the account is read before the first step, which then may change it. Otherwise meanwhile.
    AccessSteps(deploy::Events& next, bool reads_first) : next_(next), reads_first_(reads_first) {}

    // A factory of providers that begins to read the account of the first one.
    [[nodiscard]] deploy::ProviderFactory watch(deploy::ProviderFactory make_provider);

    void step(const deploy::Step& step) override;
    void diagnostic(const deploy::Diagnostic& diagnostic) override { next_.diagnostic(diagnostic); }
    void program_line(const std::string& line, bool is_error) override { next_.program_line(line, is_error); }

    // After the run. Once. Without the texts of secrets that the steps hold, or that were learnt.
    [[nodiscard]] AccessReport compare();
    [[nodiscard]] deploy::KnownSecrets& secrets() { return secrets_; }
    void mask(proof::GuardResult& result) const;

private:
    void mask(AccessReport& report) const;
    void mask(policy::Request& request) const;

    deploy::Events& next_;
    const bool reads_first_;
    deploy::KnownSecrets secrets_;
    base::Mutex mutex_;
    std::vector<proof::ResourceChange> changes_ GUARDED_BY(mutex_);
    std::vector<wire::ClientOptions> places_ GUARDED_BY(mutex_);  // of each provider, another one each time
    std::future<proof::AccountPolicies> account_ GUARDED_BY(mutex_);
};

// What is known of a resource for proof::ResourceChange: its properties, outputs before inputs. What cannot be said of it stands in `unknown`; nullptr: as it
// is, secrets too.
[[nodiscard]] text::Json properties_of(const deploy::ResourcePtr& resource,
                                       std::map<std::string, std::string, std::less<>>* unknown);

// `Access:` and a line for each change; nothing for a plan that has nothing to do with it.
void print_access(const AccessReport& report);
// docs/access-diff.md describes it.
[[nodiscard]] text::Json access_json(const AccessReport& report);
// {principal, action, resource, context}; without the principal's own keys.
[[nodiscard]] text::Json request_json(const policy::Request& request);
// One line: `+ role trainer may s3:DeleteObject on ml-data/*, by …`.
[[nodiscard]] std::string access_line(const proof::AccessChange& change);

}  // namespace cli
