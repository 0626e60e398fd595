// From what a program registers to what is done about it.
//
// For each registration: name it, find its old state (by URN or alias), let the provider check and compare, then keep, create,
// update or replace it, and answer the program with its outputs. When the program has ended well, what it did not register is
// deleted, dependents first.
//
//   program ── register ──> process() ──> provider ──> record() ──> reply
//                               │                         └──> Journal (state file: before and after every change)
//                               └─ error: stop() — nothing new starts, what runs ends, the program never gets its answer and is
//                               killed
//
// Rules:
//   1. A failure never answers a registration: an SDK that gets an error status may take half a minute to die of it (Node).
//      A function's failure is the program's own to handle: it is answered, and a program that does not handle it says where it
//      was.
//   2. Nothing is deleted when the program failed, was killed or interrupted.
//   3. Before a provider changes anything, the state file says what is about to change; after it, what has changed.
//   4. A preview runs the same code and touches nothing.
//   5. What a registered resource holds in the world is not deleted because another one let go of it.
//   6. What a preview promises, the run does: what a resource of the state stands in the way of is an error in both.
//   7. What holds the text of a secret is a secret, in the state and in every message.
//
// Threads: registrations run on at most `parallel` workers; run() is the one that waits and deletes. mutex_ guards everything
// below it and is not held while a provider works.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/mutex.hpp"
#include "base/result.hpp"
#include "deploy/events.hpp"
#include "deploy/pool.hpp"
#include "deploy/rpc/monitor.hpp"
#include "deploy/secret_texts.hpp"
#include "deploy/state.hpp"
#include "provider/provider.hpp"

namespace deploy {

// Makes the provider of a package from its configuration (the inputs of its provider resource); an error for a package that there
// is none for.
using ProviderFactory = std::function<base::Result<std::shared_ptr<provider::Provider>>(const std::string& package,
                                                                                        const provider::Property& configuration)>;

// Where the state goes while a deployment runs.
using Journal = std::function<base::Result<void>(const Snapshot& snapshot)>;

struct EngineOptions {
    std::string project, stack;
    std::map<std::string, std::string> config;  // ns:key to text, secrets too
    std::vector<std::string> secret_keys;
    std::string root;  // the project's folder: source positions are shown relative to it
    bool preview = false;
    int parallel = 16;
    std::string seed;  // of automatic names: a preview and its update share it
};

struct EngineHooks {
    ProviderFactory make_provider;
    Journal journal;
    Events* events = nullptr;
    base::Clock* clock = nullptr;
    crypto::Random* random = nullptr;
    // Fails when a secret could not be kept (no passphrase): asked before something with a secret is made.
    std::function<base::Result<void>()> can_keep_secrets;
    // The outputs of another stack, for StackReference.
    std::function<base::Result<provider::Property>(const std::string& name)> stack_outputs;
};

class Engine final : public rpc::Monitor {
public:
    Engine(EngineOptions options, EngineHooks hooks, Snapshot old);
    ~Engine() override;

    // rpc::Monitor
    void register_resource(rpc::Registration registration, rpc::Reply<rpc::Registered> reply) override;
    void register_outputs(const std::string& urn, provider::Property outputs) override;
    void read_resource(rpc::Reading reading, rpc::Reply<rpc::Registered> reply) override;
    void invoke(rpc::Invocation invocation, rpc::Reply<rpc::Invoked> reply) override;
    void finish(rpc::Reply<bool> reply) override;
    void log(rpc::Severity severity, std::string message, const std::string& urn, bool ephemeral) override;
    [[nodiscard]] rpc::DeploymentInfo info() const override;

    // What an earlier run left half-done: asks the providers what became of it and puts that into the old state. Before anything
    // else.
    [[nodiscard]] base::Result<void> recover();
    // Waits until the program ended or a step failed; deletes what is no longer wanted if all went well.
    void run();
    // The program ended; `error` says how it failed, if it did. From any thread.
    void program_ended(std::optional<std::string> error);
    // Deletes everything / reads everything anew; instead of run().
    void destroy();
    void refresh();
    // Starts nothing more, lets what runs end. From any thread.
    void interrupt();
    // A line that the program printed.
    void program_said(const std::string& line, bool is_error);

    [[nodiscard]] bool failed() const;
    [[nodiscard]] bool interrupted() const;
    // The state as it is now; valid at any time.
    [[nodiscard]] Snapshot snapshot() const;
    [[nodiscard]] provider::Property stack_outputs() const;
    // Answers finish(), after run().
    void release_program();

private:
    struct Context;     // one registration on its way (registration.cpp)
    struct Inherited {  // what children get from a parent
        bool protect = false, retain_on_delete = false;
        std::string deleted_with;
        std::map<std::string, std::string> providers;
        std::vector<std::string> aliases;
    };
    struct Instance {  // a configured provider
        std::shared_ptr<provider::Provider> provider;
        std::string reference;  // <urn>::<id>
    };

    // registration.cpp: what is wanted
    base::Result<rpc::Registered> process(const rpc::Registration& registration);
    base::Result<rpc::Registered> process_component(Context& context);
    base::Result<rpc::Registered> process_provider(Context& context);
    base::Result<rpc::Registered> process_custom(Context& context);
    base::Result<void> prepare(Context& context);
    base::Result<provider::Property> checked_inputs(Context& context, const provider::Property& olds, int attempt);
    base::Result<rpc::Registered> import_resource(Context& context);
    ResourcePtr find_old(const rpc::Registration& registration, const std::string& urn) REQUIRES(mutex_);
    std::vector<std::string> alias_urns(const rpc::Registration& registration, const std::string& urn) REQUIRES(mutex_);
    base::Result<Instance> provider_for(const std::string& type, const std::string& reference, const std::string& parent,
                                        const std::string& version);
    base::Result<Instance> provider_of(const Resource& resource);
    base::Result<Instance> default_provider(const std::string& package, const std::string& version);
    base::Result<std::shared_ptr<provider::Provider>> make_provider(const std::string& package,
                                                                    const provider::Property& configuration)
        REQUIRES(providers_mutex_);
    provider::Property sealed(provider::Property value, const provider::Property& like,
                              const std::vector<std::string>& also = {});

