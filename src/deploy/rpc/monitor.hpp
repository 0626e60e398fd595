// What a running program asks of the engine, in our own types: Pulumi's ResourceMonitor and Engine services without gRPC.
//
// Calls that may take long answer through a Reply: from any thread, at most once, or never (a program whose deployment failed is
// killed while it waits; see engine.hpp). Everything else answers at once.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "provider/property.hpp"

namespace deploy::rpc {

// Where in the program's source a request was made: `__main__.py:12`.
struct Source {
    std::string file;  // a path, not a URI
    int line = 0;
    int column = 0;
};

// Another name that a resource was known under: a whole URN, or what differs from its present name.
struct Alias {
    std::string urn;
    std::string name, type, stack, project;  // empty: as now
    std::optional<std::string> parent;       // nullopt: as now; "": none
};

struct Registration {
    std::string type, name, parent;
    bool custom = false;
    bool remote = false;
    provider::Property inputs;  // an object
    std::optional<bool> protect;
    std::optional<bool> retain_on_delete;
    std::optional<bool> delete_before_replace;
    std::vector<std::string> dependencies;
    std::map<std::string, std::vector<std::string>> property_dependencies;
    std::string provider;                          // `<urn>::<id>`; empty: the parent's or the default one
    std::map<std::string, std::string> providers;  // package to provider reference, for children
    std::string version;
    std::vector<std::string> ignore_changes, replace_on_changes, additional_secret_outputs;
    std::vector<Alias> aliases;
    std::string import_id;
    std::string deleted_with;
    std::map<std::string, std::string> custom_timeouts;
    Source source;
};

struct Registered {
    std::string urn;
    std::string id;              // empty: not known yet
    provider::Property outputs;  // an object
};

struct Reading {
    std::string id, type, name, parent;
    provider::Property inputs;
    std::vector<std::string> dependencies;
    std::string provider, version;
    std::vector<std::string> additional_secret_outputs;
    Source source;
};

struct Invocation {
    std::string token;
    provider::Property arguments;
    std::string provider, version, parent;
    Source source;
};

struct Invoked {
    provider::Property result;
    std::vector<std::pair<std::string, std::string>> failures;  // property, reason
};

enum class Severity { debug, info, warning, error };

struct DeploymentInfo {
    std::string project, stack, organization;
    std::map<std::string, std::string> config;
    std::vector<std::string> secret_keys;
    bool preview = false;
    int parallel = 0;
};

template <class T>
using Reply = std::function<void(base::Result<T>)>;

class Monitor {
public:
    virtual ~Monitor() = default;
    virtual void register_resource(Registration registration, Reply<Registered> reply) = 0;
    virtual void register_outputs(const std::string& urn, provider::Property outputs) = 0;
    virtual void read_resource(Reading reading, Reply<Registered> reply) = 0;
    virtual void invoke(Invocation invocation, Reply<Invoked> reply) = 0;
    // The program has registered all it will; answered when the deployment is over.
    virtual void finish(Reply<bool> reply) = 0;
    virtual void log(Severity severity, std::string message, const std::string& urn, bool ephemeral) = 0;
    [[nodiscard]] virtual DeploymentInfo info() const = 0;
};

// Names of features as SDKs ask for them (SupportsFeature), and their numbers in DeploymentInfo.
[[nodiscard]] bool supports_feature(std::string_view name);
[[nodiscard]] std::vector<int> supported_features();

}  // namespace deploy::rpc