    // steps.cpp: what is done
    base::Result<rpc::Registered> keep(Context& context);
    base::Result<rpc::Registered> create(Context& context, Op op);
    base::Result<rpc::Registered> update(Context& context, const provider::Difference& difference);
    base::Result<rpc::Registered> replace(Context& context, const provider::Difference& difference);
    base::Result<void> delete_dependents_of(const Resource& resource);
    // Who else may hold what is deleted: at the end of a run only what the program registered, before it also what it may yet.
    enum class Others { registered, all };
    base::Result<void> delete_resource(const ResourcePtr& resource, Op op, Others others, bool goes_with_another = false);
    base::Result<std::string> why_it_stays(const Resource& resource, const std::vector<std::string>& things, Others others);
    rpc::Registered record(Context& context, std::shared_ptr<Resource> resource, const ResourcePtr& replaces);
    base::Result<void> begin(const std::string& kind, const Resource& resource);  // the write-ahead record
    base::Result<void> end(const std::string& urn);
    base::Result<void> persist();
    void forget(const ResourcePtr& resource);

    // resource_claims.cpp: what resources are in the world. While one is made, changed or deleted, no other step works on the same thing.
    class Claim;
    Claim claim(std::vector<std::string> things);
    std::vector<std::string> things_of(provider::Provider& provider, const Resource& resource) const;
    [[nodiscard]] std::string unique_name_of(provider::Provider& provider, const Resource& resource) const;
    void note_held(const Resource& resource, const std::vector<std::string>& things, const std::string& unique_name)
        REQUIRES(mutex_);
    // Fails where another resource of the state or of this run has the name that the registered one is to be made with; `leaving`
    // (null: nothing) is deleted before.
    base::Result<void> check_name_is_free(const Context& context, const ResourcePtr& leaving);

    // removal.cpp
    base::Result<void> recover_pending();
    void delete_unwanted();
    std::vector<ResourcePtr> unwanted() const;
    void delete_in_order(const std::vector<ResourcePtr>& resources);

    // In a preview: what this run would make, by its id.
    std::optional<provider::ReadState> planned(std::string_view type, std::string_view id);
    void fail(const base::Error& error, const std::string& urn, const rpc::Source& source);
    [[nodiscard]] bool stopping() const;
    [[nodiscard]] std::string now_text() const;
    [[nodiscard]] std::string shown(const rpc::Source& source) const;
    [[nodiscard]] Snapshot snapshot_locked() const REQUIRES(mutex_);

    const EngineOptions options_;
    const EngineHooks hooks_;
    KnownSecrets secrets_;
    MaskedEvents events_;

    mutable base::Mutex mutex_;
    base::Condition changed_;
    bool failed_ GUARDED_BY(mutex_) = false;
    bool interrupted_ GUARDED_BY(mutex_) = false;
    bool program_over_ GUARDED_BY(mutex_) = false;  // it called finish() or ended
    bool program_failed_ GUARDED_BY(mutex_) = false;
    rpc::Reply<bool> finish_reply_ GUARDED_BY(mutex_);
    std::vector<ResourcePtr> olds_ GUARDED_BY(mutex_);                  // what is left of the old state
    std::vector<std::shared_ptr<Resource>> news_ GUARDED_BY(mutex_);    // what this run has recorded, in order
    std::map<std::string, ResourcePtr> old_by_urn_ GUARDED_BY(mutex_);  // live ones
    std::set<std::string> seen_ GUARDED_BY(mutex_);                     // URNs registered in this run
    std::set<std::string> recreated_ GUARDED_BY(mutex_);  // deleted in this run to make way; come back as replacements
    std::map<std::string, PendingOperation> pending_ GUARDED_BY(mutex_);
    std::map<std::string, std::string> held_ GUARDED_BY(mutex_);   // things in the world to the URNs of registered resources
    std::map<std::string, std::string> names_ GUARDED_BY(mutex_);  // unique names to the URNs of registered resources
    std::set<std::string> claimed_ GUARDED_BY(mutex_);             // things that a step works on
    std::map<std::string, Inherited> inherited_ GUARDED_BY(mutex_);
    std::string stack_urn_ GUARDED_BY(mutex_);
    std::optional<provider::Property> stack_outputs_ GUARDED_BY(mutex_);

    base::Mutex providers_mutex_;                                             // a provider is made once; making one may take long
    std::map<std::string, Instance> providers_ GUARDED_BY(providers_mutex_);  // by reference, and default ones by package@version
    std::vector<std::pair<std::string, provider::Property>> unready_
        GUARDED_BY(providers_mutex_);  // packages and settings that cannot work

    base::Mutex journal_mutex_;
    base::Condition journal_changed_;
    uint64_t journal_wanted_ GUARDED_BY(journal_mutex_) = 0, journal_written_ GUARDED_BY(journal_mutex_) = 0;
    bool journal_busy_ GUARDED_BY(journal_mutex_) = false;
    std::optional<base::Error> journal_error_ GUARDED_BY(journal_mutex_);

    std::unique_ptr<Pool> pool_;  // last: its threads use all the above
};

}  // namespace deploy
